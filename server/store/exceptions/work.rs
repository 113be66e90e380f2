//! What an exception leaves to do: findings to be accepted when it is new, brought back when it is
//! over. Taken by one worker at a time; one that falls silent is followed by another.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{StoreError, Subject, Tx, failing, subject};

/// Who has been silent this long has stopped.
const SILENCE: TimeDelta = TimeDelta::seconds(60);

/// An exception to be seen to.
#[derive(Debug, Clone)]
pub struct Work {
    /// The exception.
    pub id: Uuid,
    /// What it accepts.
    pub subject: Subject,
    /// Its time is over, or somebody took it back.
    pub over: bool,
}

/// Exceptions that leave something to do and that nobody sees to.
pub async fn due(tx: &mut Tx, now: DateTime<Utc>) -> Result<Vec<Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id FROM exceptions WHERE tenant_id = $1 AND phase <> 'ended'
           AND (phase = 'new' OR until <= $2 OR revoked_at IS NOT NULL) AND (worked_at IS NULL OR worked_at < $3)
         ORDER BY made_at, id LIMIT 1000",
        tenant,
        now,
        now - SILENCE
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Holds up, until the transaction ends, whoever takes up work: who judges or weighs looks a last time at
/// what holds and commits, and what is taken up after that sees what was written.
pub async fn hold_up(tx: &mut Tx) -> Result<(), StoreError> {
    let tenant = tx.tenant().0.to_string();
    sqlx::query!("SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 8))", tenant)
        .fetch_one(tx.on())
        .await?;
    Ok(())
}

/// Takes up the work an exception leaves. None where there is none, or somebody else has it.
pub async fn take(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<Work>, StoreError> {
    let tenant = tx.tenant().0;
    // After those who are about to commit what they judged: see `hold_up`.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 8))", tenant.to_string())
        .fetch_one(tx.on())
        .await?;
    let row = sqlx::query!(
        r#"UPDATE exceptions SET worked_at = $3, done = 0 WHERE tenant_id = $1 AND id = $2 AND phase <> 'ended'
           AND (phase = 'new' OR until <= $3 OR revoked_at IS NOT NULL) AND (worked_at IS NULL OR worked_at < $4)
           RETURNING control, scope, until <= $3 OR revoked_at IS NOT NULL AS "over!""#,
        tenant,
        id,
        now,
        now - SILENCE
    )
    .fetch_optional(tx.on())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Work { id, subject: subject(tx, id, row.control, row.scope).await?, over: row.over }))
}

/// Notes how many assets the work concerns.
pub async fn begin(tx: &mut Tx, id: Uuid, assets: i64) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!("UPDATE exceptions SET matched = $3 WHERE tenant_id = $1 AND id = $2", tenant, id, assets)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Notes that so many assets more were seen to.
pub async fn went_on(tx: &mut Tx, id: Uuid, assets: i64, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE exceptions SET done = done + $3, worked_at = $4 WHERE tenant_id = $1 AND id = $2",
        tenant,
        id,
        assets,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes that everything was seen to: a new one holds, one that is over has ended.
pub async fn end(tx: &mut Tx, work: &Work) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let phase = if work.over { "ended" } else { "held" };
    sqlx::query!(
        "UPDATE exceptions SET phase = $3, worked_at = NULL WHERE tenant_id = $1 AND id = $2",
        tenant,
        work.id,
        phase
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// How many assets an exception concerns: those that hang on it where it is over, else those with
/// findings it would accept.
pub async fn count(tx: &mut Tx, work: &Work) -> Result<i64, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT count(DISTINCT f.asset_id) AS assets");
    source(&mut query, tx.tenant().0, work);
    Ok(query.build().fetch_one(tx.on()).await?.try_get("assets")?)
}

/// The next of them after `after`, in order of id, each with its connection.
pub async fn concerned(
    tx: &mut Tx,
    work: &Work,
    after: Option<Uuid>,
    most: i64,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT DISTINCT a.id, a.connection_id");
    source(&mut query, tx.tenant().0, work);
    if let Some(after) = after {
        query.push(" AND f.asset_id > ").push_bind(after);
    }
    query.push(" ORDER BY a.id LIMIT ").push_bind(most);
    let rows = query.build().fetch_all(tx.on()).await?;
    rows.iter().map(|row| Ok((row.try_get("id")?, row.try_get("connection_id")?))).collect()
}

fn source(query: &mut QueryBuilder<Postgres>, tenant: Uuid, work: &Work) {
    if work.over {
        query.push(" FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id");
        query
            .push(" WHERE f.exception_id = ")
            .push_bind(work.id)
            .push(" AND f.tenant_id = ")
            .push_bind(tenant);
    } else {
        failing(query, tenant, &work.subject);
    }
}
