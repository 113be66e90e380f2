//! Lambda's REST calls.

use axum::body::Body;
use axum::http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::function::Function;
use super::{Call, page, rest, rest_error};
use crate::demo::estate::FORBIDDEN_REGION;
use crate::demo::json::object;

/// The service's own page size for functions.
const PAGE: u64 = 50;

/// Answers one call.
pub fn answer(call: &Call<'_>, method: &Method, path: &[String]) -> Response<Body> {
    if call.region == FORBIDDEN_REGION {
        return denied(call, "lambda:ListFunctions", "with an explicit deny in a service control policy");
    }
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (method, path.as_slice()) {
        (&Method::GET, ["2015-03-31", "functions"]) => list(call),
        (&Method::GET, ["2015-03-31", "event-source-mappings"]) => event_sources(call),
        (&Method::GET, ["2016-08-19", "account-settings"]) => settings(call),
        (&Method::GET, ["2017-03-31", "tags", arn]) => {
            with(call, arn, |one| Some(json!({ "Tags": one.tags() })))
        }
        (&Method::GET, ["2020-04-22", "code-signing-configs"]) => signing_rules(call),
        (&Method::GET, ["2020-04-22", "code-signing-configs", arn]) => {
            rest(&json!({ "CodeSigningConfig": signing_rule(call, arn) }))
        }
        (&Method::GET, ["2020-04-22", "code-signing-configs", arn, "functions"]) => signed(call, arn),
        (&Method::GET, [version, "functions", name, rest @ ..]) => of_function(call, version, name, rest),
        _ => missing(&format!("no such path: /{}", path.join("/"))),
    }
}

fn of_function(call: &Call<'_>, version: &str, name: &str, rest: &[&str]) -> Response<Body> {
    match (version, rest) {
        ("2015-03-31", []) => with_unless(call, name, "GetFunction", whole),
        ("2015-03-31", ["configuration"]) => with(call, name, |one| Some(one.configuration())),
        ("2015-03-31", ["policy"]) => with_unless(call, name, "GetPolicy", |one| {
            let policy = match call.query("Qualifier") {
                Some(alias) => one.alias_policy(alias),
                None => one.policy(),
            };
            policy.map(|policy| json!({ "Policy": policy.to_string(), "RevisionId": "1" }))
        }),
        ("2015-03-31", ["aliases"]) => with(call, name, |one| Some(json!({ "Aliases": one.aliases() }))),
        ("2021-10-31", ["url"]) => with(call, name, read_url),
        ("2021-10-31", ["urls"]) => with_unless(call, name, "ListFunctionUrlConfigs", |one| {
            Some(json!({ "FunctionUrlConfigs": one.url().into_iter().collect::<Vec<_>>() }))
        }),
        ("2019-09-30", ["concurrency"]) => {
            with(call, name, |one| Some(json!({ "ReservedConcurrentExecutions": one.reserved() })))
        }
        ("2019-09-30", ["provisioned-concurrency"]) => {
            with(call, name, |_| Some(json!({ "ProvisionedConcurrencyConfigs": [] })))
        }
        ("2019-09-25", ["event-invoke-config"]) => {
            with(call, name, |one| one.async_settings_of(call.query("Qualifier")))
        }
        ("2019-09-25", ["event-invoke-config", "list"]) => with(call, name, |one| {
            Some(
                json!({ "FunctionEventInvokeConfigs": one.async_settings().into_iter().collect::<Vec<_>>() }),
            )
        }),
        ("2020-06-30", ["code-signing-config"]) => with(call, name, |one| {
            Some(match one.code_signing() {
                Some(arn) => json!({ "CodeSigningConfigArn": arn, "FunctionName": one.service.to_string() }),
                None => json!({ "FunctionName": one.service.to_string() }),
            })
        }),
        ("2021-07-20", ["runtime-management-config"]) => with(call, name, |one| {
            Some(json!({ "UpdateRuntimeOn": one.runtime_updates(), "FunctionArn": one.arn() }))
        }),
        ("2024-08-31", ["recursion-config"]) => {
            with(call, name, |one| Some(json!({ "RecursiveLoop": one.recursion() })))
        }
        _ => missing(&format!("no such path: /{version}/functions/{name}/{}", rest.join("/"))),
    }
}

fn read_url(one: &Function<'_>) -> Option<Value> {
    one.url()
}

fn whole(one: &Function<'_>) -> Option<Value> {
    let mut found = json!({ "Configuration": one.configuration(), "Code": one.code(), "Tags": one.tags() });
    found["Configuration"]["State"] = "Active".into();
    found["Configuration"]["LastUpdateStatus"] = "Successful".into();
    if let Some(reserved) = one.reserved() {
        found["Concurrency"] = json!({ "ReservedConcurrentExecutions": reserved });
    }
    Some(found)
}

