//! How a run is doing, for whoever waits for it.

use uuid::Uuid;

use super::{StoreError, Tx};

/// How a run is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// queued, running, done, failed or interrupted.
    pub state: String,
    /// Whether it has ended.
    pub ended: bool,
    /// What it is doing.
    pub phase: String,
    /// Of this phase, done.
    pub done: i64,
    /// Of this phase, in all.
    pub total: Option<i64>,
    /// Assets seen.
    pub seen: i64,
    /// Assets new or changed.
    pub changed: i64,
    /// Gaps met.
    pub gaps: i64,
    /// How often a worker took it up.
    pub attempts: i32,
    /// Why it failed.
    pub fault: Option<String>,
    /// Open findings of its connection, once it has ended.
    pub open_findings: i64,
}

/// How the run is doing; none where there is no such run.
pub async fn get(tx: &mut Tx, run: Uuid) -> Result<Option<Status>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Status,
        r#"SELECT r.state, r.finished_at IS NOT NULL AS "ended!", r.phase, r.done, r.total,
                  r.assets_seen AS seen, r.assets_changed AS changed, r.gap_count AS gaps, r.attempts, r.fault,
                  CASE WHEN r.finished_at IS NULL THEN 0 ELSE (
                      SELECT count(*) FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id
                      WHERE f.tenant_id = r.tenant_id AND a.connection_id = r.connection_id AND f.state = 'open')
                  END AS "open_findings!"
           FROM runs r WHERE r.tenant_id = $1 AND r.id = $2"#,
        tenant.0,
        run
    )
    .fetch_optional(tx.on())
    .await?)
}

/// The run of a connection that waits or is under way, or else its last.
pub async fn latest(tx: &mut Tx, connection: Uuid) -> Result<Option<Uuid>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT id FROM runs WHERE tenant_id = $1 AND connection_id = $2
         ORDER BY state IN ('queued', 'running') DESC, queued_at DESC LIMIT 1",
        tenant.0,
        connection
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| row.id))
}
