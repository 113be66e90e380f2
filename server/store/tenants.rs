//! Tenants and what they have decided.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::{Uuid, uuid};

use super::{Store, StoreError, Tx};
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

/// Takes the day's judging of all assets: true for the one worker that has it until its transaction
/// ends, and only if nobody has done it today.
pub async fn take_day(tx: &mut Tx, day: NaiveDate) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "UPDATE tenants SET judged_on = $2
         WHERE id = (SELECT id FROM tenants WHERE id = $1 AND (judged_on IS NULL OR judged_on < $2)
                     FOR UPDATE SKIP LOCKED)
         RETURNING id",
        tenant.0,
        day
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.is_some())
}
