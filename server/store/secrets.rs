//! Secrets of what we reach out to, as they were sealed: nothing is opened here.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, Tx};

/// Keeps a sealed secret under `id`, in place of the one before; `key_id` says which key sealed it.
pub async fn put(
    tx: &mut Tx,
    id: Uuid,
    sealed: &[u8],
    key_id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "INSERT INTO secrets (tenant_id, id, sealed, key_id, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, id) DO UPDATE SET sealed = EXCLUDED.sealed, key_id = EXCLUDED.key_id,
            created_at = EXCLUDED.created_at",
        tenant,
        id,
        sealed,
        key_id,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// The sealed secret under `id`.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Vec<u8>>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!("SELECT sealed FROM secrets WHERE tenant_id = $1 AND id = $2", tenant, id)
        .fetch_optional(tx.on())
        .await?;
    Ok(row.map(|row| row.sealed))
}

/// Removes a secret, and with it what cannot be without it.
pub async fn remove(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!("DELETE FROM secrets WHERE tenant_id = $1 AND id = $2", tenant, id)
        .execute(tx.on())
        .await?;
    Ok(done.rows_affected() > 0)
}
