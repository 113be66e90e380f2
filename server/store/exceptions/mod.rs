//! Exceptions: what is accepted for a time, by whom, why and until when.
//!
//! An exception decides by itself from the moment it is written: whoever judges an asset asks which
//! hold (`live`). What was judged before is brought in line by whoever takes up the work (`work`).

pub mod work;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::text::storable;
use super::{StoreError, Tx, to_json};
use crate::model::{AssetId, ExceptionKind, ExceptionScope, Exceptions, FindingId, Kind, Platform, Scoped};

/// What is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// These findings.
    Findings(Vec<Uuid>),
    /// A control, within a scope.
    Control {
        /// Its code.
        control: String,
        /// Where.
        scope: ExceptionScope,
    },
}

/// An exception to be made.
#[derive(Debug, Clone)]
pub struct NewException {
    /// What it accepts.
    pub subject: Subject,
    /// Why, as a kind.
    pub kind: ExceptionKind,
    /// Why, in words.
    pub reason: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Who, as in the audit log.
    pub by: String,
    /// Who, as people read it.
    pub by_name: String,
    /// Assets it concerns now.
    pub matched: i64,
}

/// Makes an exception. Findings that are not there are left out.
pub async fn add(tx: &mut Tx, new: &NewException, now: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let (tenant, id) = (tx.tenant().0, Uuid::now_v7());
    let (control, scope, findings) = match &new.subject {
        Subject::Findings(ids) => (None, ExceptionScope::default(), ids.as_slice()),
        Subject::Control { control, scope } => (Some(control.as_str()), scope.clone(), &[][..]),
    };
    sqlx::query!(
        "INSERT INTO exceptions (tenant_id, id, control, scope, kind, reason, made_by, made_by_name, made_at,
                                 changed_at, until, matched)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)",
        tenant,
        id,
        control,
        to_json("exceptions", &scope)?,
        new.kind.code(),
        &*storable(&new.reason),
        new.by,
        &*storable(&new.by_name),
        now,
        new.until,
        new.matched
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "INSERT INTO exception_findings (tenant_id, exception_id, finding_id, asset_id)
         SELECT tenant_id, $2, id, asset_id FROM findings WHERE tenant_id = $1 AND id = ANY($3)",
        tenant,
        id,
        findings
    )
    .execute(tx.on())
    .await?;
    Ok(id)
}

/// Gives an exception another reason and end. False where it is not there, or over.
pub async fn change(
    tx: &mut Tx,
    id: Uuid,
    (kind, reason): (ExceptionKind, &str),
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE exceptions SET kind = $3, reason = $4, until = $5, changed_at = $6
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND until > $6",
        tenant,
        id,
        kind.code(),
        &*storable(reason),
        until,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes an exception back. False where it is not there, or over.
pub async fn revoke(tx: &mut Tx, id: Uuid, by_name: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE exceptions SET revoked_at = $3, revoked_by_name = $4, changed_at = $3, worked_at = NULL
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND until > $3",
        tenant,
        id,
        now,
        &*storable(by_name)
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The exceptions that hold now and may speak of these assets.
pub async fn live(tx: &mut Tx, assets: &[AssetId], now: DateTime<Utc>) -> Result<Exceptions, StoreError> {
    let tenant = tx.tenant().0;
    let mut held = Exceptions::default();
    // One short look where there is none: judging is not to be slower for what is not used.
    let rows = sqlx::query!(
        "SELECT id, control, scope, until FROM exceptions
         WHERE tenant_id = $1 AND phase <> 'ended' AND until > $2 AND revoked_at IS NULL AND control IS NOT NULL
         ORDER BY id",
        tenant,
        now
    )
    .fetch_all(tx.on())
    .await?;
    for row in rows {
        let scope = scope("exceptions", row.scope)?;
        let control = row.control.unwrap_or_default();
        held.scoped.push(Scoped { id: row.id, control, scope, until: row.until });
    }
    let ids: Vec<Uuid> = assets.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT ef.finding_id, e.id, e.until FROM exception_findings ef
         JOIN exceptions e ON e.tenant_id = ef.tenant_id AND e.id = ef.exception_id
         WHERE ef.tenant_id = $1 AND ef.asset_id = ANY($2) AND e.until > $3 AND e.revoked_at IS NULL AND e.phase <> 'ended'
           AND EXISTS (SELECT FROM exceptions WHERE tenant_id = $1 AND phase <> 'ended' AND control IS NULL)",
        tenant,
        &ids,
        now
    )
    .fetch_all(tx.on())
    .await?;
    for row in rows {
        held.choose(FindingId(row.finding_id), row.until, row.id);
    }
    Ok(held)
}

/// Exceptions that are over while what they accepted still waits to be brought back.
pub async fn over(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id FROM exceptions
         WHERE tenant_id = $1 AND phase <> 'ended' AND (until <= $2 OR revoked_at IS NOT NULL)",
        tenant,
        now
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Exceptions of controls that hold now.
pub async fn scoped_count(tx: &mut Tx, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!" FROM exceptions
           WHERE tenant_id = $1 AND phase <> 'ended' AND until > $2 AND revoked_at IS NULL AND control IS NOT NULL"#,
        tenant,
        now
    )
    .fetch_one(tx.on())
    .await?;
    Ok(row.count)
}

/// How long anything may be accepted at most.
pub async fn longest(tx: &mut Tx) -> Result<TimeDelta, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!("SELECT longest_exception_days FROM tenants WHERE id = $1", tenant)
        .fetch_optional(tx.on())
        .await?;
    Ok(TimeDelta::days(row.map_or(365, |row| i64::from(row.longest_exception_days))))
}

