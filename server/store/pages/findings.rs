//! Findings in order of urgency, and one finding with its life.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Page, StoreError, Tx, parsed};
use crate::model::{Area, Evidence, Family, Kind, Platform, Provider, Severity};
use crate::store::exceptions::{self, Subject};
use crate::store::findings::State;

/// What to narrow to; empty is everything that is open.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `open`, `stale`, `resolved` or `accepted`.
    pub state: Option<String>,
    /// One severity.
    pub severity: Option<Severity>,
    /// One family.
    pub family: Option<Family>,
    /// One area.
    pub area: Option<Area>,
    /// One control.
    pub control: Option<String>,
    /// One kind of asset.
    pub kind: Option<Kind>,
    /// One asset.
    pub asset: Option<Uuid>,
    /// One connection.
    pub connection: Option<Uuid>,
    /// One ticket.
    pub ticket: Option<Uuid>,
    /// One exception.
    pub exception: Option<Uuid>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Key {
    /// Priority of the last row.
    pub priority: i32,
    /// Id of the last row.
    pub id: Uuid,
}

/// A finding in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// Its asset.
    pub asset: Uuid,
    /// Name of the asset.
    pub name: String,
    /// Account, subscription or registry.
    pub account: String,
    /// Region; empty for registries.
    pub region: String,
    /// What the asset runs on.
    pub platform: Platform,
    /// Kind of asset.
    pub kind: Kind,
    /// Code of the control.
    pub control: String,
    /// How bad it is.
    pub severity: Severity,
    /// How urgent it is.
    pub priority: i32,
    /// `open`, `stale`, `resolved` or `accepted`.
    pub state: String,
    /// What was found.
    pub reason: String,
    /// First opened.
    pub opened_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub changed_at: DateTime<Utc>,
    /// Resolved, if it is.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Its asset's connection.
    pub connection: Uuid,
    /// Full native id of the asset.
    pub native_id: String,
    /// Who runs the asset's source.
    pub provider: Provider,
    /// What accepts it, where it is accepted.
    pub acceptance: Option<Acceptance>,
}

/// The exception a finding hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The exception.
    pub exception: Uuid,
    /// Until when.
    pub until: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why, in words.
    pub reason: String,
}

/// The next `size` findings after `after`, the most urgent first. What an exception accepted is open
/// from the moment it is over, also where nobody has brought it back yet.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    now: DateTime<Utc>,
    after: Option<Key>,
    size: i64,
) -> Result<Page<Listed>, StoreError> {
    let state = filter.state.as_deref().unwrap_or(State::Open.code());
    let over =
        if matches!(state, "open" | "accepted") { exceptions::over(tx, now).await? } else { Vec::new() };
    let tenant = tx.tenant().0;
    // The ids of a page come out of the indexes alone; only its own rows are read.
    let mut query = QueryBuilder::<Postgres>::new("WITH page AS (");
    if over.is_empty() {
        part(&mut query, tenant, filter, state, after);
    } else if state == "accepted" {
        part(&mut query, tenant, filter, state, after);
        query.push(" AND f.exception_id <> ALL(").push_bind(over).push(")");
    } else {
        query.push("SELECT f.id FROM ((");
        part(&mut query, tenant, filter, state, after);
        query.push(" ORDER BY f.priority DESC, f.id LIMIT ").push_bind(size + 1).push(") UNION ALL (");
        part(&mut query, tenant, filter, State::Accepted.code(), after);
        query.push(" AND f.exception_id = ANY(").push_bind(over);
        query.push(") ORDER BY f.priority DESC, f.id LIMIT ").push_bind(size + 1).push(")) f");
    }
    rows(tx, query, "f.priority DESC, f.id", size, now).await
}

fn part(query: &mut QueryBuilder<Postgres>, tenant: Uuid, filter: &Filter, state: &str, after: Option<Key>) {
    query.push("SELECT f.id, f.priority FROM findings f WHERE f.tenant_id = ").push_bind(tenant);
    query.push(" AND f.state = ").push_bind(state.to_owned());
    narrow(query, filter);
    if let Some(key) = after {
        query.push(" AND f.priority <= ").push_bind(key.priority);
        query.push(" AND (f.priority < ").push_bind(key.priority);
        query.push(" OR f.id > ").push_bind(key.id).push(")");
    }
}

