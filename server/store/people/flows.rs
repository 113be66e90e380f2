//! Log-ins under way at a provider: begun here, ended once by whoever comes back with the state.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::store::{Gate, StoreError};

/// A log-in that was under way.
#[derive(Debug, Clone)]
pub struct Flow {
    /// At which provider.
    pub provider: Uuid,
    /// What was kept for its return, sealed.
    pub held: Vec<u8>,
    /// Until when it may come back.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a log-in that begins.
pub async fn add(
    gate: &mut Gate,
    state_hash: &[u8],
    flow: &Flow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO login_flows (state_hash, provider_id, held, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
        state_hash,
        flow.provider,
        flow.held,
        now,
        flow.expires_at
    )
    .execute(gate.on())
    .await?;
    Ok(())
}

/// Takes the log-in of this state, once.
pub async fn take(gate: &mut Gate, state_hash: &[u8]) -> Result<Option<Flow>, StoreError> {
    Ok(sqlx::query_as!(
        Flow,
        "DELETE FROM login_flows WHERE state_hash = $1 RETURNING provider_id AS provider, held, expires_at",
        state_hash
    )
    .fetch_optional(gate.on())
    .await?)
}
