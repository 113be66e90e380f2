//! CloudTrail's event history: what changed on the days that have come, by the names of the events.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use chrono::DateTime;
use serde_json::{Value, json};

use super::function::Function;
use super::repository::Repository;
use super::{Call, json_error, json11, page};
use crate::demo::estate::FORBIDDEN_REGION;

/// The service's own page size.
const PAGE: u64 = 50;

/// Answers one call, named by its target header.
pub fn answer(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if call.region == FORBIDDEN_REGION {
        return json_error(StatusCode::BAD_REQUEST, "AccessDeniedException", "an explicit deny");
    }
    match target.rsplit('.').next() {
        Some("LookupEvents") => lookup(call, &call.json()),
        other => json_error(StatusCode::BAD_REQUEST, "UnknownOperationException", other.unwrap_or_default()),
    }
}

fn lookup(call: &Call<'_>, asked: &Value) -> Response<Body> {
    let by = &asked["LookupAttributes"][0];
    let Some(name) = by["AttributeValue"].as_str().filter(|_| by["AttributeKey"] == "EventName") else {
        let message = "the sample history is looked up by the name of an event";
        return json_error(StatusCode::BAD_REQUEST, "InvalidLookupAttributesException", message);
    };
    let moment = |field: &str| {
        let seconds = asked[field].as_i64().or_else(|| asked[field].as_str()?.parse().ok());
        seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0))
    };
    let from = moment("StartTime").unwrap_or(DateTime::UNIX_EPOCH);
    let to = moment("EndTime").unwrap_or(DateTime::<chrono::Utc>::MAX_UTC);
    let days = call.estate.days_between(from, to);
    let events: Vec<Value> = days.iter().rev().flat_map(|day| on_day(call, name, *day)).collect();
    let (range, next) = page(asked["NextToken"].as_str(), events.len() as u64, PAGE);
    let place = |at: u64| usize::try_from(at).unwrap_or_default();
    json11(&json!({ "Events": events[place(range.start)..place(range.end)], "NextToken": next }))
}

/// The events of one name on one day.
fn on_day(call: &Call<'_>, name: &str, day: u32) -> Vec<Value> {
    let functions = (0..call.estate.functions(call.account, call.region)).filter_map(|index| {
        let one = Function::new(call.estate, call.account, call.region, index);
        let facet = one.touched(day)?;
        let parameters = match facet {
            "tags" => json!({ "resource": one.arn(), "tags": { "team": "HIDDEN" } }),
            _ => json!({ "functionName": one.service.to_string() }),
        };
        (of_function(facet) == name).then(|| event(call, ("lambda.amazonaws.com", name), day, &parameters))
    });
    let repositories = (0..call.estate.ecr_repositories(call.account, call.region)).filter_map(|index| {
        let one = Repository::new(call.estate, call.account, call.region, index);
        let facet = one.touched(day)?;
        let parameters = match facet {
            "tags" => json!({ "resourceArn": one.arn(), "tags": [] }),
            _ => json!({ "repositoryName": one.name() }),
        };
        (of_repository(facet) == name).then(|| event(call, ("ecr.amazonaws.com", name), day, &parameters))
    });
    functions.chain(repositories).collect()
}

/// What the service calls a change of a facet of a function.
fn of_function(facet: &str) -> &'static str {
    match facet {
        "tags" => "TagResource20170331v2",
        "reserved" => "PutFunctionConcurrency20171031",
        "url" => "UpdateFunctionUrlConfig",
        "failures" => "PutFunctionEventInvokeConfig",
        "code" => "UpdateFunctionCode20150331v2",
        "policy" => "AddPermission20150331v2",
        "recursion" => "PutFunctionRecursionConfig",
        "runtime-updates" => "PutRuntimeManagementConfig",
        _ => "UpdateFunctionConfiguration20150331v2",
    }
}

/// What the service calls a change of a facet of a repository.
fn of_repository(facet: &str) -> &'static str {
    match facet {
        "tags" => "TagResource",
        "lifecycle" => "PutLifecyclePolicy",
        "policy" => "SetRepositoryPolicy",
        "scanning" => "PutImageScanningConfiguration",
        _ => "PutImage",
    }
}

fn event(call: &Call<'_>, (source, name): (&str, &str), day: u32, parameters: &Value) -> Value {
    let came = call.estate.came(day).unwrap_or_default();
    let record = json!({
        "eventVersion": "1.08", "eventTime": came.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventSource": source, "eventName": name, "awsRegion": call.region, "readOnly": false,
        "requestParameters": parameters, "responseElements": null, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": call.account().id,
    });
    json!({ "EventName": name, "EventSource": source, "EventTime": came.timestamp(), "ReadOnly": "false",
        "Username": "deploy", "Resources": [], "CloudTrailEvent": record.to_string() })
}
