//! Connections as people make, change and remove them. Removing takes two steps: it is stopped at
//! once and a last run is queued; the worker that takes this run puts away what was read.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::{StoreError, Tx, recall, to_json};
use crate::model::ConnectionSpec;

/// A connection about to be.
#[derive(Debug, Clone)]
pub struct New<'a> {
    /// Its name.
    pub name: &'a str,
    /// How to reach the source.
    pub spec: &'a ConnectionSpec,
    /// How often it is read, in seconds.
    pub interval_seconds: i64,
    /// Not read until somebody says so.
    pub paused: bool,
    /// The sealed secret it logs in with.
    pub secret: Option<Uuid>,
}

/// Adds a connection that somebody made on a page or through the API. False where its name or id is
/// taken.
pub async fn add(tx: &mut Tx, id: Uuid, new: &New<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "INSERT INTO connections (tenant_id, id, name, provider, spec, interval_seconds, paused, secret_id,
                                  by_operator, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, false, $9) ON CONFLICT DO NOTHING",
        tenant.0,
        id,
        new.name,
        new.spec.provider().code(),
        to_json("connections", new.spec)?,
        new.interval_seconds,
        new.paused,
        new.secret,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives a connection another name and interval. False where the name is another's.
pub async fn rename(tx: &mut Tx, id: Uuid, name: &str, interval_seconds: i64) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE connections SET name = $3, interval_seconds = $4
         WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL AND NOT EXISTS (
            SELECT FROM connections o WHERE o.tenant_id = $1 AND o.name = $3 AND o.id <> $2 AND o.removed_at IS NULL)",
        tenant.0,
        id,
        name,
        interval_seconds
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives a connection another way to be reached; it is then theirs who did so, no longer the
/// operator's. What was tested is no longer what stands.
pub async fn lead(
    tx: &mut Tx,
    id: Uuid,
    spec: &ConnectionSpec,
    secret: Option<Uuid>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE connections SET spec = $3, secret_id = $4, by_operator = false, tested = NULL
         WHERE tenant_id = $1 AND id = $2 AND removed_at IS NULL",
        tenant.0,
        id,
        to_json("connections", spec)?,
        secret
    )
    .execute(tx.on())
    .await?;
    recall::disown(tx, id).await
}

/// Holds a connection back, or lets it be read again.
pub async fn pause(tx: &mut Tx, id: Uuid, paused: bool) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!("UPDATE connections SET paused = $3 WHERE tenant_id = $1 AND id = $2", tenant.0, id, paused)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Keeps what a test said.
pub async fn tested(tx: &mut Tx, id: Uuid, said: &impl serde::Serialize) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let said = to_json("connections", said)?;
    sqlx::query!("UPDATE connections SET tested = $3 WHERE tenant_id = $1 AND id = $2", tenant.0, id, said)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Stops a connection for good: whoever reads it now finds the claim outdated, its secret is gone,
/// and a last run is queued that puts away what was read.
pub async fn remove(tx: &mut Tx, id: Uuid, erase: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "WITH gone AS (
            UPDATE connections c SET removed_at = $3, erase = $4, secret_id = NULL FROM connections o
            WHERE c.tenant_id = $1 AND c.id = $2 AND o.tenant_id = c.tenant_id AND o.id = c.id
            RETURNING o.secret_id)
         DELETE FROM secrets s USING gone WHERE s.tenant_id = $1 AND s.id = gone.secret_id",
        tenant.0,
        id,
        now,
        erase
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "UPDATE runs SET state = 'interrupted', finished_at = $3, fault = 'the connection was removed'
         WHERE tenant_id = $1 AND connection_id = $2 AND state IN ('queued', 'running')",
        tenant.0,
        id,
        now
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "INSERT INTO runs (tenant_id, id, connection_id, queued_at) VALUES ($1, $2, $3, $4)",
        tenant.0,
        Uuid::now_v7(),
        id,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Marks everything that was read through a removed connection as gone.
pub async fn put_away(tx: &mut Tx, id: Uuid) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE assets SET state = 'gone' WHERE tenant_id = $1 AND connection_id = $2 AND state <> 'gone'",
        tenant.0,
        id
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}

/// Deletes a connection with its secret and everything read through it.
pub async fn erase(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    // Also those of assets another connection has taken over and not judged yet: counted under this
    // one, they could not be taken back once it is gone.
    sqlx::query!("DELETE FROM assessments WHERE tenant_id = $1 AND connection_id = $2", tenant.0, id)
        .execute(tx.on())
        .await?;
    sqlx::query!(
        "WITH gone AS (DELETE FROM connections WHERE tenant_id = $1 AND id = $2 RETURNING secret_id)
         DELETE FROM secrets s USING gone WHERE s.tenant_id = $1 AND s.id = gone.secret_id",
        tenant.0,
        id
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Adds many connections at once, each due at once.
pub async fn add_many(
    tx: &mut Tx,
    all: &[(String, ConnectionSpec)],
    interval_seconds: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let specs = all.iter().map(|(_, spec)| to_json("connections", spec)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query!(
        "INSERT INTO connections (tenant_id, id, name, provider, spec, interval_seconds, by_operator, created_at)
         SELECT $1, n.id, n.name, n.provider, n.spec, $2, false, $3
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::jsonb[]) AS n(id, name, provider, spec)
         ON CONFLICT DO NOTHING",
        tenant.0,
        interval_seconds,
        now,
        &all.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
        &all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
        &all.iter().map(|(_, spec)| spec.provider().code().to_owned()).collect::<Vec<_>>(),
        &specs
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
