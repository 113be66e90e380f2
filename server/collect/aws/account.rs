//! Whose account it is, and which of its regions are read.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_lambda::config::Credentials;
use aws_sdk_sts::error::SdkError;
use tokio::sync::Mutex;

use super::caller::{code, is_denial};
use super::grant::principal_of;
use super::login;
use crate::collect::CollectError;
use crate::model::{AwsSpec, Gap};
use crate::outgoing::{Guard, Zone};

/// Regions AWS has announced, so that a misspelt one is told at once.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Whether this is written as a region is.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| (2..=12).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_lowercase());
    matches!(parts.split_last(), Some((number, words))
        if number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit())
            && (2..=4).contains(&words.len()) && words.iter().all(word))
}

/// Longest wait for who we are ourselves.
const OURSELVES: Duration = Duration::from_secs(2);
/// How long it is believed that we are nobody.
const NOBODY: Duration = Duration::from_mins(5);

/// Who this server is on AWS, as an account's trust policy names it; none where it is nobody. What is
/// found holds as long as the process lives.
pub async fn principal() -> Option<String> {
    static KNOWN: Mutex<Option<(Instant, Option<String>)>> = Mutex::const_new(None);
    let mut known = KNOWN.lock().await;
    if let Some((since, found)) = known.as_ref()
        && (found.is_some() || since.elapsed() < NOBODY)
    {
        return found.clone();
    }
    let asking = async {
        let guard = Guard::to(Zone::Loopback);
        let config = login::ourselves(&AwsSpec::default(), &guard).await.ok()?;
        let quick = config.into_builder().retry_config(RetryConfig::standard().with_max_attempts(1)).build();
        let told = aws_sdk_sts::Client::new(&quick).get_caller_identity().send().await.ok()?;
        told.arn().map(principal_of)
    };
    let found = tokio::time::timeout(OURSELVES, asking).await.ok().flatten();
    *known = Some((Instant::now(), found.clone()));
    found
}

/// The account our credentials belong to. Fails where they are refused or nothing answers.
pub async fn caller(config: &SdkConfig) -> Result<String, CollectError> {
    // A first call that cannot get through should say so soon.
    let quick = config.to_builder().retry_config(RetryConfig::standard().with_max_attempts(2)).build();
    match aws_sdk_sts::Client::new(&quick).get_caller_identity().send().await {
        Ok(identity) => Ok(identity.account().unwrap_or_default().to_owned()),
        Err(error) => Err(refused(config, &error)),
    }
}

/// Why the first call brought nothing.
pub fn refused<E>(
    config: &SdkConfig,
    error: &SdkError<E, aws_sdk_lambda::config::http::HttpResponse>,
) -> CollectError
where
    E: aws_sdk_sts::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    let what = config.endpoint_url().unwrap_or("AWS").to_owned();
    match error {
        SdkError::DispatchFailure(failure) if failure.is_other() => CollectError::Credentials {
            what: "AWS".into(),
            code: match innermost(error) {
                nothing if nothing.contains("not loaded") || nothing.contains("no providers") => {
                    "no credentials were found in the environment".into()
                }
                cause => cause,
            },
        },
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => {
            CollectError::Unreachable { what, cause: innermost(error) }
        }
        _ => CollectError::Credentials { what, code: code(error) },
    }
}

/// A misspelt region has an address that nobody answers at: then the region is what is wrong.
pub fn blame(error: CollectError, asked: &[String]) -> CollectError {
    let strange = asked.iter().find(|region| !REGIONS.contains(&region.as_str()));
    match (&error, strange) {
        (CollectError::Unreachable { .. }, Some(region)) => CollectError::Invalid {
            what: format!("region {region:?}"),
            problem: format!("it is none that we know, and AWS could not be asked: {error}"),
        },
        _ => error,
    }
}

/// The deepest cause: `Connection refused` says more than `dispatch failure`.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}

/// The regions to read: those asked for, or all the account has enabled. Where AWS does not tell
/// which, the one our settings name, and the gap that leaves the others dark.
pub async fn regions(
    config: &SdkConfig,
    asked: &[String],
) -> Result<(Vec<String>, Option<Gap>), CollectError> {
    let strange: Vec<&String> = asked.iter().filter(|region| !REGIONS.contains(&region.as_str())).collect();
    if !asked.is_empty() && strange.is_empty() {
        return Ok((asked.to_vec(), None));
    }
    let (enabled, problem) = enabled(config).await;
    if let Some(region) = strange.into_iter().find(|region| !enabled.contains(region)) {
        return Err(CollectError::Invalid {
            what: format!("region {region:?}"),
            problem: "AWS has no such region, or the account has not enabled it".into(),
        });
    }
    if !asked.is_empty() {
        return Ok((asked.to_vec(), None));
    }
    if enabled.is_empty() {
        let own = config.region().map_or("us-east-1", |region| region.as_ref());
        return Ok((vec![own.to_owned()], Some(dark(own, problem))));
    }
    Ok((enabled, problem.map(|problem| dark("those listed", Some(problem)))))
}

fn dark(read: &str, problem: Option<String>) -> Gap {
    let code = problem.unwrap_or_else(|| "no-regions".into());
    Gap {
        facet: "regions".into(),
        call: LIST_REGIONS.into(),
        message: format!("the enabled regions could not be listed; only {read} was read"),
        permission: is_denial(&code).then(|| LIST_REGIONS.into()),
        code,
        asset: None,
        hides_assets: true,
    }
}

const LIST_REGIONS: &str = "account:ListRegions";

/// The regions AWS told us of, and why not all, if it did not tell all.
async fn enabled(config: &SdkConfig) -> (Vec<String>, Option<String>) {
    use aws_sdk_account::types::RegionOptStatus as Status;
    let client = aws_sdk_account::Client::new(config);
    let mut pages = client
        .list_regions()
        .region_opt_status_contains(Status::Enabled)
        .region_opt_status_contains(Status::EnabledByDefault)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                found.extend(
                    page.regions().iter().filter_map(|region| region.region_name().map(str::to_owned)),
                );
            }
            Err(error) => return (found, Some(code(&error))),
        }
    }
    (found, None)
}

/// Words only the sample cloud accepts.
pub fn sample_credentials() -> Credentials {
    Credentials::new("sample", "sample", None, None, "sample cloud")
}

/// The sample's words are never sent anywhere but to this machine.
pub fn only_loopback(endpoint: Option<&str>) -> Result<(), CollectError> {
    let host = endpoint
        .and_then(|address| url::Url::parse(address).ok())
        .and_then(|url| url.host_str().map(str::to_owned));
    let local = host.as_deref().is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    if local {
        return Ok(());
    }
    Err(CollectError::Invalid {
        what: "sample credentials".into(),
        problem: "they are only for a sample cloud on this machine".into(),
    })
}
