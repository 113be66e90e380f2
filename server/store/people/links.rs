//! Links that work once: the first owner's set-up, an invitation, a new password.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Role, TenantId};
use crate::store::{Gate, StoreError, parsed};

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `setup`, `invite` or `reset`.
    pub purpose: String,
    /// Into which tenant it leads.
    pub tenant: TenantId,
    /// That tenant's name.
    pub tenant_name: String,
    /// For whom; empty where the visitor says.
    pub email: String,
    /// What they become.
    pub role: Role,
}

/// Keeps a link until it is used or over.
pub async fn add(
    gate: &mut Gate,
    secret_hash: &[u8],
    link: &Link,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO links (secret_hash, purpose, tenant_id, email, role, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        secret_hash,
        link.purpose,
        link.tenant.0,
        link.email,
        link.role.code(),
        now,
        expires_at
    )
    .execute(gate.on())
    .await?;
    Ok(())
}

/// The link of this secret, while it works.
pub async fn find(
    gate: &mut Gate,
    secret_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Link>, StoreError> {
    let row = sqlx::query!(
        "SELECT l.purpose, l.tenant_id, l.email, l.role, t.name FROM links l JOIN tenants t ON t.id = l.tenant_id
         WHERE l.secret_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2",
        secret_hash,
        now
    )
    .fetch_optional(gate.on())
    .await?;
    row.map(|row| {
        Ok(Link {
            purpose: row.purpose,
            tenant: TenantId(row.tenant_id),
            tenant_name: row.name,
            email: row.email,
            role: parsed("links", &row.role)?,
        })
    })
    .transpose()
}

/// Uses a link up: false where somebody was faster.
pub async fn take(gate: &mut Gate, secret_hash: &[u8], now: DateTime<Utc>) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE links SET used_at = $2 WHERE secret_hash = $1 AND used_at IS NULL AND expires_at > $2",
        secret_hash,
        now
    )
    .execute(gate.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes back every link of a purpose to a tenant that was not used.
pub async fn withdraw(gate: &mut Gate, tenant: Uuid, purpose: &str, email: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM links WHERE tenant_id = $1 AND purpose = $2 AND email = $3 AND used_at IS NULL",
        tenant,
        purpose,
        email
    )
    .execute(gate.on())
    .await?;
    Ok(())
}
