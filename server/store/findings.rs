//! Findings: failing verdicts that live over time, under an identity that never changes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, Tx, assessments::rank, outbox, parsed, tickets};
use crate::model::{Area, AssetId, Evidence, FindingId, Kind, Severity};
use crate::score::Priority;

/// Where a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It fails now.
    Open,
    /// It failed when it could last be read.
    Stale,
    /// It fails no more.
    Resolved,
    /// It fails, and an exception accepts that for a time.
    Accepted,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Stale, Self::Resolved, Self::Accepted];

    /// Somebody has to do something about it: what tickets count.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Open | Self::Stale)
    }

    /// The spelling used in SQL, URLs and the API.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Stale => "stale",
            Self::Resolved => "resolved",
            Self::Accepted => "accepted",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.code() == text)
            .ok_or_else(|| format!("{text:?} is not one of open, stale, resolved, accepted"))
    }
}

/// A finding as far as its life goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// Its id.
    pub id: FindingId,
    /// Its asset.
    pub asset: AssetId,
    /// Where it stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// How urgent it is.
    pub priority: Priority,
    /// What was found.
    pub reason: String,
    /// The facts that decided.
    pub evidence: Vec<Evidence>,
    /// First opened.
    pub opened_at: DateTime<Utc>,
    /// Resolved, if it is.
    pub resolved_at: Option<DateTime<Utc>>,
    /// How often it came back.
    pub reopened: i32,
    /// The exception it hangs on, where it is accepted.
    pub exception: Option<Uuid>,
}

/// The findings of these assets; of one control, or of all.
pub async fn of_assets(
    tx: &mut Tx,
    assets: &[AssetId],
    control: Option<&str>,
) -> Result<Vec<Life>, StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = assets.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, asset_id, state, severity, priority, reason, evidence::text AS "evidence!", opened_at,
                  resolved_at, reopened, exception_id
           FROM findings WHERE tenant_id = $1 AND asset_id = ANY($2) AND ($3::text IS NULL OR control = $3)"#,
        tenant.0,
        &ids,
        control
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Life {
                id: FindingId(row.id),
                asset: AssetId(row.asset_id),
                state: parsed("findings", &row.state)?,
                severity: parsed("findings", &row.severity)?,
                priority: Priority(row.priority),
                reason: row.reason,
                evidence: serde_json::from_str(&row.evidence).map_err(|fault| StoreError::Inconsistent {
                    table: "findings",
                    problem: fault.to_string(),
                })?,
                opened_at: row.opened_at,
                resolved_at: row.resolved_at,
                reopened: row.reopened,
                exception: row.exception_id,
            })
        })
        .collect()
}

/// What a change of a finding is told as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It fails for the first time.
    Opened,
    /// It fails again.
    Reopened,
    /// It fails no more.
    Resolved,
    /// It can no longer be read.
    Stale,
    /// It can be read again, and still fails.
    SeenAgain,
    /// An exception accepts it.
    Accepted,
    /// Its exception ended, and it still fails.
    Returned,
}

impl Event {
    /// As it is kept and counted.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Resolved => "resolved",
            Self::Stale => "stale",
            Self::SeenAgain => "seen_again",
            Self::Accepted => "accepted",
            Self::Returned => "returned",
        }
    }
}

/// A finding to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The finding as it is from now on.
    pub life: Life,
    /// Where it stood before; none where it is new.
    pub before: Option<State>,
    /// Its asset's connection.
    pub connection: Uuid,
    /// Code of its control.
    pub control: &'static str,
    /// Area of its control.
    pub area: Area,
    /// Kind of its asset.
    pub kind: Kind,
    /// What to tell; none where only its words changed.
    pub event: Option<Event>,
}

/// Writes findings, tells what became of them (here and to webhooks), and brings tickets in line.
pub async fn write(
    tx: &mut Tx,
    changes: &[Change],
    run: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    put(tx, changes, now).await?;
    tell(tx, changes, run, now).await?;
    outbox::findings(tx, changes, now).await?;
    tickets::follow(tx, changes, now).await
}

