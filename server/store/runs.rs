//! Runs: one collection pass over one connection, and the queue they wait in.
//!
//! A run is its own job. A worker claims it, beats its heart while it reads, and holds a *claim*
//! that carries the attempt; when the heart stops, another worker claims the run with the next
//! attempt, and whatever the first one still tries to write finds its attempt outdated.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Gate, StoreError, Tx, outbox, text::storable};
use crate::model::{Gap, TenantId};

/// A heart that has been silent this long has stopped. It beats every two seconds by the clock of the
/// worker's machine, so machines may differ by the rest.
pub const SILENCE: TimeDelta = TimeDelta::seconds(8);
/// A run is given up after this many attempts.
pub const MOST_ATTEMPTS: i32 = 5;
/// Gaps kept of one run; the rest is counted.
pub const MOST_GAPS: usize = 2_000;

/// The right to work on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose run.
    pub tenant: TenantId,
    /// The run.
    pub run: Uuid,
    /// Its connection.
    pub connection: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: i32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It read what it could.
    Done,
    /// Nothing could be read.
    Failed,
    /// It was stopped too often.
    Interrupted,
}

impl Ending {
    /// As it is kept and counted.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What is wanted of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Everything, read anew: somebody wants to see what is true now.
    Everything,
    /// What may have changed; the rest may be taken over, as in runs that come by themselves.
    Changes,
}

/// Queues a run of a connection. None where one is waiting or running already, or the connection is
/// removed. Where everything is wanted, the one that waits then reads everything; if the one that runs
/// does not, another one follows it.
pub async fn enqueue(
    tx: &mut Tx,
    connection: Uuid,
    reads: Reads,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    let tenant = tx.tenant();
    let asked = reads == Reads::Everything;
    let row = sqlx::query!(
        "INSERT INTO runs (tenant_id, id, connection_id, queued_at, asked)
         SELECT c.tenant_id, $2, c.id, $4, $5 FROM connections c
         WHERE c.tenant_id = $1 AND c.id = $3 AND c.removed_at IS NULL
         ON CONFLICT (tenant_id, connection_id) WHERE state IN ('queued', 'running') DO NOTHING
         RETURNING id",
        tenant.0,
        Uuid::now_v7(),
        connection,
        now,
        asked
    )
    .fetch_optional(tx.on())
    .await?;
    if row.is_none() && asked {
        sqlx::query!(
            "UPDATE runs SET asked = true
             WHERE tenant_id = $1 AND connection_id = $2 AND state IN ('queued', 'running') AND NOT asked",
            tenant.0,
            connection
        )
        .execute(tx.on())
        .await?;
    }
    Ok(row.map(|row| row.id))
}

/// Queues every connection that is due: one never read, or one whose next place in its interval has
/// come. Returns how many.
pub async fn enqueue_due(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "INSERT INTO runs (tenant_id, id, connection_id, queued_at)
         SELECT c.tenant_id, gen_random_uuid(), c.id, $2::timestamptz
         FROM connections c LEFT JOIN LATERAL (
            SELECT r.queued_at, r.state FROM runs r WHERE r.tenant_id = c.tenant_id AND r.connection_id = c.id
            ORDER BY r.queued_at DESC LIMIT 1) last ON true
         WHERE c.tenant_id = $1 AND NOT c.paused AND c.removed_at IS NULL
           AND (last.state IS NULL OR (last.state NOT IN ('queued', 'running')
                AND parallax_due(c.id, c.interval_seconds, last.queued_at) <= $2::timestamptz))
         ON CONFLICT (tenant_id, connection_id) WHERE state IN ('queued', 'running') DO NOTHING",
        tenant.0,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}

/// The tenant whose run has waited longest: one that waits, or one whose worker fell silent.
pub async fn whose_turn(gate: &mut Gate, now: DateTime<Utc>) -> Result<Option<TenantId>, StoreError> {
    let row = sqlx::query!(
        "SELECT tenant_id FROM runs WHERE state IN ('queued', 'running') AND attempts < $2
           AND (state = 'queued' OR heartbeat_at < $1)
         ORDER BY queued_at LIMIT 1",
        now - SILENCE,
        MOST_ATTEMPTS
    )
    .fetch_optional(gate.on())
    .await?;
    Ok(row.map(|row| TenantId(row.tenant_id)))
}

/// Claims the next run: one that waits, or one whose worker fell silent.
pub async fn claim(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "UPDATE runs SET state = 'running', attempts = attempts + 1, heartbeat_at = $2,
                started_at = coalesce(started_at, $2), phase = 'starting', done = 0, total = NULL
         WHERE tenant_id = $1 AND id = (
            SELECT id FROM runs WHERE tenant_id = $1 AND attempts < $4
              AND (state = 'queued' OR (state = 'running' AND heartbeat_at < $3))
            ORDER BY queued_at FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING id, connection_id, attempts",
        tenant.0,
        now,
        now - SILENCE,
        MOST_ATTEMPTS
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| Claim { tenant, run: row.id, connection: row.connection_id, attempt: row.attempts }))
}

/// Claims this run, if it waits or its worker fell silent.
pub async fn claim_one(tx: &mut Tx, run: Uuid, now: DateTime<Utc>) -> Result<Option<Claim>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "UPDATE runs SET state = 'running', attempts = attempts + 1, heartbeat_at = $2,
                started_at = coalesce(started_at, $2), phase = 'starting', done = 0, total = NULL
         WHERE tenant_id = $1 AND id = $5 AND attempts < $4
           AND (state = 'queued' OR (state = 'running' AND heartbeat_at < $3))
         RETURNING connection_id, attempts",
        tenant.0,
        now,
        now - SILENCE,
        MOST_ATTEMPTS,
        run
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| Claim { tenant, run, connection: row.connection_id, attempt: row.attempts }))
}

