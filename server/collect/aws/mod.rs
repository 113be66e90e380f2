//! An AWS account: Lambda functions with the roles they run as, and ECR repositories with images.
//!
//! Who shares a role is counted before any function is read. The functions of small regions are kept
//! meanwhile; large ones are listed a second time, so that memory does not grow with the account.

mod account;
mod actions;
mod aliases;
mod caller;
mod counts;
mod ecr;
mod failures;
mod grant;
mod items;
mod lambda;
mod login;
mod metrics;
mod normalise;
mod organisation;
mod probe;
mod region;
mod roles;
mod signing;
mod trail;
mod urls;

use std::sync::Arc;

use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::types::FunctionConfiguration;
use tokio::task::{JoinError, JoinSet};
use tracing::Instrument;

use self::caller::Caller;
use self::counts::{Counts, Room};
use super::{Access, CollectError, Collector, RunBuilder, Stopped};
use crate::analysis::secrets::FingerprintKey;
use crate::model::{AwsSpec, Gap};

pub use account::{is_region, principal};
pub use actions::{ACTIONS, LIST_ACCOUNTS};
pub use grant::{Grant, ROLE, pretty};
pub use login::is_role;
pub use organisation::{Account, accounts};
pub use probe::test;

/// Functions of an account kept between counting and reading them: some thirty megabytes.
const MOST_KEPT: usize = 10_000;

/// Reads an AWS account.
#[derive(Debug)]
pub struct AwsCollector {
    config: SdkConfig,
    account: String,
    regions: Vec<String>,
    /// Regions that could not be listed.
    dark: Option<Gap>,
    key: FingerprintKey,
}

impl AwsCollector {
    /// Proves the credentials and settles which regions are read.
    pub async fn new(spec: &AwsSpec, access: impl Into<Access>) -> Result<Self, CollectError> {
        let access = access.into();
        let config = login::config(spec, &access.guard).await?;
        let account = account::caller(&config).await.map_err(|error| account::blame(error, &spec.regions))?;
        let (regions, dark) = account::regions(&config, &spec.regions).await?;
        Ok(Self { config, account, regions, dark, key: access.key })
    }
}

impl Collector for AwsCollector {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        let caller = Arc::new(Caller::new());
        let roles = roles::Roles::new(aws_sdk_iam::Client::new(&self.config), Arc::clone(&caller));
        let downloads = Arc::new(ecr::Downloads::new(self.config.endpoint_url()).await?);
        let (shared, listed) = self.count_roles(&caller).await;
        let shared = Arc::new(shared);
        roles.list(&shared.by_role).await;
        let roles = Arc::new(roles);
        // In tasks of their own, so that all cores read; they end with us.
        let mut tasks = JoinSet::new();
        for (region, listed) in self.regions.iter().zip(listed) {
            let reader = Arc::new(region::Reader {
                config: self.config.to_builder().region(Region::new(region.clone())).build(),
                account: self.account.clone(),
                region: region.clone(),
                key: self.key.clone(),
                caller: Arc::clone(&caller),
                downloads: Arc::clone(&downloads),
                roles: Arc::clone(&roles),
                shared: Arc::clone(&shared),
                history: tokio::sync::Mutex::default(),
                run: run.clone(),
            });
            let other = Arc::clone(&reader);
            tasks.spawn(async move { lambda::read(&reader, listed).await }.in_current_span());
            tasks.spawn(async move { Box::pin(ecr::read(&other)).await }.in_current_span());
        }
        while let Some(ended) = tasks.join_next().await {
            match ended.map_err(JoinError::try_into_panic) {
                Ok(read) => read?,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The program itself is ending.
                Err(Err(_)) => return Err(Stopped.into()),
            }
        }
        for gap in caller.gaps().into_iter().chain(self.dark.clone()) {
            run.gap(gap).await?;
        }
        tracing::info!(account = %self.account, calls = %caller.calls(), "account read");
        Ok(())
    }

    fn edition(&self) -> Option<String> {
        Some(super::edition(&self.key))
    }
}

impl AwsCollector {
    /// How many functions of the account run as each role, and the functions of each region that was kept.
    async fn count_roles(&self, caller: &Caller) -> (Counts, Vec<Option<Vec<FunctionConfiguration>>>) {
        let room = Room::of(MOST_KEPT);
        let counting = self.regions.iter().map(|region| {
            let config = self.config.to_builder().region(Region::new(region.clone())).build();
            counts::region(aws_sdk_lambda::Client::new(&config), caller, &room)
        });
        let mut total = Counts::default();
        let mut listed = Vec::new();
        for (counts, functions) in futures::future::join_all(counting).await {
            total.add(counts);
            listed.push(functions);
        }
        (total, listed)
    }
}