async fn put(tx: &mut Tx, changes: &[Change], now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let evidence = changes
        .iter()
        .map(|one| super::to_text("findings", &one.life.evidence))
        .collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "INSERT INTO findings (tenant_id, id, asset_id, connection_id, control, area, family, kind, severity,
                               severity_rank, priority, state, reason, evidence, opened_at, changed_at,
                               resolved_at, reopened, exception_id)
         SELECT $1, f.id, f.asset, f.connection, f.control, f.area, f.family, f.kind, f.severity, f.rank,
                f.priority, f.state, f.reason, f.evidence::jsonb, f.opened, $2, f.resolved, f.reopened, f.exception
         FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
                     $10::text[], $11::smallint[], $12::int[], $13::text[], $14::text[], $15::text[],
                     $16::timestamptz[], $17::timestamptz[], $18::int[], $19::uuid[])
              AS f(id, asset, connection, control, area, family, kind, severity, rank, priority, state,
                   reason, evidence, opened, resolved, reopened, exception)
         ON CONFLICT (tenant_id, id) DO UPDATE SET
            severity = EXCLUDED.severity, severity_rank = EXCLUDED.severity_rank, priority = EXCLUDED.priority,
            state = EXCLUDED.state, reason = EXCLUDED.reason, evidence = EXCLUDED.evidence,
            connection_id = EXCLUDED.connection_id, changed_at = EXCLUDED.changed_at,
            resolved_at = EXCLUDED.resolved_at, reopened = EXCLUDED.reopened,
            exception_id = EXCLUDED.exception_id",
        tenant.0,
        now,
        &each(changes, |one| one.life.id.0),
        &each(changes, |one| one.life.asset.0),
        &each(changes, |one| one.connection),
        &each(changes, |one| one.control.to_owned()),
        &each(changes, |one| one.area.code().to_owned()),
        &each(changes, |one| one.kind.family().code().to_owned()),
        &each(changes, |one| one.kind.code().to_owned()),
        &each(changes, |one| one.life.severity.code().to_owned()),
        &each(changes, |one| rank(one.life.severity)),
        &each(changes, |one| one.life.priority.0),
        &each(changes, |one| one.life.state.code().to_owned()),
        &each(changes, |one| one.life.reason.clone()),
        &evidence,
        &each(changes, |one| one.life.opened_at),
        &each(changes, |one| one.life.resolved_at) as &[Option<DateTime<Utc>>],
        &each(changes, |one| one.life.reopened),
        &each(changes, |one| one.life.exception) as &[Option<Uuid>]
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

async fn tell(
    tx: &mut Tx,
    changes: &[Change],
    run: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let told: Vec<(&Change, Event)> = changes.iter().filter_map(|one| Some((one, one.event?))).collect();
    sqlx::query!(
        "INSERT INTO finding_events (tenant_id, finding_id, at, event, run_id, control, family, severity)
         SELECT $1, e.id, $2, e.event, $3, e.control, e.family, e.severity
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[])
              AS e(id, event, control, family, severity)
         ON CONFLICT DO NOTHING",
        tenant.0,
        now,
        run,
        &told.iter().map(|(one, _)| one.life.id.0).collect::<Vec<_>>(),
        &told.iter().map(|(_, event)| event.code().to_owned()).collect::<Vec<_>>(),
        &told.iter().map(|(one, _)| one.control.to_owned()).collect::<Vec<_>>(),
        &told.iter().map(|(one, _)| one.kind.family().code().to_owned()).collect::<Vec<_>>(),
        &told.iter().map(|(one, _)| one.life.severity.code().to_owned()).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

fn each<T>(changes: &[Change], pick: impl Fn(&Change) -> T) -> Vec<T> {
    changes.iter().map(pick).collect()
}