/// Ends runs that fell silent at their last attempt.
pub async fn give_up(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE runs SET state = 'interrupted', finished_at = $2, fault = 'its worker stopped five times'
         WHERE tenant_id = $1 AND state = 'running' AND heartbeat_at < $3 AND attempts >= $4 RETURNING id",
        tenant.0,
        now,
        now - SILENCE,
        MOST_ATTEMPTS
    )
    .fetch_all(tx.on())
    .await?;
    for row in &done {
        outbox::run(tx, row.id, now).await?;
    }
    Ok(done.len() as u64)
}

/// How far a claimed run has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it is doing.
    pub phase: String,
    /// Of this phase, done.
    pub done: i64,
    /// Of this phase, in all.
    pub total: Option<i64>,
    /// Assets seen so far.
    pub seen: i64,
    /// Assets new or changed so far.
    pub changed: i64,
    /// Gaps met so far.
    pub gaps: i64,
}

/// Beats the heart. False where the claim is outdated: another worker has the run.
pub async fn beat(
    tx: &mut Tx,
    claim: Claim,
    now: DateTime<Utc>,
    standing: &Standing,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE runs SET heartbeat_at = $4, phase = $5, done = $6, total = $7,
                assets_seen = $8, assets_changed = $9, gap_count = $10
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'running'",
        tenant.0,
        claim.run,
        claim.attempt,
        now,
        &storable(&standing.phase),
        standing.done,
        standing.total,
        standing.seen,
        standing.changed,
        standing.gaps
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Beats the heart and says nothing else. False where the claim is outdated.
pub async fn touch(tx: &mut Tx, claim: Claim, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE runs SET heartbeat_at = $4
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'running'",
        tenant.0,
        claim.run,
        claim.attempt,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a claimed run. False where the claim is outdated.
pub async fn finish(
    tx: &mut Tx,
    claim: Claim,
    ending: Ending,
    fault: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (tenant, fault) = (tx.tenant(), fault.map(storable));
    let done = sqlx::query!(
        "UPDATE runs SET state = $4, fault = $5, finished_at = $6, heartbeat_at = $6, phase = ''
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'running'",
        tenant.0,
        claim.run,
        claim.attempt,
        ending.code(),
        fault.as_deref(),
        now
    )
    .execute(tx.on())
    .await?;
    if done.rows_affected() > 0 {
        outbox::run(tx, claim.run, now).await?;
        make_up_for(tx, claim, now).await?;
    }
    Ok(done.rows_affected() > 0)
}

/// Somebody asked for everything while this run was reading what may have changed: another one follows.
async fn make_up_for(tx: &mut Tx, claim: Claim, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT asked AND since IS NOT NULL AS "owes!" FROM runs WHERE tenant_id = $1 AND id = $2"#,
        tenant.0,
        claim.run
    )
    .fetch_one(tx.on())
    .await?;
    if row.owes {
        enqueue(tx, claim.connection, Reads::Everything, now).await?;
    }
    Ok(())
}

/// Lays a claimed run back into the queue, for another worker to take at once.
pub async fn hand_back(tx: &mut Tx, claim: Claim) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE runs SET state = 'queued', attempts = attempts - 1
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'running'",
        tenant.0,
        claim.run,
        claim.attempt
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Replaces the gaps of a run.
pub async fn write_gaps(tx: &mut Tx, run: Uuid, gaps: &[Gap]) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let gaps = &gaps[..gaps.len().min(MOST_GAPS)];
    sqlx::query!("DELETE FROM gaps WHERE tenant_id = $1 AND run_id = $2", tenant.0, run)
        .execute(tx.on())
        .await?;
    let text =
        |pick: fn(&Gap) -> &str| gaps.iter().map(|gap| storable(pick(gap)).into_owned()).collect::<Vec<_>>();
    let maybe = |pick: fn(&Gap) -> &Option<String>| {
        gaps.iter()
            .map(|gap| pick(gap).as_deref().map(|text| storable(text).into_owned()))
            .collect::<Vec<_>>()
    };
    sqlx::query!(
        "INSERT INTO gaps (tenant_id, run_id, position, facet, call, code, message, permission, asset, hides_assets)
         SELECT $1, $2, row_number() OVER () - 1, g.*
         FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bool[]) AS g",
        tenant.0,
        run,
        &text(|gap| &gap.facet),
        &text(|gap| &gap.call),
        &text(|gap| &gap.code),
        &text(|gap| &gap.message),
        &maybe(|gap| &gap.permission) as &[Option<String>],
        &maybe(|gap| &gap.asset) as &[Option<String>],
        &gaps.iter().map(|gap| gap.hides_assets).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// How the last run of a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// `queued`, `running`, `done`, `failed` or `interrupted`.
    pub state: String,
    /// Assets seen.
    pub seen: i64,
    /// Assets new or changed.
    pub changed: i64,
    /// Gaps met.
    pub gaps: i64,
    /// Why it failed, if it did.
    pub fault: Option<String>,
}

/// The last run of a connection.
pub async fn last(tx: &mut Tx, connection: Uuid) -> Result<Option<Last>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Last,
        "SELECT state, assets_seen AS seen, assets_changed AS changed, gap_count AS gaps, fault FROM runs
         WHERE tenant_id = $1 AND connection_id = $2 ORDER BY queued_at DESC LIMIT 1",
        tenant.0,
        connection
    )
    .fetch_optional(tx.on())
    .await?)
}