/// Answers with what `read` finds of the named function.
fn with(call: &Call<'_>, name: &str, read: impl FnOnce(&Function<'_>) -> Option<Value>) -> Response<Body> {
    match Function::find(call.estate, call.account, call.region, name) {
        Some(function) => match read(&function) {
            Some(body) => rest(&body),
            None => missing("The resource you requested does not exist."),
        },
        None => missing(&format!("Function not found: {name}")),
    }
}

/// The same, unless `operation` is what we are refused on this function.
fn with_unless(
    call: &Call<'_>,
    name: &str,
    operation: &str,
    read: impl FnOnce(&Function<'_>) -> Option<Value>,
) -> Response<Body> {
    let function = Function::find(call.estate, call.account, call.region, name);
    if function.is_some_and(|one| one.refused_call() == Some(operation)) {
        return denied(call, &format!("lambda:{operation}"), "because no identity-based policy allows it");
    }
    with(call, name, read)
}

fn list(call: &Call<'_>) -> Response<Body> {
    let total = call.estate.functions(call.account, call.region);
    let asked = call.query("MaxItems").and_then(|text| text.parse().ok()).unwrap_or(PAGE);
    let (range, next) = page(call.query("Marker"), total, asked.min(PAGE));
    let functions: Vec<Value> = range
        .map(|index| Function::new(call.estate, call.account, call.region, index).configuration())
        .collect();
    rest(&object([("Functions", functions.into()), ("NextMarker", next.into())]))
}

/// Event sources of one function, or of all, a hundred functions to a page.
fn event_sources(call: &Call<'_>) -> Response<Body> {
    if let Some(name) = call.query("FunctionName") {
        return with(call, name, |one| {
            Some(json!({ "EventSourceMappings": one.event_source().into_iter().collect::<Vec<_>>() }))
        });
    }
    let total = call.estate.functions(call.account, call.region);
    let (range, next) = page(call.query("Marker"), total, 100);
    let found: Vec<Value> = range
        .filter_map(|index| Function::new(call.estate, call.account, call.region, index).event_source())
        .collect();
    rest(&object([("EventSourceMappings", found.into()), ("NextMarker", next.into())]))
}

fn settings(call: &Call<'_>) -> Response<Body> {
    let count = call.estate.functions(call.account, call.region);
    rest(&json!({
        "AccountLimit": { "TotalCodeSize": 80_530_636_800_u64, "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800, "ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 400 },
        "AccountUsage": { "TotalCodeSize": count * 900_000, "FunctionCount": count },
    }))
}

/// The signing rules of the region, on one page.
fn signing_rules(call: &Call<'_>) -> Response<Body> {
    let rules = ["enforce", "warn"].map(|kind| {
        let arn = Function::signing_rule(call.account().id, call.region, kind == "enforce");
        signing_rule(call, &arn)
    });
    rest(&json!({ "CodeSigningConfigs": rules }))
}

fn signing_rule(call: &Call<'_>, arn: &str) -> Value {
    let policy = if arn.contains("enforce") { "Enforce" } else { "Warn" };
    let publisher = format!("arn:aws:signer:{}:{}:/signing-profiles/release", call.region, call.account().id);
    json!({
        "CodeSigningConfigId": arn.rsplit(':').next(), "CodeSigningConfigArn": arn, "Description": "",
        "AllowedPublishers": { "SigningProfileVersionArns": [publisher] },
        "CodeSigningPolicies": { "UntrustedArtifactOnDeployment": policy },
        "LastModified": "2026-02-03T04:05:06.000Z",
    })
}

/// The functions a rule is for, those of a thousand at a time.
fn signed(call: &Call<'_>, rule: &str) -> Response<Body> {
    let total = call.estate.functions(call.account, call.region);
    let (range, next) = page(call.query("Marker"), total, 1_000);
    let functions = range.map(|index| Function::new(call.estate, call.account, call.region, index));
    let under = functions.filter(|one| one.code_signing().as_deref() == Some(rule));
    rest(&json!({ "FunctionArns": under.map(|one| one.arn()).collect::<Vec<_>>(), "NextMarker": next }))
}

fn denied(call: &Call<'_>, action: &str, why: &str) -> Response<Body> {
    let message = format!(
        "User: arn:aws:iam::{}:user/parallax is not authorized to perform: {action} {why}",
        call.account().id
    );
    rest_error(StatusCode::FORBIDDEN, "AccessDeniedException", &message)
}

fn missing(message: &str) -> Response<Body> {
    rest_error(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
}
