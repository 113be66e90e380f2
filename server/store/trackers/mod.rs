//! Trackers: how they are reached, which tickets go there, and whose turn it is to look.
//!
//! One worker at a time looks after a tracker; it holds a turn that outdates every earlier one.

mod elsewhere;
mod issues;

pub use elsewhere::{Known, of_ticket};
pub(in crate::store) use issues::touched;
pub use issues::{
    Issue, adopt, begin, checked, fresh_comments, known, lost, put_off, send, stale, steps, to_tell, told,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::text::storable;
use super::{Gate, StoreError, Tx, secrets, to_json};
use crate::model::{TenantId, TrackerRule, TrackerSpec};

/// A worker that falls silent is believed to be dead after so long.
const SILENCE: TimeDelta = TimeDelta::minutes(3);

/// A tracker, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracker {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub spec: TrackerSpec,
    /// Which tickets go there by themselves.
    pub rule: Option<TrackerRule>,
    /// Under which its token is sealed.
    pub secret: Uuid,
    /// Since when nothing is said or asked.
    pub paused_at: Option<DateTime<Utc>>,
    /// Changes there were read up to here.
    pub read_until: DateTime<Utc>,
    /// When what changed there is asked for next.
    pub next_look_at: DateTime<Utc>,
    /// Nothing is said or asked before.
    pub quiet_until: DateTime<Utc>,
    /// The turn of the worker that looks after it.
    pub turn: i64,
    /// Why the last look failed.
    pub fault: Option<String>,
    /// When it failed.
    pub fault_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    name: String,
    spec: Value,
    rule: Option<Value>,
    secret_id: Uuid,
    paused_at: Option<DateTime<Utc>>,
    read_until: DateTime<Utc>,
    next_look_at: DateTime<Utc>,
    quiet_until: DateTime<Utc>,
    turn: i64,
    fault: Option<String>,
    fault_at: Option<DateTime<Utc>>,
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, StoreError> {
    serde_json::from_value(value)
        .map_err(|fault| StoreError::Inconsistent { table: "trackers", problem: fault.to_string() })
}

impl TryFrom<Row> for Tracker {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            spec: read(row.spec)?,
            rule: row.rule.map(read).transpose()?,
            secret: row.secret_id,
            paused_at: row.paused_at,
            read_until: row.read_until,
            next_look_at: row.next_look_at,
            quiet_until: row.quiet_until,
            turn: row.turn,
            fault: row.fault,
            fault_at: row.fault_at,
        })
    }
}

/// Every tracker, by name, at most a hundred.
pub async fn list(tx: &mut Tx) -> Result<Vec<Tracker>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, spec, rule, secret_id, paused_at, read_until, next_look_at, quiet_until, turn, fault, fault_at
         FROM trackers WHERE tenant_id = $1 ORDER BY name LIMIT 100",
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(Tracker::try_from).collect()
}

/// The tracker with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Tracker>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|one| one.id == id))
}

/// Makes a tracker under this id, or changes it; its token is sealed under the id too.
pub async fn save(
    tx: &mut Tx,
    id: Uuid,
    name: &str,
    spec: &TrackerSpec,
    rule: Option<&TrackerRule>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let rule = rule.map(|rule| to_json("trackers", rule)).transpose()?;
    sqlx::query!(
        "INSERT INTO trackers (tenant_id, id, name, spec, rule, secret_id, read_until, next_look_at, quiet_until, created_at)
         VALUES ($1, $2, $3, $4, $5, $2, $6, $6, $6, $6)
         ON CONFLICT (tenant_id, id) DO UPDATE SET name = EXCLUDED.name, spec = EXCLUDED.spec, rule = EXCLUDED.rule,
            quiet_until = EXCLUDED.quiet_until, fault = NULL, fault_at = NULL",
        tenant,
        id,
        name,
        to_json("trackers", spec)?,
        rule,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Says and asks nothing more, or goes on.
pub async fn pause(tx: &mut Tx, id: Uuid, paused: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE trackers SET paused_at = CASE WHEN $3 THEN $4::timestamptz END, quiet_until = $4, next_look_at = $4
         WHERE tenant_id = $1 AND id = $2",
        tenant,
        id,
        paused,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Removes a tracker with what is known of its issues; over there nothing changes.
pub async fn remove(tx: &mut Tx, tracker: &Tracker) -> Result<(), StoreError> {
    secrets::remove(tx, tracker.secret).await?;
    Ok(())
}

/// Every tenant that has trackers.
pub async fn whose_turn(gate: &mut Gate) -> Result<Vec<TenantId>, StoreError> {
    let rows = sqlx::query!("SELECT DISTINCT tenant_id FROM trackers WHERE paused_at IS NULL")
        .fetch_all(gate.on())
        .await?;
    Ok(rows.into_iter().map(|row| TenantId(row.tenant_id)).collect())
}

/// Takes the next tracker that has something to be told or asked; nobody else does for a while.
pub async fn take(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Tracker>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query_as!(
        Row,
        "UPDATE trackers SET turn = turn + 1, claimed_until = $3
         WHERE tenant_id = $1 AND id = (
            SELECT t.id FROM trackers t WHERE t.tenant_id = $1 AND t.paused_at IS NULL AND t.quiet_until <= $2
              AND (t.claimed_until IS NULL OR t.claimed_until < $2)
              AND (t.next_look_at <= $2 OR EXISTS (SELECT FROM tracker_issues i WHERE i.tenant_id = $1
                   AND i.tracker_id = t.id AND i.version <> i.told_version AND i.state <> 'lost' AND i.next_try_at <= $2))
            ORDER BY t.next_look_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, name, spec, rule, secret_id, paused_at, read_until, next_look_at, quiet_until, turn, fault, fault_at",
        tenant,
        now,
        now + SILENCE
    )
    .fetch_optional(tx.on())
    .await?;
    row.map(Tracker::try_from).transpose()
}

/// Goes on with a turn. False where another worker has taken the tracker since.
pub async fn hold(tx: &mut Tx, tracker: &Tracker, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE trackers SET claimed_until = $4 WHERE tenant_id = $1 AND id = $2 AND turn = $3",
        tenant,
        tracker.id,
        tracker.turn,
        now + SILENCE
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// What changed there was read up to here.
    pub read_until: Option<DateTime<Utc>>,
    /// When to ask next.
    pub next_look_at: Option<DateTime<Utc>>,
    /// Nothing is said or asked before.
    pub quiet_until: Option<DateTime<Utc>>,
    /// What went wrong.
    pub fault: Option<String>,
}

/// Ends a turn.
pub async fn ended(
    tx: &mut Tx,
    tracker: &Tracker,
    turn: &Turn,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (tenant, fault) = (tx.tenant().0, turn.fault.as_deref().map(storable));
    sqlx::query!(
        "UPDATE trackers SET claimed_until = NULL, read_until = coalesce($4, read_until),
                next_look_at = coalesce($5, next_look_at), quiet_until = coalesce($6, quiet_until), fault = $7,
                fault_at = CASE WHEN $7::text IS NOT NULL THEN $8::timestamptz END
         WHERE tenant_id = $1 AND id = $2 AND turn = $3",
        tenant,
        tracker.id,
        tracker.turn,
        turn.read_until,
        turn.next_look_at,
        turn.quiet_until,
        fault.as_deref(),
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
