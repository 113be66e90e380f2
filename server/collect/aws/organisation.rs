//! The accounts of an organisation: one call, signed by us (the service's own crate would be large for
//! it), asked of the management account or one it delegates to.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_sts::config::{Credentials, ProvideCredentials};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::actions::LIST_ACCOUNTS;
use super::{login, probe};
use crate::collect::{Access, CollectError};
use crate::model::AwsSpec;
use crate::outgoing;

const TARGET: &str = "AWSOrganizationsV20161128.ListAccounts";
const KIND: &str = "application/x-amz-json-1.1";
const MOST_PAGES: usize = 250;
const MOST_BYTES: usize = 1 << 20;
const WITHIN: Duration = Duration::from_secs(15);

/// An account of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    /// Its number.
    pub id: String,
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// `ACTIVE`, `SUSPENDED` or `PENDING_CLOSURE`.
    #[serde(default)]
    pub status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Page {
    accounts: Vec<Account>,
    next_token: Option<String>,
}

/// The accounts of the organisation that the spec's role may list, by name; only those in use.
pub async fn accounts(
    spec: &AwsSpec,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<Vec<Account>, CollectError> {
    let config = probe::quick(login::ourselves(spec, &access.guard).await?);
    let config = probe::assumed(spec, config, &mut Vec::new()).await?;
    let place = place(spec);
    let invalid = |problem: String| CollectError::Invalid { what: LIST_ACCOUNTS.into(), problem };
    let url = url::Url::parse(&place).map_err(|cause| invalid(cause.to_string()))?;
    access.guard.check(&url).map_err(|no| invalid(no.to_string()))?;
    let http = access.guard.client(WITHIN).map_err(|cause| invalid(cause.to_string()))?;
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..MOST_PAGES {
        let body = match &next {
            Some(token) => json!({ "NextToken": token }).to_string(),
            None => "{}".to_owned(),
        };
        let headers = signed(&config, &place, &body, now).await.map_err(invalid)?;
        let page = ask(&http, &place, headers, body).await?;
        found.extend(page.accounts.into_iter().filter(|one| one.status == "ACTIVE"));
        next = page.next_token.filter(|token| !token.is_empty());
        if next.is_none() {
            found.sort_by(|a: &Account, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            return Ok(found);
        }
    }
    Err(invalid("the list never ends".into()))
}

/// The service has one home in each partition.
fn place(spec: &AwsSpec) -> String {
    match &spec.endpoint {
        Some(endpoint) => format!("{}/", endpoint.trim_end_matches('/')),
        None => format!(
            "https://organizations.{}/",
            if region(spec) == "cn-northwest-1" {
                "cn-northwest-1.amazonaws.com.cn".to_owned()
            } else {
                format!("{}.amazonaws.com", region(spec))
            }
        ),
    }
}

fn region(spec: &AwsSpec) -> &'static str {
    match &spec.credentials {
        crate::model::AwsCredentials::AssumeRole { role_arn, .. } if role_arn.starts_with("arn:aws-cn:") => {
            "cn-northwest-1"
        }
        crate::model::AwsCredentials::AssumeRole { role_arn, .. }
            if role_arn.starts_with("arn:aws-us-gov:") =>
        {
            "us-gov-west-1"
        }
        _ => "us-east-1",
    }
}

async fn signed(
    config: &SdkConfig,
    place: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, String> {
    let provider = config.credentials_provider().ok_or("there are no credentials")?;
    let credentials: Credentials =
        provider.provide_credentials().await.map_err(|cause| format!("there are no credentials: {cause}"))?;
    let identity = credentials.into();
    let region = if place.contains("cn-northwest-1") {
        "cn-northwest-1"
    } else if place.contains("us-gov-west-1") {
        "us-gov-west-1"
    } else {
        "us-east-1"
    };
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("organizations")
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|cause| cause.to_string())?
        .into();
    let headers = [("content-type", KIND), ("x-amz-target", TARGET)];
    let request =
        SignableRequest::new("POST", place, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
            .map_err(|cause| cause.to_string())?;
    let (instructions, _) = sign(request, &parameters).map_err(|cause| cause.to_string())?.into_parts();
    let own = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(own.chain(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()))).collect())
}

async fn ask(
    http: &reqwest::Client,
    place: &str,
    headers: Vec<(String, String)>,
    body: String,
) -> Result<Page, CollectError> {
    let unreachable = |cause: String| CollectError::Unreachable { what: "AWS Organizations".into(), cause };
    let mut request = http.post(place).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.map_err(|cause| unreachable(cause.without_url().to_string()))?;
    let status = answer.status();
    let body = outgoing::read(answer, MOST_BYTES).await.map_err(|cause| unreachable(cause.to_string()))?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| unreachable("the answer could not be read".into()));
    }
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = told["__type"].as_str().and_then(|code| code.rsplit('#').next()).unwrap_or("an error");
    let code: String = code.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    Err(CollectError::Invalid {
        what: LIST_ACCOUNTS.into(),
        problem: match code.as_str() {
            "AccessDeniedException" => {
                "the role may not list accounts, or its account is neither the management account nor one it delegates to (AccessDeniedException)".into()
            }
            "AWSOrganizationsNotInUseException" => "the account belongs to no organisation".into(),
            _ => format!("AWS answered {code}"),
        },
    })
}
