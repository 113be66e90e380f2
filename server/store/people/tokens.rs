//! Tokens of the API: hashed, scoped, ending.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Permission, TenantId};
use crate::store::{Gate, StoreError, Tx, parsed};

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its first letters.
    pub shown: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Who made it; none where they are gone.
    pub made_by: Option<String>,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Ends.
    pub expires_at: DateTime<Utc>,
    /// Last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// Taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A token in use.
#[derive(Debug, Clone)]
pub struct InUse {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Last used.
    pub used_at: Option<DateTime<Utc>>,
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// SHA-256 of it.
    pub secret_hash: Vec<u8>,
    /// Its first letters.
    pub shown: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Who makes it.
    pub made_by: Option<Uuid>,
    /// Ends.
    pub expires_at: DateTime<Utc>,
}

fn scopes(codes: &[String]) -> Result<Vec<Permission>, StoreError> {
    codes.iter().map(|code| parsed("api_tokens", code)).collect()
}

/// Keeps a token.
pub async fn add(tx: &mut Tx, new: &NewToken, now: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let (tenant, id) = (tx.tenant(), Uuid::now_v7());
    let codes: Vec<String> = new.scopes.iter().map(|one| one.code().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO api_tokens (tenant_id, id, name, secret_hash, shown, scopes, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant.0,
        id,
        new.name,
        new.secret_hash,
        new.shown,
        &codes,
        new.made_by,
        now,
        new.expires_at
    )
    .execute(tx.on())
    .await?;
    Ok(id)
}

/// The tenant's tokens, newest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<Token>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        r#"SELECT k.id, k.name, k.shown, k.scopes, p.name AS "made_by?", k.created_at, k.expires_at, k.used_at, k.revoked_at
           FROM api_tokens k LEFT JOIN people p ON p.id = k.created_by
           WHERE k.tenant_id = $1 ORDER BY k.created_at DESC LIMIT 1000"#,
        tenant.0
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Token {
                id: row.id,
                name: row.name,
                shown: row.shown,
                scopes: scopes(&row.scopes)?,
                made_by: row.made_by,
                created_at: row.created_at,
                expires_at: row.expires_at,
                used_at: row.used_at,
                revoked_at: row.revoked_at,
            })
        })
        .collect()
}

/// Takes a token back. False where there is none that still works.
pub async fn revoke(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE api_tokens SET revoked_at = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
        tenant.0,
        id,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The token of this secret, while it works.
pub async fn find(
    gate: &mut Gate,
    secret_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<InUse>, StoreError> {
    let row = sqlx::query!(
        "SELECT tenant_id, id, name, scopes, used_at FROM api_tokens
         WHERE secret_hash = $1 AND revoked_at IS NULL AND expires_at > $2",
        secret_hash,
        now
    )
    .fetch_optional(gate.on())
    .await?;
    row.map(|row| {
        let scopes = scopes(&row.scopes)?;
        Ok(InUse {
            tenant: TenantId(row.tenant_id),
            id: row.id,
            name: row.name,
            scopes,
            used_at: row.used_at,
        })
    })
    .transpose()
}

/// Notes that a token was used.
pub async fn touch(
    gate: &mut Gate,
    tenant: TenantId,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE api_tokens SET used_at = $3 WHERE tenant_id = $1 AND id = $2", tenant.0, id, now)
        .execute(gate.on())
        .await?;
    Ok(())
}
