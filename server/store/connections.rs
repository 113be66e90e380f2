//! Connections: the sources a tenant lets us read.

pub mod keep;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, Tx, parsed, recall, tickets, to_json};
use crate::model::{ConnectionSpec, Provider};

/// A source we may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// The name people gave it; unique within the tenant.
    pub name: String,
    /// Who runs the source.
    pub provider: Provider,
    /// How to reach it.
    pub spec: ConnectionSpec,
    /// How often it is read, in seconds.
    pub interval_seconds: i64,
    /// Not read until somebody says so.
    pub paused: bool,
    /// Made on the machine itself: it may lead anywhere.
    pub by_operator: bool,
    /// The sealed secret it logs in with.
    pub secret: Option<Uuid>,
    /// Removed: not read any more.
    pub removed_at: Option<DateTime<Utc>>,
    /// Removed, and its history goes too.
    pub erase: bool,
}

struct Row {
    id: Uuid,
    name: String,
    provider: String,
    spec: serde_json::Value,
    interval_seconds: i64,
    paused: bool,
    by_operator: bool,
    secret: Option<Uuid>,
    removed_at: Option<DateTime<Utc>>,
    erase: bool,
}

impl TryFrom<Row> for Connection {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let spec = serde_json::from_value(row.spec).map_err(|fault| StoreError::Inconsistent {
            table: "connections",
            problem: format!("{}: {fault}", row.name),
        })?;
        Ok(Self {
            id: row.id,
            name: row.name,
            provider: parsed("connections", &row.provider)?,
            spec,
            interval_seconds: row.interval_seconds,
            paused: row.paused,
            by_operator: row.by_operator,
            secret: row.secret,
            removed_at: row.removed_at,
            erase: row.erase,
        })
    }
}

/// All connections that are not removed, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Connection>, StoreError> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        "SELECT id, name, provider, spec, interval_seconds, paused, by_operator, secret_id AS secret, removed_at, erase
         FROM connections WHERE tenant_id = $1 AND removed_at IS NULL ORDER BY name LIMIT 10000",
        tenant.0
    )
    .fetch_all(tx.on())
    .await?
    .into_iter()
    .map(Connection::try_from)
    .collect()
}

/// The connection with this id, removed ones too.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Connection>, StoreError> {
    let tenant = tx.tenant();
    sqlx::query_as!(
        Row,
        "SELECT id, name, provider, spec, interval_seconds, paused, by_operator, secret_id AS secret, removed_at, erase
         FROM connections WHERE tenant_id = $1 AND id = $2",
        tenant.0,
        id
    )
    .fetch_optional(tx.on())
    .await?
    .map(Connection::try_from)
    .transpose()
}

/// The connection of this name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Connection>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|connection| connection.name == name))
}

/// Adds a connection of the operator's, or gives an existing one of the same name another way to be
/// reached; it is then the operator's, and has no sealed secret.
pub async fn save(
    tx: &mut Tx,
    name: &str,
    spec: &ConnectionSpec,
    interval_seconds: i64,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let tenant = tx.tenant();
    let elsewhere = sqlx::query!(
        "SELECT id FROM connections
         WHERE tenant_id = $1 AND name = $2 AND removed_at IS NULL AND (spec <> $3 OR secret_id IS NOT NULL)",
        tenant.0,
        name,
        to_json("connections", spec)?
    )
    .fetch_optional(tx.on())
    .await?;
    if let Some(row) = elsewhere {
        recall::disown(tx, row.id).await?;
    }
    let row = sqlx::query!(
        "INSERT INTO connections (tenant_id, id, name, provider, spec, interval_seconds, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant_id, name) WHERE removed_at IS NULL DO UPDATE
            SET provider = EXCLUDED.provider, spec = EXCLUDED.spec, interval_seconds = EXCLUDED.interval_seconds,
                by_operator = true, secret_id = NULL
         RETURNING id",
        tenant.0,
        Uuid::now_v7(),
        name,
        spec.provider().code(),
        to_json("connections", spec)?,
        interval_seconds,
        now
    )
    .fetch_one(tx.on())
    .await?;
    Ok(row.id)
}

/// Removes a connection with everything read through it; tickets that were about nothing else are
/// done. False where there was none.
pub async fn remove(tx: &mut Tx, name: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let found = sqlx::query!(
        "SELECT id FROM connections WHERE tenant_id = $1 AND name = $2 AND removed_at IS NULL",
        tenant.0,
        name
    )
    .fetch_optional(tx.on())
    .await?;
    let Some(found) = found else { return Ok(false) };
    keep::erase(tx, found.id).await?;
    tickets::recount(tx, now).await?;
    Ok(true)
}
