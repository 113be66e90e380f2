//! Tenants and what they have decided.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::{Uuid, uuid};

use super::{Gate, Store, StoreError, Tx};
use crate::model::{Settings, TenantId};

/// The tenant of a house with one tenant.
pub const DEFAULT: TenantId = TenantId(DEFAULT_ID);
const DEFAULT_ID: Uuid = uuid!("0192f0c1-0000-7000-8000-000000000001");

/// Makes sure the default tenant exists.
pub async fn ensure_default(store: &Store, now: DateTime<Utc>) -> Result<TenantId, StoreError> {
    let mut tx = store.begin(DEFAULT).await?;
    sqlx::query!(
        "INSERT INTO tenants (id, name, created_at) VALUES ($1, 'default', $2) ON CONFLICT (id) DO NOTHING",
        DEFAULT_ID,
        now
    )
    .execute(tx.on())
    .await?;
    tx.commit().await?;
    Ok(DEFAULT)
}

/// Every tenant, in the order they were made.
pub async fn all(gate: &mut Gate) -> Result<Vec<TenantId>, StoreError> {
    let rows = sqlx::query!("SELECT id FROM tenants ORDER BY created_at, id").fetch_all(gate.on()).await?;
    Ok(rows.into_iter().map(|row| TenantId(row.id)).collect())
}

/// What the tenant has decided; the defaults where it has decided nothing.
pub async fn settings(tx: &mut Tx) -> Result<Settings, StoreError> {
    let tenant = tx.tenant();
    let row =
        sqlx::query!("SELECT settings FROM tenants WHERE id = $1", tenant.0).fetch_optional(tx.on()).await?;
    let Some(row) = row else { return Ok(Settings::default()) };
    serde_json::from_value(row.settings)
        .map_err(|fault| StoreError::Inconsistent { table: "tenants", problem: fault.to_string() })
}

/// Replaces what the tenant has decided.
pub async fn set_settings(tx: &mut Tx, settings: &Settings) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let value = super::to_json("tenants", settings)?;
    sqlx::query!("UPDATE tenants SET settings = $2 WHERE id = $1", tenant.0, value).execute(tx.on()).await?;
    Ok(())
}

/// The day all of the tenant's assets were last judged.
pub async fn judged_on(tx: &mut Tx) -> Result<Option<NaiveDate>, StoreError> {
    let tenant = tx.tenant();
    let row =
        sqlx::query!("SELECT judged_on FROM tenants WHERE id = $1", tenant.0).fetch_optional(tx.on()).await?;
    Ok(row.and_then(|row| row.judged_on))
}

/// Notes that all of the tenant's assets were judged on `day`.
pub async fn set_judged_on(tx: &mut Tx, day: NaiveDate) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!("UPDATE tenants SET judged_on = $2 WHERE id = $1", tenant.0, day).execute(tx.on()).await?;
    Ok(())
}

/// The tenant's name.
pub async fn name(tx: &mut Tx) -> Result<String, StoreError> {
    let tenant = tx.tenant();
    let row =
        sqlx::query!("SELECT name FROM tenants WHERE id = $1", tenant.0).fetch_optional(tx.on()).await?;
    Ok(row.map(|row| row.name).unwrap_or_default())
}

/// Gives the tenant another name.
pub async fn rename(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!("UPDATE tenants SET name = $2 WHERE id = $1", tenant.0, name).execute(tx.on()).await?;
    Ok(())
}

/// Makes a tenant with this person as its owner.
pub async fn create(
    gate: &mut Gate,
    name: &str,
    owner: Uuid,
    now: DateTime<Utc>,
) -> Result<TenantId, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!("INSERT INTO tenants (id, name, created_at) VALUES ($1, $2, $3)", id, name, now)
        .execute(gate.on())
        .await?;
    sqlx::query!(
        "INSERT INTO memberships (tenant_id, person_id, role, created_at) VALUES ($1, $2, 'owner', $3)",
        id,
        owner,
        now
    )
    .execute(gate.on())
    .await?;
    Ok(TenantId(id))
}

/// Whether somebody decided on a page; until then the environment decides.
pub async fn decided(tx: &mut Tx) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!("SELECT configured FROM tenants WHERE id = $1", tenant.0)
        .fetch_optional(tx.on())
        .await?;
    Ok(row.is_some_and(|row| row.configured))
}

/// Notes that somebody decided on a page.
pub async fn set_decided(tx: &mut Tx) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!("UPDATE tenants SET configured = true WHERE id = $1", tenant.0).execute(tx.on()).await?;
    Ok(())
}

/// Deletes the tenant with everything it has: estate, members, tokens, secrets, record.
/// People stay, since they may belong elsewhere; those who now belong nowhere go too.
pub async fn delete(store: &Store, tenant: TenantId) -> Result<(), StoreError> {
    let mut gate = store.gate().await?;
    sqlx::query!(
        "DELETE FROM people p WHERE EXISTS (SELECT FROM memberships m WHERE m.person_id = p.id AND m.tenant_id = $1)
         AND NOT EXISTS (SELECT FROM memberships m WHERE m.person_id = p.id AND m.tenant_id <> $1)",
        tenant.0
    )
    .execute(gate.on())
    .await?;
    sqlx::query!("DELETE FROM tenants WHERE id = $1", tenant.0).execute(gate.on()).await?;
    gate.commit().await
}
