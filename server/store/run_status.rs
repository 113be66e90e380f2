//! How a run is doing, for whoever waits for it, and how many do.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Gate, StoreError, Tx, runs};

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

/// How the queue of the whole house stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Runs that wait, those among them whose worker fell silent.
    pub waiting: i64,
    /// Runs somebody works on.
    pub running: i64,
    /// Since when the oldest of those that wait has waited.
    pub oldest: Option<DateTime<Utc>>,
}

/// How the queue of the whole house stands, over all tenants and naming none.
pub async fn queue(gate: &mut Gate, now: DateTime<Utc>) -> Result<Queue, StoreError> {
    Ok(sqlx::query_as!(
        Queue,
        r#"SELECT count(*) FILTER (WHERE waits) AS "waiting!", count(*) FILTER (WHERE NOT waits) AS "running!",
                  min(since) FILTER (WHERE waits) AS oldest
           FROM (SELECT state = 'queued' OR heartbeat_at < $1 AS waits,
                        CASE WHEN state = 'queued' THEN queued_at ELSE heartbeat_at END AS since
                 FROM runs WHERE state IN ('queued', 'running')) AS under_way"#,
        now - runs::SILENCE
    )
    .fetch_one(gate.on())
    .await?)
}
