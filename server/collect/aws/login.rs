//! How we come into an account: the SDK's settings, and the role that is assumed.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use reqwest::dns::{Name, Resolve};

use super::account;
use crate::collect::CollectError;
use crate::model::{AwsCredentials, AwsSpec};
use crate::outgoing::{Guard, Zone};

/// Attempts at one call, throttled ones included; with the SDK's growing, jittered pauses, a minute
/// of throttling is survived. A call that waits keeps its place among those under way, so the more
/// is throttled the less is sent: the SDK's own adaptive mode would slow the whole account down for
/// minutes after a single refusal.
const ATTEMPTS: u32 = 8;

/// The name of our sessions, as the account's own log shows it.
pub const SESSION: &str = "parallax";

/// Whether this is the ARN of a role.
pub fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return false };
    let named = resource.strip_prefix("role/").is_some_and(|name| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
        (1..=512).contains(&name.len()) && name.chars().all(allowed) && !name.ends_with('/')
    });
    let partition = partition
        .strip_prefix("aws")
        .is_some_and(|rest| rest.len() < 12 && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    named && partition && account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
}

/// As who we are ourselves, before any role is assumed.
pub async fn ourselves(spec: &AwsSpec, guard: &Guard) -> Result<SdkConfig, CollectError> {
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
        )
        // The time of an attempt bounds its answer too, and costs one timer instead of many.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = spec.regions.first() {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &spec.endpoint {
        loader = loader.endpoint_url(checked(endpoint, guard)?);
        if guard.nearest() < Zone::Loopback {
            let provider = tls::Provider::Rustls(CryptoMode::AwsLc);
            let client = Builder::new().tls_provider(provider).build_with_resolver(Judged(guard.clone()));
            loader = loader.http_client(client);
        }
    }
    if spec.credentials == AwsCredentials::Sample {
        account::only_loopback(spec.endpoint.as_deref())?;
        loader = loader.credentials_provider(account::sample_credentials());
    }
    let config = loader.load().await;
    if config.region().is_some() {
        return Ok(config);
    }
    Ok(config.into_builder().region(Region::from_static("us-east-1")).build())
}

/// As whom the connection says: with its role assumed, and assumed again whenever it runs out.
pub async fn config(spec: &AwsSpec, guard: &Guard) -> Result<SdkConfig, CollectError> {
    let config = ourselves(spec, guard).await?;
    let AwsCredentials::AssumeRole { role_arn, external_id } = &spec.credentials else { return Ok(config) };
    let mut role =
        aws_config::sts::AssumeRoleProvider::builder(role_arn).session_name(SESSION).configure(&config);
    if let Some(external_id) = external_id {
        role = role.external_id(external_id);
    }
    let credentials = aws_sdk_sts::config::SharedCredentialsProvider::new(role.build().await);
    Ok(config.into_builder().credentials_provider(credentials).build())
}

fn checked<'a>(endpoint: &'a str, guard: &Guard) -> Result<&'a str, CollectError> {
    let what = || format!("endpoint {endpoint:?}");
    let url = url::Url::parse(endpoint)
        .map_err(|_| CollectError::Invalid { what: what(), problem: "is not an address".into() })?;
    guard.check(&url).map_err(|no| CollectError::Invalid { what: what(), problem: no.to_string() })?;
    Ok(endpoint)
}

/// Names resolved as the guard allows, for the SDK's own client.
#[derive(Debug, Clone)]
struct Judged(Guard);

impl ResolveDns for Judged {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let asked: Name = name.parse().map_err(ResolveDnsError::new)?;
            let found = self.0.resolve(asked).await.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_role_is_a_role_and_nothing_else() {
        for right in
            ["arn:aws:iam::111122223333:role/parallax-reader", "arn:aws-us-gov:iam::111122223333:role/a/b"]
        {
            assert!(is_role(right), "{right}");
        }
        for wrong in [
            "",
            "parallax-reader",
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:iam::1111:role/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:assumed-role/x/y",
            "arn:evil:iam::111122223333:role/x",
            "arn:aws:iam::111122223333:role/a b",
        ] {
            assert!(!is_role(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_typed_breaks_it(text in "\\PC{0,60}") {
            let _ = (is_role(&text), account::is_region(&text));
        }
    }
}
