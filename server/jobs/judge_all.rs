//! Once a day every asset is judged again: dates pass also where nothing changed.
//!
//! Interrupted, it goes on where it stopped; done by two workers at once, each asset is judged by
//! the one that comes first.

use chrono::{DateTime, NaiveTime, Utc};

use crate::model::TenantId;
use crate::pipeline::assess::{Assess, assess};
use crate::store::assessments::Scope;
use crate::store::{Store, StoreError, tenants};

/// Judges what was not judged yet today, unless all of it was.
pub async fn if_due(store: &Store, tenant: TenantId, clock: fn() -> DateTime<Utc>) -> Result<(), StoreError> {
    let today = clock().date_naive();
    let mut tx = store.begin(tenant).await?;
    let judged_on = tenants::judged_on(&mut tx).await?;
    drop(tx);
    if judged_on.is_some_and(|day| day >= today) {
        return Ok(());
    }
    let scope = Scope::Before(today.and_time(NaiveTime::MIN).and_utc());
    assess(store, Assess { tenant, connection: None, scope, run: None, clock }).await?;
    let mut tx = store.begin(tenant).await?;
    tenants::set_judged_on(&mut tx, today).await?;
    tx.commit().await
}