/// The most urgent findings that an exception of this subject would accept.
pub async fn acceptable(tx: &mut Tx, subject: &Subject, most: i64) -> Result<Vec<Listed>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("WITH page AS (SELECT f.id");
    exceptions::failing(&mut query, tx.tenant().0, subject);
    Ok(rows(tx, query, "f.priority DESC, f.id", most, DateTime::UNIX_EPOCH).await?.rows)
}

/// The next `size` findings after `after`, in the order they last changed, the oldest change first:
/// for those who follow the estate. Without a state, findings of every state.
pub async fn changes(
    tx: &mut Tx,
    filter: &Filter,
    now: DateTime<Utc>,
    since: Option<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, Uuid)>,
    size: i64,
) -> Result<Page<Listed>, StoreError> {
    let tenant = tx.tenant().0;
    let mut query =
        QueryBuilder::<Postgres>::new("WITH page AS (SELECT f.id FROM findings f WHERE f.tenant_id = ");
    query.push_bind(tenant);
    if let Some(state) = &filter.state {
        query.push(" AND f.state = ").push_bind(state.clone());
    }
    narrow(&mut query, filter);
    if let Some(since) = since {
        query.push(" AND f.changed_at >= ").push_bind(since);
    }
    if let Some((at, id)) = after {
        query.push(" AND (f.changed_at, f.id) > (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    rows(tx, query, "f.changed_at, f.id", size, now).await
}

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    let words = [
        (" AND f.severity = ", filter.severity.map(Severity::code)),
        (" AND f.family = ", filter.family.map(Family::code)),
        (" AND f.area = ", filter.area.map(Area::code)),
        (" AND f.kind = ", filter.kind.map(Kind::code)),
        (" AND f.control = ", filter.control.as_deref()),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word.to_owned());
        }
    }
    for (condition, id) in [
        (" AND f.asset_id = ", filter.asset),
        (" AND f.connection_id = ", filter.connection),
        (" AND f.exception_id = ", filter.exception),
    ] {
        if let Some(id) = id {
            query.push(condition).push_bind(id);
        }
    }
    if let Some(ticket) = filter.ticket {
        query.push(" AND f.id IN (SELECT tf.finding_id FROM ticket_findings tf WHERE tf.tenant_id = f.tenant_id AND tf.ticket_id = ");
        query.push_bind(ticket).push(")");
    }
}

async fn rows(
    tx: &mut Tx,
    mut query: QueryBuilder<Postgres>,
    order: &'static str,
    size: i64,
    now: DateTime<Utc>,
) -> Result<Page<Listed>, StoreError> {
    let tenant = tx.tenant().0;
    query.push(" ORDER BY ").push(order).push(" LIMIT ").push_bind(size + 1);
    query.push(
        ") SELECT f.id, f.asset_id, f.kind, f.control, f.severity, f.priority, f.state, f.reason, f.opened_at,
                f.changed_at, f.resolved_at, f.connection_id, a.name, a.account, a.region, a.platform, a.native_id,
                a.provider, e.id AS exception_id, e.until, e.revoked_at, e.made_by_name, e.reason AS why
         FROM page JOIN findings f ON f.id = page.id AND f.tenant_id = ",
    );
    query.push_bind(tenant);
    query.push(" JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id");
    query
        .push(" LEFT JOIN exceptions e ON e.tenant_id = f.tenant_id AND e.id = f.exception_id ORDER BY ")
        .push(order);
    let found = query.build().fetch_all(tx.on()).await?;
    Ok(Page::of(found.iter().map(|row| read(row, now)).collect::<Result<Vec<_>, StoreError>>()?, size))
}

/// The state as it is at a moment, and what accepts it.
fn standing(
    state: String,
    exception: Option<Acceptance>,
    revoked: bool,
    now: DateTime<Utc>,
) -> (String, Option<Acceptance>) {
    match exception {
        Some(one) if state == State::Accepted.code() && (revoked || one.until <= now) => {
            (State::Open.code().to_owned(), None)
        }
        exception => (state, exception),
    }
}

