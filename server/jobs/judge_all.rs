//! Once a day every asset is judged again: dates pass also where nothing changed.

use chrono::{DateTime, Utc};

use crate::model::TenantId;
use crate::pipeline::assess::{Assess, assess};
use crate::store::assessments::Scope;
use crate::store::{Store, StoreError, tenants};

/// Judges all assets of `tenant` if that has not been done today. Of several workers one does it;
/// if it dies in the middle, the day is not marked and another does it again.
pub async fn if_due(store: &Store, tenant: TenantId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut day = store.begin(tenant).await?;
    if !tenants::take_day(&mut day, now.date_naive()).await? {
        return Ok(());
    }
    assess(store, Assess { tenant, connection: None, scope: Scope::All, run: None, now }).await?;
    day.commit().await
}
