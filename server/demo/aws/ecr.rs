//! ECR's JSON calls.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::repository::Repository;
use super::{Call, json_error, json11, page};
use crate::demo::estate::Estate;
use crate::demo::json::object;

/// The service's own page size.
const PAGE: u64 = 100;

/// Answers one call, named by its target header.
pub fn answer(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = call.json();
    match target.rsplit('.').next().unwrap_or_default() {
        "DescribeRepositories" => repositories(call, &asked),
        "DescribeRegistry" => json11(&json!({ "registryId": call.account().id,
            "replicationConfiguration": replication(call) })),
        "GetRegistryScanningConfiguration" => json11(&json!({ "registryId": call.account().id,
            "scanningConfiguration": { "scanType": "BASIC", "rules": [] } })),
        "GetRegistryPolicy" => {
            json_error(StatusCode::BAD_REQUEST, "RegistryPolicyNotFoundException", "none is set")
        }
        "BatchGetRepositoryScanningConfiguration" => scanning(call, &asked),
        operation => of_repository(call, headers, operation, &asked),
    }
}

fn of_repository(call: &Call<'_>, headers: &HeaderMap, operation: &str, asked: &Value) -> Response<Body> {
    let name = match &asked["resourceArn"] {
        Value::String(arn) => arn.split_once("repository/").map_or("", |(_, name)| name),
        _ => asked["repositoryName"].as_str().unwrap_or_default(),
    };
    let Some(repository) = Repository::find(call.estate, call.account, call.region, name) else {
        let message = format!("The repository with name '{name}' does not exist in the registry");
        return json_error(StatusCode::BAD_REQUEST, "RepositoryNotFoundException", &message);
    };
    let ids = json!({ "registryId": call.account().id, "repositoryName": name });
    let digests = call.estate.digests();
    match operation {
        "GetRepositoryPolicy" if repository.hides_policy() => json_error(
            StatusCode::BAD_REQUEST,
            "AccessDeniedException",
            "User is not authorized to perform: ecr:GetRepositoryPolicy on this resource",
        ),
        "GetRepositoryPolicy" => match repository.policy() {
            Some(policy) => json11(&with(ids, "policyText", policy.to_string().into())),
            None => json_error(StatusCode::BAD_REQUEST, "RepositoryPolicyNotFoundException", "no policy"),
        },
        "GetLifecyclePolicy" => match repository.lifecycle() {
            Some(rules) => json11(&with(ids, "lifecyclePolicyText", rules.to_string().into())),
            None => json_error(StatusCode::BAD_REQUEST, "LifecyclePolicyNotFoundException", "no rules"),
        },
        "ListTagsForResource" => json11(&json!({ "tags": repository.tags() })),
        "DescribeImages" => {
            images(&repository, asked, "imageDetails", |one, number| one.image_detail(number, digests))
        }
        "ListImages" => images(
            &repository,
            asked,
            "imageIds",
            |one, number| json!({ "imageDigest": one.image(number).digest(digests), "imageTag": one.image_tags(number).pop() }),
        ),
        "BatchGetImage" => batch_get(&repository, asked),
        "GetDownloadUrlForLayer" => layer_address(call, headers, &repository, asked),
        other => json_error(StatusCode::BAD_REQUEST, "UnknownOperationException", other),
    }
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn replication(call: &Call<'_>) -> Value {
    if call.account == 0 && call.region == "us-east-1" {
        return json!({ "rules": [{ "destinations": [{ "region": "ap-southeast-2", "registryId": call.account().id }] }] });
    }
    json!({ "rules": [] })
}

fn size(asked: &Value) -> u64 {
    asked["maxResults"].as_u64().unwrap_or(PAGE).min(1000)
}

fn repositories(call: &Call<'_>, asked: &Value) -> Response<Body> {
    if let Some(names) = asked["repositoryNames"].as_array() {
        let found: Vec<Value> = names
            .iter()
            .filter_map(|name| Repository::find(call.estate, call.account, call.region, name.as_str()?))
            .map(|one| one.description())
            .collect();
        return json11(&json!({ "repositories": found }));
    }
    let total = call.estate.ecr_repositories(call.account, call.region);
    let (range, next) = page(asked["nextToken"].as_str(), total, size(asked));
    let found: Vec<Value> = range
        .map(|index| Repository::new(call.estate, call.account, call.region, index).description())
        .collect();
    json11(&object([("repositories", found.into()), ("nextToken", next.into())]))
}

fn images(
    repository: &Repository,
    asked: &Value,
    field: &str,
    show: impl Fn(&Repository, u64) -> Value,
) -> Response<Body> {
    let (range, next) = page(asked["nextToken"].as_str(), repository.images(), size(asked));
    let found: Vec<Value> = range.map(|number| show(repository, number)).collect();
    json11(&object([(field, found.into()), ("nextToken", next.into())]))
}

fn scanning(call: &Call<'_>, asked: &Value) -> Response<Body> {
    let names = asked["repositoryNames"].as_array().cloned().unwrap_or_default();
    let found: Vec<Value> = names
        .iter()
        .filter_map(|name| Repository::find(call.estate, call.account, call.region, name.as_str()?))
        .map(|one| {
            let description = one.description();
            let on_push = description["imageScanningConfiguration"]["scanOnPush"].clone();
            let frequency = if on_push == true { "SCAN_ON_PUSH" } else { "MANUAL" };
            json!({ "repositoryArn": one.arn(), "repositoryName": one.name(), "scanOnPush": on_push,
                "scanFrequency": frequency, "appliedScanFilters": [] })
        })
        .collect();
    json11(&json!({ "scanningConfigurations": found, "failures": [] }))
}

fn batch_get(repository: &Repository, asked: &Value) -> Response<Body> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in asked["imageIds"].as_array().into_iter().flatten() {
        let wanted = (0..repository.images()).find_map(|number| {
            let image = repository.image(number);
            let named = id["imageTag"]
                .as_str()
                .is_some_and(|tag| repository.image_tags(number).iter().any(|t| t == tag));
            let part = image.parts().into_iter().find(|(_, blob)| id["imageDigest"] == blob.digest.as_str());
            part.or_else(|| named.then(|| (image.media_type(), image.top())))
        });
        match wanted {
            Some((media_type, blob)) => found.push(json!({
                "registryId": repository.description()["registryId"], "repositoryName": repository.name(),
                "imageId": { "imageDigest": blob.digest, "imageTag": id["imageTag"] },
                "imageManifest": String::from_utf8_lossy(&blob.bytes), "imageManifestMediaType": media_type })),
            None => failures.push(json!({ "imageId": id, "failureCode": "ImageNotFound",
                "failureReason": "Requested image not found" })),
        }
    }
    json11(&json!({ "images": found, "failures": failures }))
}

/// Where a blob can be fetched, without a login and for a while; ours for ever.
fn layer_address(
    call: &Call<'_>,
    headers: &HeaderMap,
    repository: &Repository,
    asked: &Value,
) -> Response<Body> {
    let digest = asked["layerDigest"].as_str().unwrap_or_default();
    let host = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let place = format!("aws/{}/layers/{}/{digest}/{}", call.account, call.region, repository.name());
    json11(&json!({ "downloadUrl": format!("http://{host}/{place}"), "layerDigest": digest }))
}

/// A blob by the address that was given for it: `<region>/<digest>/<repository>`.
pub fn layer(estate: &Estate, account: usize, place: &str) -> Response<Body> {
    let mut parts = place.splitn(3, '/');
    let (region, digest, name) =
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let found = Repository::find(estate, account, region, name).and_then(|repository| {
        (0..repository.images()).find_map(|number| {
            repository.image(number).parts().into_iter().find(|(_, blob)| blob.digest == digest)
        })
    });
    match found {
        Some((_, blob)) => Response::new(Body::from(blob.bytes)),
        None => json_error(StatusCode::NOT_FOUND, "LayersNotFoundException", "no such layer"),
    }
}
