//! Answers to creations of the API, kept for a day, so that one sent twice is done once.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{StoreError, Tx};

/// How long a key is remembered.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// What a key stands for.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Whose key: keys of two callers never meet.
    pub caller: &'a str,
    /// What the caller chose.
    pub key: &'a str,
    /// Digest of what was asked.
    pub request: &'a [u8],
}

/// What was answered under a key.
#[derive(Debug, Clone)]
pub enum Earlier {
    /// Nothing yet: the key is ours until this transaction ends.
    Nothing,
    /// This.
    Answer(i16, Value),
    /// The key stood for another request.
    Other,
}

/// Takes the key, waiting for whoever holds it just now.
pub async fn take(tx: &mut Tx, key: Key<'_>, now: DateTime<Utc>) -> Result<Earlier, StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1::text || $2 || $3, 0))",
        tenant.to_string(),
        key.caller,
        key.key
    )
    .execute(tx.on())
    .await?;
    let row = sqlx::query!(
        "SELECT request, status, body FROM replies
         WHERE tenant_id = $1 AND caller = $2 AND key = $3 AND created_at > $4",
        tenant,
        key.caller,
        key.key,
        now - KEPT
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(match row {
        None => Earlier::Nothing,
        Some(row) if row.request == key.request => Earlier::Answer(row.status, row.body),
        Some(_) => Earlier::Other,
    })
}

/// Keeps the answer, and forgets old ones of the tenant.
pub async fn keep(
    tx: &mut Tx,
    key: Key<'_>,
    status: i16,
    body: &Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!("DELETE FROM replies WHERE tenant_id = $1 AND created_at <= $2", tenant, now - KEPT)
        .execute(tx.on())
        .await?;
    sqlx::query!(
        "INSERT INTO replies (tenant_id, caller, key, request, status, body, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tenant,
        key.caller,
        key.key,
        key.request,
        status,
        body,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
