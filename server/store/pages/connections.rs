//! Connections with their last runs, one run, and the gaps of either.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, Tx};

/// A run as a page shows it.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Its connection.
    pub connection: Uuid,
    /// Name of the connection.
    pub connection_name: String,
    /// `queued`, `running`, `done`, `failed` or `interrupted`.
    pub state: String,
    /// What it is doing.
    pub phase: String,
    /// Of this phase, done.
    pub done: i64,
    /// Of this phase, in all.
    pub total: Option<i64>,
    /// Assets seen.
    pub assets_seen: i64,
    /// Assets new or changed.
    pub assets_changed: i64,
    /// Gaps met.
    pub gap_count: i64,
    /// Why it failed.
    pub fault: Option<String>,
    /// Attempts so far.
    pub attempts: i32,
    /// Asked for.
    pub queued_at: DateTime<Utc>,
    /// Begun.
    pub started_at: Option<DateTime<Utc>>,
    /// Ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When the whole reading began that it builds on; none where it reads everything itself.
    pub since: Option<DateTime<Utc>>,
}

/// A connection as a page shows it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Who runs the source.
    pub provider: String,
    /// How to reach it.
    pub spec: serde_json::Value,
    /// How often it is read, in seconds.
    pub interval_seconds: i64,
    /// Not read until somebody says so.
    pub paused: bool,
    /// Made on the machine itself.
    pub by_operator: bool,
    /// When it is read next; none where it is paused, removed or never was.
    pub due_at: Option<DateTime<Utc>>,
    /// Since when its secret is kept; none where it has none.
    pub kept_since: Option<DateTime<Utc>>,
    /// What the last test of it said.
    pub tested: Option<serde_json::Value>,
    /// Removed: not read any more.
    pub removed_at: Option<DateTime<Utc>>,
}

/// A kind of gap: what could not be read, why, what would help, and how often.
#[derive(Debug, Clone)]
pub struct Hole {
    /// What could not be read.
    pub facet: String,
    /// The call.
    pub call: String,
    /// The source's error code.
    pub code: String,
    /// One of its messages.
    pub message: String,
    /// The permission that would help.
    pub permission: Option<String>,
    /// Whole assets are hidden, not just facts of theirs.
    pub hides_assets: bool,
    /// How many assets, or calls, it concerns.
    pub times: i64,
}

/// Every connection that is not removed, by name, at most 500.
pub async fn list(tx: &mut Tx) -> Result<Vec<Connection>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Connection,
        r#"SELECT c.id, c.name, c.provider, c.spec, c.interval_seconds, c.paused, c.by_operator, c.tested, c.removed_at,
                  s.created_at AS "kept_since?",
                  (SELECT parallax_due(c.id, c.interval_seconds, r.queued_at) FROM runs r
                   WHERE r.tenant_id = c.tenant_id AND r.connection_id = c.id
                     AND NOT c.paused AND c.removed_at IS NULL
                   ORDER BY r.queued_at DESC LIMIT 1) AS due_at
           FROM connections c LEFT JOIN secrets s ON s.tenant_id = c.tenant_id AND s.id = c.secret_id
           WHERE c.tenant_id = $1 AND c.removed_at IS NULL ORDER BY c.name LIMIT 500"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?)
}

/// The connection with this id; one that is being erased is none.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Connection>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Connection,
        r#"SELECT c.id, c.name, c.provider, c.spec, c.interval_seconds, c.paused, c.by_operator, c.tested, c.removed_at,
                  s.created_at AS "kept_since?",
                  (SELECT parallax_due(c.id, c.interval_seconds, r.queued_at) FROM runs r
                   WHERE r.tenant_id = c.tenant_id AND r.connection_id = c.id
                     AND NOT c.paused AND c.removed_at IS NULL
                   ORDER BY r.queued_at DESC LIMIT 1) AS due_at
           FROM connections c LEFT JOIN secrets s ON s.tenant_id = c.tenant_id AND s.id = c.secret_id
           WHERE c.tenant_id = $1 AND c.id = $2 AND NOT c.erase"#,
        tenant,
        id
    )
    .fetch_optional(tx.on())
    .await?)
}

