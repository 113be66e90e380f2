//! What is done tenant by tenant, side by side: one that takes long keeps no other waiting, and what
//! is wrong with one is logged and ends nothing else.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::model::TenantId;
use crate::store::StoreError;

/// While somebody takes long, it is asked again so often whose turn it is.
const AGAIN: Duration = Duration::from_secs(2);

/// What is done for tenants.
#[async_trait]
pub trait Rounds: Clone + Send + Sync + 'static {
    /// What it is about.
    const WHAT: &'static str;

    /// Tenants there may be something to do for.
    async fn whose_turn(&self) -> Result<Vec<TenantId>, StoreError>;

    /// Does some of it for one of them; returns how much.
    async fn serve(&self, tenant: TenantId) -> Result<usize, StoreError>;
}

/// Serves everybody whose turn it is, at most so many at once. Returns how much was done. Once the
/// database is away, or at `stop`, nothing more is begun and what is under way is waited for.
pub async fn serve_all<R: Rounds>(
    rounds: &R,
    most: usize,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let mut waiting = VecDeque::from(rounds.whose_turn().await?);
    let (mut tasks, mut under_way) = (JoinSet::new(), HashSet::new());
    let (mut served, mut away) = (0, None);
    loop {
        while tasks.len() < most && away.is_none() && !stop.is_cancelled() {
            let Some(tenant) = waiting.pop_front() else { break };
            // One whose serving panicked stays among them until this is over.
            if under_way.insert(tenant) {
                let rounds = rounds.clone();
                tasks.spawn(async move { (tenant, rounds.serve(tenant).await) });
            }
        }
        match tokio::time::timeout(AGAIN, tasks.join_next()).await {
            Ok(None) => return away.map_or(Ok(served), Err),
            Ok(Some(Ok((tenant, done)))) => {
                under_way.remove(&tenant);
                match done {
                    Ok(some) => served += some,
                    Err(fault @ StoreError::Unavailable(_)) => away = Some(fault),
                    Err(fault) => {
                        let fault = &fault as &dyn std::error::Error;
                        error!(what = R::WHAT, tenant = %tenant, error = fault, "a tenant could not be served");
                    }
                }
            }
            Ok(Some(Err(broken))) => error!(what = R::WHAT, error = %broken, "serving a tenant broke off"),
            // Somebody takes long: it is the others' turn again meanwhile.
            Err(_) if waiting.is_empty() && away.is_none() && !stop.is_cancelled() => {
                match rounds.whose_turn().await {
                    Ok(again) => waiting.extend(again),
                    Err(fault) => away = Some(fault),
                }
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// Twenty tenants, of whom one's rows are broken and one's break us.
    #[derive(Clone)]
    struct Odd;

    #[async_trait]
    impl Rounds for Odd {
        const WHAT: &'static str = "tests";

        async fn whose_turn(&self) -> Result<Vec<TenantId>, StoreError> {
            Ok((0..20).map(|number| TenantId(Uuid::from_u128(number))).collect())
        }

        async fn serve(&self, tenant: TenantId) -> Result<usize, StoreError> {
            match tenant.0.as_u128() {
                3 => Err(StoreError::Inconsistent { table: "odd", problem: "odd".into() }),
                5 => panic!("odd"),
                _ => Ok(1),
            }
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_ends_nothing_else() {
        let stop = CancellationToken::new();
        assert_eq!(serve_all(&Odd, 4, &stop).await.expect("it ends"), 18);
        stop.cancel();
        assert_eq!(serve_all(&Odd, 4, &stop).await.expect("it ends"), 0, "nothing is begun any more");
    }
}
