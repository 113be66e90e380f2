//! An AWS account: Lambda functions with the roles they run as, and ECR repositories with images.
//!
//! Functions are listed twice: once to count who shares a role, once to read them page by page, so
//! that memory does not grow with the account for two calls more in a hundred.

mod account;
mod caller;
mod ecr;
mod lambda;
mod metrics;
mod normalise;
mod region;
mod roles;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};

use self::caller::Caller;
use super::{CollectError, Collector, RunBuilder};
use crate::analysis::secrets::FingerprintKey;
use crate::model::{AwsCredentials, AwsSpec, Gap};

/// Attempts at one call, throttled ones included; with the SDK's growing, jittered pauses, a minute
/// of throttling is survived. A call that waits keeps its place among those under way, so the more
/// is throttled the less is sent: the SDK's own adaptive mode would slow the whole account down for
/// minutes after a single refusal.
const ATTEMPTS: u32 = 8;

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
    pub async fn new(spec: &AwsSpec, key: FingerprintKey) -> Result<Self, CollectError> {
        let config = config(spec).await?;
        let account = account::caller(&config).await.map_err(|error| account::blame(error, &spec.regions))?;
        let (regions, dark) = account::regions(&config, &spec.regions).await?;
        Ok(Self { config, account, regions, dark, key })
    }
}

impl Collector for AwsCollector {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        let caller = Arc::new(Caller::new());
        let roles = roles::Roles::new(aws_sdk_iam::Client::new(&self.config), Arc::clone(&caller));
        let shared = self.count_roles(&caller).await;
        let regions = self.regions.iter().map(|region| {
            let reader = region::Reader {
                config: self.config.to_builder().region(Region::new(region.clone())).build(),
                account: &self.account,
                region,
                key: &self.key,
                caller: &caller,
                roles: &roles,
                shared: &shared,
                run,
            };
            async move {
                lambda::read(&reader).await?;
                ecr::read(&reader).await
            }
        });
        futures::future::try_join_all(regions).await?;
        for gap in caller.gaps().into_iter().chain(self.dark.clone()) {
            run.gap(gap).await?;
        }
        tracing::info!(account = %self.account, calls = %caller.calls(), "account read");
        Ok(())
    }
}

impl AwsCollector {
    /// How many functions of the account run as each role.
    async fn count_roles(&self, caller: &Caller) -> HashMap<String, u32> {
        let counts = self.regions.iter().map(|region| {
            let config = self.config.to_builder().region(Region::new(region.clone())).build();
            lambda::roles(aws_sdk_lambda::Client::new(&config), caller)
        });
        let mut total = HashMap::new();
        for region in futures::future::join_all(counts).await {
            for (role, count) in region {
                *total.entry(role).or_default() += count;
            }
        }
        total
    }
}

async fn config(spec: &AwsSpec) -> Result<SdkConfig, CollectError> {
    let first = spec.regions.first().cloned();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(Duration::from_millis(400))
                .with_max_backoff(Duration::from_secs(15)),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(Duration::from_secs(30))
                .operation_timeout(Duration::from_secs(150))
                .build(),
        );
    if let Some(region) = first {
        loader = loader.region(Region::new(region));
    }
    if let Some(endpoint) = &spec.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if spec.credentials == AwsCredentials::Sample {
        account::only_loopback(spec.endpoint.as_deref())?;
        loader = loader.credentials_provider(account::sample_credentials());
    }
    let mut config = loader.load().await;
    if config.region().is_none() {
        config = config.into_builder().region(Region::from_static("us-east-1")).build();
    }
    if let AwsCredentials::AssumeRole { role_arn, external_id } = &spec.credentials {
        let mut role = aws_config::sts::AssumeRoleProvider::builder(role_arn)
            .session_name("parallax")
            .configure(&config);
        if let Some(external_id) = external_id {
            role = role.external_id(external_id);
        }
        let credentials = aws_sdk_sts::config::SharedCredentialsProvider::new(role.build().await);
        config = config.into_builder().credentials_provider(credentials).build();
    }
    Ok(config)
}
