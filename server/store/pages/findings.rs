//! Findings in order of urgency, and one finding with its life.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Page, StoreError, Tx, parsed};
use crate::model::{Area, Evidence, Family, Kind, Platform, Severity};

/// What to narrow to; empty is everything that is open.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `open`, `stale` or `resolved`.
    pub state: Option<String>,
    /// One severity.
    pub severity: Option<Severity>,
    /// One family.
    pub family: Option<Family>,
    /// One area.
    pub area: Option<Area>,
    /// One control.
    pub control: Option<String>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, Copy)]
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
    /// `open`, `stale` or `resolved`.
    pub state: String,
    /// What was found.
    pub reason: String,
    /// First opened.
    pub opened_at: DateTime<Utc>,
}

/// The next `size` findings after `after`, the most urgent first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<Key>,
    size: i64,
) -> Result<Page<Listed>, StoreError> {
    let tenant = tx.tenant().0;
    // The ids of a page come out of the indexes alone; only its own rows are read.
    let mut query =
        QueryBuilder::<Postgres>::new("WITH page AS (SELECT f.id FROM findings f WHERE f.tenant_id = ");
    query.push_bind(tenant);
    query.push(" AND f.state = ").push_bind(filter.state.clone().unwrap_or_else(|| "open".into()));
    if let Some(severity) = filter.severity {
        query.push(" AND f.severity = ").push_bind(severity.code());
    }
    if let Some(family) = filter.family {
        query.push(" AND f.family = ").push_bind(family.code());
    }
    if let Some(area) = filter.area {
        query.push(" AND f.area = ").push_bind(area.code());
    }
    if let Some(control) = &filter.control {
        query.push(" AND f.control = ").push_bind(control.clone());
    }
    if let Some(key) = after {
        query.push(" AND f.priority <= ").push_bind(key.priority);
        query.push(" AND (f.priority < ").push_bind(key.priority);
        query.push(" OR f.id > ").push_bind(key.id).push(")");
    }
    query.push(" ORDER BY f.priority DESC, f.id LIMIT ").push_bind(size + 1);
    query.push(
        ") SELECT f.id, f.asset_id, f.kind, f.control, f.severity, f.priority, f.state, f.reason, f.opened_at,
                a.name, a.account, a.region, a.platform
         FROM page JOIN findings f ON f.id = page.id AND f.tenant_id = ",
    );
    query.push_bind(tenant);
    query.push(
        " JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id ORDER BY f.priority DESC, f.id",
    );
    let found = query.build().fetch_all(tx.on()).await?;
    Ok(Page::of(found.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?, size))
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Listed, StoreError> {
    Ok(Listed {
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
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        opened_at: row.try_get("opened_at")?,
    })
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Whole {
    /// As in a list.
    pub listed: Listed,
    /// Full native id of the asset.
    pub native_id: String,
    /// The facts that decided.
    pub evidence: Vec<Evidence>,
    /// When its state last changed.
    pub changed_at: DateTime<Utc>,
    /// Resolved, if it is.
    pub resolved_at: Option<DateTime<Utc>>,
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
    /// `opened`, `resolved`, `reopened`, `stale` or `seen_again`.
    pub event: String,
    /// The run that noticed.
    pub run: Option<Uuid>,
}

/// The finding with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Whole>, StoreError> {
    let tenant = tx.tenant().0;
    let Some(row) = sqlx::query!(
        "SELECT f.id, f.asset_id, f.kind, f.control, f.severity, f.priority, f.state, f.reason, f.opened_at,
                f.evidence, f.changed_at, f.resolved_at, f.reopened,
                a.name, a.account, a.region, a.platform, a.native_id
         FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id
         WHERE f.tenant_id = $1 AND f.id = $2",
        tenant,
        id
    )
    .fetch_optional(tx.on())
    .await?
    else {
        return Ok(None);
    };
    let evidence = serde_json::from_value(row.evidence)
        .map_err(|fault| StoreError::Inconsistent { table: "findings", problem: fault.to_string() })?;
    Ok(Some(Whole {
        listed: Listed {
            id: row.id,
            asset: row.asset_id,
            name: row.name,
            account: row.account,
            region: row.region,
            platform: parsed("assets", &row.platform)?,
            kind: parsed("findings", &row.kind)?,
            control: row.control,
            severity: parsed("findings", &row.severity)?,
            priority: row.priority,
            state: row.state,
            reason: row.reason,
            opened_at: row.opened_at,
        },
        native_id: row.native_id,
        evidence,
        changed_at: row.changed_at,
        resolved_at: row.resolved_at,
        reopened: row.reopened,
        events: steps(tx, id).await?,
    }))
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