fn read(row: &sqlx::postgres::PgRow, now: DateTime<Utc>) -> Result<Listed, StoreError> {
    let exception = match row.try_get::<Option<Uuid>, _>("exception_id")? {
        None => None,
        Some(exception) => Some(Acceptance {
            exception,
            until: row.try_get("until")?,
            by: row.try_get("made_by_name")?,
            reason: row.try_get("why")?,
        }),
    };
    let revoked = row.try_get::<Option<DateTime<Utc>>, _>("revoked_at")?.is_some();
    let (state, acceptance) = standing(row.try_get("state")?, exception, revoked, now);
    Ok(Listed {
        state,
        acceptance,
        provider: parsed("assets", row.try_get("provider")?)?,
        id: row.try_get("id")?,
        asset: row.try_get("asset_id")?,
        name: row.try_get("name")?,
        account: row.try_get("account")?,
        region: row.try_get("region")?,
        platform: parsed("assets", row.try_get("platform")?)?,
        kind: parsed("findings", row.try_get("kind")?)?,
        control: row.try_get("control")?,
        severity: parsed("findings", row.try_get("severity")?)?,
        priority: row.try_get("priority")?,
        reason: row.try_get("reason")?,
        opened_at: row.try_get("opened_at")?,
        changed_at: row.try_get("changed_at")?,
        resolved_at: row.try_get("resolved_at")?,
        connection: row.try_get("connection_id")?,
        native_id: row.try_get("native_id")?,
    })
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Whole {
    /// As in a list.
    pub listed: Listed,
    /// The facts that decided.
    pub evidence: Vec<Evidence>,
    /// How often it came back.
    pub reopened: i32,
    /// Its life: when, what, and by which run; newest first, at most a hundred.
    pub events: Vec<Step>,
}

/// A step in a finding's life.
#[derive(Debug, Clone)]
pub struct Step {
    /// When.
    pub at: DateTime<Utc>,
    /// `opened`, `resolved`, `reopened`, `stale`, `seen_again`, `accepted` or `returned`.
    pub event: String,
    /// The run that noticed.
    pub run: Option<Uuid>,
}

/// The finding with this id.
pub async fn get(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<Whole>, StoreError> {
    let tenant = tx.tenant().0;
    let mut query =
        QueryBuilder::<Postgres>::new("WITH page AS (SELECT f.id FROM findings f WHERE f.tenant_id = ");
    query.push_bind(tenant).push(" AND f.id = ").push_bind(id);
    let Some(listed) = rows(tx, query, "f.id", 1, now).await?.rows.pop() else { return Ok(None) };
    let row =
        sqlx::query!("SELECT evidence, reopened FROM findings WHERE tenant_id = $1 AND id = $2", tenant, id)
            .fetch_one(tx.on())
            .await?;
    let evidence = serde_json::from_value(row.evidence)
        .map_err(|fault| StoreError::Inconsistent { table: "findings", problem: fault.to_string() })?;
    Ok(Some(Whole { listed, evidence, reopened: row.reopened, events: steps(tx, id).await? }))
}

async fn steps(tx: &mut Tx, finding: Uuid) -> Result<Vec<Step>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Step,
        "SELECT at, event, run_id AS run FROM finding_events WHERE tenant_id = $1 AND finding_id = $2
         ORDER BY at DESC LIMIT 100",
        tenant,
        finding
    )
    .fetch_all(tx.on())
    .await?)
}

/// Assets a control cannot be answered for: id and name, at most `most`.
pub async fn unknown_on(tx: &mut Tx, control: &str, most: i64) -> Result<Vec<(Uuid, String)>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "WITH dark AS (SELECT asset_id FROM assessments
                       WHERE tenant_id = $1 AND not_known <> '{}' AND $2::text = ANY(not_known)
                       ORDER BY asset_id LIMIT $3)
         SELECT a.id, a.name FROM dark JOIN assets a ON a.tenant_id = $1 AND a.id = dark.asset_id
         WHERE a.state <> 'gone' ORDER BY a.name, a.id",
        tenant,
        control,
        most
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