/// Decides how long anything may be accepted at most, 1 to 3650 days. What holds already stays.
pub async fn set_longest(tx: &mut Tx, days: i32) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!("UPDATE tenants SET longest_exception_days = $2 WHERE id = $1", tenant, days)
        .execute(tx.on())
        .await?;
    Ok(())
}

fn scope(table: &'static str, value: serde_json::Value) -> Result<ExceptionScope, StoreError> {
    serde_json::from_value(value)
        .map_err(|fault| StoreError::Inconsistent { table, problem: fault.to_string() })
}

/// A stored subject: with a control its scope, else the findings that were chosen.
pub(in crate::store) async fn subject(
    tx: &mut Tx,
    id: Uuid,
    control: Option<String>,
    stored: serde_json::Value,
) -> Result<Subject, StoreError> {
    if let Some(control) = control {
        return Ok(Subject::Control { control, scope: scope("exceptions", stored)? });
    }
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT finding_id FROM exception_findings WHERE tenant_id = $1 AND exception_id = $2 ORDER BY finding_id",
        tenant,
        id
    )
    .fetch_all(tx.on())
    .await?;
    Ok(Subject::Findings(rows.into_iter().map(|row| row.finding_id).collect()))
}

/// ` FROM findings f JOIN assets a … WHERE …`: what an exception of this subject would accept now.
pub(in crate::store) fn failing(query: &mut QueryBuilder<Postgres>, tenant: Uuid, subject: &Subject) {
    query.push(" FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id");
    query.push(" WHERE f.state IN ('open', 'stale') AND f.tenant_id = ").push_bind(tenant);
    match subject {
        Subject::Findings(ids) => {
            query.push(" AND f.id = ANY(").push_bind(ids.clone()).push(")");
        }
        Subject::Control { control, scope } => {
            query.push(" AND f.control = ").push_bind(control.clone());
            within(query, scope);
        }
    }
}

fn within(query: &mut QueryBuilder<Postgres>, scope: &ExceptionScope) {
    if let Some(connection) = scope.connection {
        query.push(" AND a.connection_id = ").push_bind(connection);
    }
    let words = [
        (" AND a.account = ", scope.account.as_deref()),
        (" AND a.region = ", scope.region.as_deref()),
        (" AND a.family = ", scope.family.map(crate::model::Family::code)),
        (" AND a.kind = ", scope.kind.map(Kind::code)),
        (" AND a.platform = ", scope.platform.map(Platform::code)),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word.to_owned());
        }
    }
    if let Some((key, value)) = &scope.tag {
        let tag = serde_json::json!([{ "key": key, "value": value }]);
        query.push(" AND a.facts->'tags' @> ").push_bind(tag);
    }
    if let Some(name) = &scope.name {
        query.push(" AND a.name LIKE ").push_bind(name.like());
    }
}
