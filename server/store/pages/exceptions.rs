//! Exceptions in a list, and one with how far it is applied.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Page, StoreError, Tx, parsed};
use crate::model::{EXPIRING_DAYS, ExceptionKind, ExceptionScope, ExceptionState, Severity};
use crate::store::exceptions::{Subject, failing};

/// Findings of an exception counted at most; more are told as more.
pub const MOST_COUNTED: i64 = 1_000;

/// An exception.
#[derive(Debug, Clone)]
pub struct Exception {
    /// Its id.
    pub id: Uuid,
    /// Code of the control it accepts; none where findings were chosen.
    pub control: Option<String>,
    /// Where; empty where findings were chosen.
    pub scope: ExceptionScope,
    /// Name of the connection the scope names.
    pub connection_name: Option<String>,
    /// Findings chosen.
    pub chosen: i64,
    /// Why, as a kind.
    pub kind: ExceptionKind,
    /// Why, in words.
    pub reason: String,
    /// Who made it, as in the audit log.
    pub made_by: String,
    /// Who made it.
    pub made_by_name: String,
    /// When.
    pub made_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// Until when it holds.
    pub until: DateTime<Utc>,
    /// When it was taken back, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
    /// By whom.
    pub revoked_by_name: Option<String>,
    /// `new`, `held` or `ended`.
    pub phase: String,
    /// Assets it concerned when it was last seen to.
    pub matched: i64,
    /// Of which so many are done.
    pub done: i64,
    /// Findings accepted under it, at most one more than [`MOST_COUNTED`].
    pub findings: i64,
}

impl Exception {
    /// Where it stands at a moment.
    pub fn state(&self, now: DateTime<Utc>) -> ExceptionState {
        if self.revoked_at.is_some() {
            ExceptionState::Revoked
        } else if self.until <= now {
            ExceptionState::Expired
        } else if self.until <= now + TimeDelta::days(EXPIRING_DAYS) {
            ExceptionState::Expiring
        } else {
            ExceptionState::Active
        }
    }

    /// It holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.until > now
    }

    /// Whether something is left to do: findings to be accepted, or brought back.
    pub fn unsettled(&self, now: DateTime<Utc>) -> bool {
        self.phase == "new" || (!self.holds(now) && self.phase != "ended")
    }
}

/// What to narrow to; empty is everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// One state; active takes in those that expire.
    pub state: Option<ExceptionState>,
    /// One control.
    pub control: Option<String>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Key {
    /// End of the last row.
    pub until: DateTime<Utc>,
    /// Id of the last row.
    pub id: Uuid,
}

const COLUMNS: &str = "SELECT e.id, e.control, e.scope, e.kind, e.reason, e.made_by, e.made_by_name, e.made_at,
    e.changed_at, e.until, e.revoked_at, e.revoked_by_name, e.phase, e.matched, e.done, c.name AS connection_name,
    (SELECT count(*) FROM exception_findings ef WHERE ef.tenant_id = e.tenant_id AND ef.exception_id = e.id) AS chosen,
    (SELECT count(*) FROM (SELECT FROM findings f WHERE f.tenant_id = e.tenant_id AND f.exception_id = e.id LIMIT 1001) n)
        AS findings
    FROM exceptions e
    LEFT JOIN connections c ON c.tenant_id = e.tenant_id AND c.id = (e.scope->>'connection')::uuid
    WHERE e.tenant_id = ";

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter, now: DateTime<Utc>) {
    match filter.state {
        None => {}
        Some(ExceptionState::Active) => {
            query.push(" AND e.revoked_at IS NULL AND e.until > ").push_bind(now);
        }
        Some(ExceptionState::Expiring) => {
            query.push(" AND e.revoked_at IS NULL AND e.until > ").push_bind(now);
            query.push(" AND e.until <= ").push_bind(now + TimeDelta::days(EXPIRING_DAYS));
        }
        Some(ExceptionState::Expired) => {
            query.push(" AND e.revoked_at IS NULL AND e.until <= ").push_bind(now);
        }
        Some(ExceptionState::Revoked) => {
            query.push(" AND e.revoked_at IS NOT NULL");
        }
    }
    if let Some(control) = &filter.control {
        query.push(" AND e.control = ").push_bind(control.clone());
    }
}

/// The next `size` exceptions after `after`: of those that hold the next to end first, else the last.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    now: DateTime<Utc>,
    after: Option<Key>,
    size: i64,
) -> Result<Page<Exception>, StoreError> {
    let soonest = matches!(filter.state, Some(ExceptionState::Active | ExceptionState::Expiring));
    let mut query = QueryBuilder::<Postgres>::new(COLUMNS);
    query.push_bind(tx.tenant().0);
    narrow(&mut query, filter, now);
    if let Some(key) = after {
        query.push(if soonest { " AND (e.until, e.id) > (" } else { " AND (e.until, e.id) < (" });
        query.push_bind(key.until).push(", ").push_bind(key.id).push(")");
    }
    let order =
        if soonest { " ORDER BY e.until, e.id LIMIT " } else { " ORDER BY e.until DESC, e.id DESC LIMIT " };
    query.push(order).push_bind(size + 1);
    let found = query.build().fetch_all(tx.on()).await?;
    Ok(Page::of(found.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?, size))
}

/// How many exceptions end within two weeks.
pub async fn expiring(tx: &mut Tx, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let mut query =
        QueryBuilder::<Postgres>::new("SELECT count(*) AS count FROM exceptions e WHERE e.tenant_id = ");
    query.push_bind(tx.tenant().0);
    narrow(&mut query, &Filter { state: Some(ExceptionState::Expiring), control: None }, now);
    Ok(query.build().fetch_one(tx.on()).await?.try_get("count")?)
}

/// The exception with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Exception>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(COLUMNS);
    query.push_bind(tx.tenant().0).push(" AND e.id = ").push_bind(id);
    query.build().fetch_optional(tx.on()).await?.as_ref().map(read).transpose()
}

/// Findings that an exception of this subject would accept, counted by severity.
pub async fn severities(tx: &mut Tx, subject: &Subject) -> Result<Vec<(Severity, i64)>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT f.severity, count(*) AS count");
    failing(&mut query, tx.tenant().0, subject);
    query.push(" GROUP BY f.severity, f.severity_rank ORDER BY f.severity_rank");
    let rows = query.build().fetch_all(tx.on()).await?;
    rows.iter()
        .map(|row| Ok((parsed("findings", row.try_get("severity")?)?, row.try_get("count")?)))
        .collect()
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Exception, StoreError> {
    let scope = serde_json::from_value(row.try_get("scope")?)
        .map_err(|fault| StoreError::Inconsistent { table: "exceptions", problem: fault.to_string() })?;
    Ok(Exception {
        id: row.try_get("id")?,
        control: row.try_get("control")?,
        scope,
        connection_name: row.try_get("connection_name")?,
        chosen: row.try_get("chosen")?,
        kind: parsed("exceptions", row.try_get("kind")?)?,
        reason: row.try_get("reason")?,
        made_by: row.try_get("made_by")?,
        made_by_name: row.try_get("made_by_name")?,
        made_at: row.try_get("made_at")?,
        changed_at: row.try_get("changed_at")?,
        until: row.try_get("until")?,
        revoked_at: row.try_get("revoked_at")?,
        revoked_by_name: row.try_get("revoked_by_name")?,
        phase: row.try_get("phase")?,
        matched: row.try_get("matched")?,
        done: row.try_get("done")?,
        findings: row.try_get("findings")?,
    })
}
