//! Exceptions that are new or over are brought to what was judged before. What is over counts as over
//! from its moment on for whoever looks; this brings counts, scores and tickets after it.

use chrono::{DateTime, Utc};

use crate::model::TenantId;
use crate::pipeline::exceptions;
use crate::store::{Store, StoreError};

/// Sees to what exceptions leave to do, if there is any.
pub async fn if_due(store: &Store, tenant: TenantId, clock: fn() -> DateTime<Utc>) -> Result<(), StoreError> {
    let settled = exceptions::settle_all(store, tenant, clock).await?;
    if settled > 0 {
        tracing::info!(%tenant, settled, "exceptions settled");
    }
    Ok(())
}
