//! The test of an account: each call the collector makes, tried once where there is something to try
//! it on, so that what is missing is known before anything is read.

use std::future::Future;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use aws_sdk_lambda::config::http::HttpResponse;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use futures::{StreamExt, stream};
use std::time::Duration;

use super::caller::{Operation, code, is_denial};
use super::{account, items, login};
use crate::collect::{Access, CollectError};
use crate::model::{AwsCredentials, AwsSpec, Tested, Try};

/// Regions tried at most, and at once.
const MOST_REGIONS: usize = 20;
const AT_ONCE: usize = 5;
/// How long one call of a test may take, retries included.
const WITHIN: Duration = Duration::from_secs(12);
const ASSUME: &str = "sts:AssumeRole";
const IDENTITY: &str = "sts:GetCallerIdentity";

/// One call, and what it gave.
pub async fn tried<T, E: ProvideErrorMetadata>(
    operation: Operation,
    on: &str,
    send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> (Try, Option<T>) {
    match send.await {
        Ok(answer) => (Try::works(operation.call, on, "answered"), Some(answer)),
        Err(error) => {
            let code = code(&error);
            let told = if operation.none.contains(&code.as_str()) {
                Try::works(operation.call, on, "answered: there is none")
            } else if is_denial(&code) {
                Try::denied(operation.call, on, code, operation.call)
            } else {
                Try::failed(operation.call, on, code)
            };
            (told, None)
        }
    }
}

/// Tries every call.
pub async fn test(spec: &AwsSpec, access: &Access, tested: &mut Tested) -> Result<(), CollectError> {
    let ourselves = quick(login::ourselves(spec, &access.guard).await?);
    let config = assumed(spec, ourselves, &mut tested.tries).await?;
    let account = account::caller(&config).await.map_err(|error| account::blame(error, &spec.regions))?;
    tested.tries.push(Try::works(IDENTITY, "", format!("account {account}")));
    tested.account = account;
    let (mut regions, dark) = account::regions(&config, &spec.regions).await?;
    tested.tries.push(match (&dark, spec.regions.is_empty()) {
        (None, true) => Try::works("account:ListRegions", "", format!("{} regions", regions.len())),
        (None, false) => Try::untried("account:ListRegions", "the regions to read are named"),
        (Some(gap), _) => match &gap.permission {
            Some(permission) => Try::denied("account:ListRegions", "", &*gap.code, permission),
            None => Try::failed("account:ListRegions", "", &*gap.code),
        },
    });
    if regions.len() > MOST_REGIONS {
        let rest = format!("in {} more regions", regions.len() - MOST_REGIONS);
        tested.tries.push(Try::untried("lambda:ListFunctions", rest));
        regions.truncate(MOST_REGIONS);
    }
    let reading: Vec<_> = regions
        .into_iter()
        .map(|region| {
            let config = config.to_builder().region(Region::new(region.clone())).build();
            items::Lists::read(config, region)
        })
        .collect();
    let mut lists: Vec<_> = stream::iter(reading).buffered(AT_ONCE).collect().await;
    for one in &mut lists {
        tested.tries.append(&mut one.tries);
    }
    tested.tries.extend(Box::pin(items::function(&lists)).await);
    tested.tries.extend(Box::pin(items::repository(&lists)).await);
    Ok(())
}

/// As a test asks: soon, or not at all.
pub fn quick(config: SdkConfig) -> SdkConfig {
    let within = TimeoutConfig::builder().connect_timeout(Duration::from_secs(3)).operation_timeout(WITHIN);
    config
        .into_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(within.build())
        .build()
}

/// Assumes the role and says how that went. Then tries it without the external id: a role that lets
/// us in without lets in whoever has us read this account for them.
pub async fn assumed(
    spec: &AwsSpec,
    config: SdkConfig,
    tries: &mut Vec<Try>,
) -> Result<SdkConfig, CollectError> {
    let AwsCredentials::AssumeRole { role_arn, external_id } = &spec.credentials else { return Ok(config) };
    let client = aws_sdk_sts::Client::new(&config);
    let ask = || client.assume_role().role_arn(role_arn).role_session_name(login::SESSION);
    let answer = ask().set_external_id(external_id.clone()).send().await;
    let given = match answer {
        Ok(answer) => answer.credentials,
        Err(error) => return Err(not_assumed(role_arn, &config, &error)),
    };
    let Some(given) = given else {
        let problem = "AWS answered without credentials".into();
        return Err(CollectError::Invalid { what: role_arn.clone(), problem });
    };
    tries.push(Try::works(ASSUME, role_arn, "with the external id"));
    if external_id.is_some() {
        tries.push(match ask().send().await {
            Err(error) if is_denial(&code(&error)) => {
                Try::works(ASSUME, role_arn, "refused without the external id, as it should be")
            }
            Err(error) => Try::failed(ASSUME, role_arn, format!("without the external id: {}", code(&error))),
            Ok(_) => Try::failed(
                ASSUME,
                role_arn,
                "also without the external id: its trust policy lacks the condition on sts:ExternalId",
            ),
        });
    }
    let session = Some(given.session_token().to_owned());
    let credentials =
        Credentials::new(given.access_key_id(), given.secret_access_key(), session, None, "a role");
    let shared = aws_sdk_sts::config::SharedCredentialsProvider::new(credentials);
    Ok(config.into_builder().credentials_provider(shared).build())
}

fn not_assumed<E>(role: &str, config: &SdkConfig, error: &SdkError<E, HttpResponse>) -> CollectError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = code(error);
    if is_denial(&code) {
        let problem = format!(
            "we may not assume it ({code}): it does not exist yet, or its trust policy names another principal or external id"
        );
        return CollectError::Invalid { what: role.to_owned(), problem };
    }
    account::refused(config, error)
}