/// Connections that are removed and keep their history, the latest first, at most 100: id, name and
/// when.
pub async fn removed(tx: &mut Tx) -> Result<Vec<(Uuid, String, DateTime<Utc>)>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT id, name, removed_at AS "removed_at!" FROM connections
           WHERE tenant_id = $1 AND removed_at IS NOT NULL AND NOT erase
           ORDER BY removed_at DESC, id LIMIT 100"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name, row.removed_at)).collect())
}

/// The newest run of every connection.
pub async fn last_runs(tx: &mut Tx) -> Result<Vec<Run>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Run,
        r#"SELECT r.id AS "id!", c.id AS connection, c.name AS connection_name, r.state AS "state!", r.phase AS "phase!",
                  r.done AS "done!", r.total, r.assets_seen AS "assets_seen!", r.assets_changed AS "assets_changed!",
                  r.gap_count AS "gap_count!", r.fault, r.attempts AS "attempts!", r.queued_at AS "queued_at!",
                  r.started_at, r.finished_at, r.since
           FROM connections c CROSS JOIN LATERAL (
                SELECT * FROM runs r WHERE r.tenant_id = $1 AND r.connection_id = c.id
                ORDER BY queued_at DESC LIMIT 1) r
           WHERE c.tenant_id = $1"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?)
}

/// The runs of a connection, newest first.
pub async fn runs(tx: &mut Tx, connection: Uuid, most: i64) -> Result<Vec<Run>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Run,
        "SELECT r.id, c.id AS connection, c.name AS connection_name, r.state, r.phase, r.done, r.total,
                r.assets_seen, r.assets_changed, r.gap_count, r.fault, r.attempts, r.queued_at, r.started_at, r.finished_at, r.since
         FROM runs r JOIN connections c ON c.tenant_id = r.tenant_id AND c.id = r.connection_id
         WHERE r.tenant_id = $1 AND r.connection_id = $2 ORDER BY r.queued_at DESC LIMIT $3",
        tenant,
        connection,
        most
    )
    .fetch_all(tx.on())
    .await?)
}

/// The run with this id.
pub async fn run(tx: &mut Tx, id: Uuid) -> Result<Option<Run>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Run,
        "SELECT r.id, c.id AS connection, c.name AS connection_name, r.state, r.phase, r.done, r.total,
                r.assets_seen, r.assets_changed, r.gap_count, r.fault, r.attempts, r.queued_at, r.started_at, r.finished_at, r.since
         FROM runs r JOIN connections c ON c.tenant_id = r.tenant_id AND c.id = r.connection_id
         WHERE r.tenant_id = $1 AND r.id = $2",
        tenant,
        id
    )
    .fetch_optional(tx.on())
    .await?)
}

/// The kinds of gaps these runs met, the most frequent first.
pub async fn holes(tx: &mut Tx, runs: &[Uuid], most: i64) -> Result<Vec<Hole>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Hole,
        r#"SELECT facet, call, code, min(message) AS "message!", permission, bool_or(hides_assets) AS "hides_assets!",
                  count(*) AS "times!"
           FROM gaps WHERE tenant_id = $1 AND run_id = ANY($2)
           GROUP BY facet, call, code, permission
           ORDER BY bool_or(hides_assets) DESC, count(*) DESC, facet LIMIT $3"#,
        tenant,
        runs,
        most
    )
    .fetch_all(tx.on())
    .await?)
}

/// The newest run of every connection that came to its end, whatever runs now.
pub async fn last_ended(tx: &mut Tx) -> Result<Vec<Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT r.id AS "id!" FROM connections c CROSS JOIN LATERAL (
                SELECT id FROM runs r WHERE r.tenant_id = $1 AND r.connection_id = c.id AND r.state IN ('done', 'failed')
                ORDER BY queued_at DESC LIMIT 1) r
           WHERE c.tenant_id = $1 AND c.removed_at IS NULL"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
