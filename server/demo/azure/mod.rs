//! The sample Azure subscriptions: Resource Manager's paths, errors and paging.

mod activity;
mod app;
mod graph;
mod plan;
mod rbac;
mod registry;
mod settings;
mod web;

use std::net::SocketAddr;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::estate::{Estate, SUBSCRIPTIONS};
use super::json::{object, written};

/// The token the sample subscriptions let in.
const TOKEN: &str = "Bearer sample";
/// The directory of the sample subscriptions.
const DIRECTORY: &str = "0c6b1f5e-7d92-4e3a-b8f4-2a1c9d7e5b60";

/// What a request is about.
struct Call<'a> {
    estate: &'a Estate,
    address: SocketAddr,
    method: &'a Method,
    path: &'a str,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

impl Call<'_> {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// One page of a list of `total`, shown one by one, with the address of the next page.
    fn listed(&self, total: u64, size: u64, show: impl Fn(u64) -> Vec<Value>) -> Response<Body> {
        let start = self.query("$skipToken").and_then(|text| text.parse().ok()).unwrap_or(0).min(total);
        let end = (start + size).min(total);
        let value: Vec<Value> = (start..end).flat_map(show).collect();
        let mut body = object([("value", value.into())]);
        if end < total {
            let version = self.query("api-version").unwrap_or_default();
            let filter = self.query("$filter").map(|text| {
                format!(
                    "&$filter={}",
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                )
            });
            body["nextLink"] = format!(
                "http://{}{}?api-version={version}{}&%24skipToken={end}",
                self.address,
                self.path,
                filter.unwrap_or_default()
            )
            .into();
        }
        ok(&body)
    }
}

/// Answers one call.
pub fn answer(estate: &Estate, address: SocketAddr, parts: &Parts, body: &Bytes) -> Response<Body> {
    let token = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
    if token != Some(TOKEN) {
        return error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", "The access token is invalid.");
    }
    if estate.too_fast() {
        let mut response = error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "Slow down.");
        response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
        return response;
    }
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned();
    let call =
        Call { estate, address, method: &parts.method, path: parts.uri.path(), query: query.collect(), body };
    let segments: Vec<String> = call
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    route(&call, &segments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn route(call: &Call<'_>, path: &[&str]) -> Response<Body> {
    match path {
        [providers, provider, resources]
            if same(providers, "providers")
                && same(provider, "Microsoft.ResourceGraph")
                && same(resources, "resources") =>
        {
            graph::answer(call)
        }
        [subscriptions] if same(subscriptions, "subscriptions") => {
            call.listed(SUBSCRIPTIONS.len() as u64, 50, |index| vec![subscription(at(index))])
        }
        [subscriptions, id, rest @ ..] if same(subscriptions, "subscriptions") => {
            match SUBSCRIPTIONS.iter().position(|(known, _)| same(known, id)) {
                Some(index) => in_subscription(call, index, rest),
                None => error(
                    StatusCode::NOT_FOUND,
                    "SubscriptionNotFound",
                    &format!("The subscription '{id}' could not be found."),
                ),
            }
        }
        _ => not_found(call.path),
    }
}

fn in_subscription(call: &Call<'_>, subscription_index: usize, path: &[&str]) -> Response<Body> {
    let (group, rest) = match path {
        [] => return ok(&subscription(subscription_index)),
        [groups, group, rest @ ..] if same(groups, "resourceGroups") => (Some(*group), rest),
        rest => (None, rest),
    };
    let Some((provider, rest)) = rest.split_first().and_then(|(_, rest)| rest.split_first()) else {
        return not_found(call.path);
    };
    match provider.to_ascii_lowercase().as_str() {
        "microsoft.web" => web::answer(call, subscription_index, group, rest),
        "microsoft.containerregistry" => registry::answer(call, subscription_index, group, rest),
        "microsoft.insights" => activity::answer(call, subscription_index, rest),
        "microsoft.authorization" => rbac::answer(call, subscription_index, rest),
        _ => not_found(call.path),
    }
}

fn subscription(index: usize) -> Value {
    let id = SUBSCRIPTIONS[index].0;
    json!({ "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": DIRECTORY,
        "displayName": environment(index), "state": "Enabled" })
}

/// What a subscription is for.
const fn environment(subscription: usize) -> &'static str {
    if subscription == 0 { "production" } else { "development" }
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap_or_default()
}

/// Resource Manager compares names without case.
fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

fn ok(body: &Value) -> Response<Body> {
    respond(StatusCode::OK, body)
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    respond(status, &json!({ "error": { "code": code, "message": message } }))
}

fn not_found(path: &str) -> Response<Body> {
    error(StatusCode::NOT_FOUND, "ResourceNotFound", &format!("The resource '{path}' was not found."))
}

fn forbidden(action: &str, scope: &str) -> Response<Body> {
    let message = format!(
        "The client 'parallax' does not have authorization to perform action '{action}' over scope '{scope}'."
    );
    error(StatusCode::FORBIDDEN, "AuthorizationFailed", &message)
}

fn respond(status: StatusCode, body: &Value) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .header("x-ms-request-id", "00000000-0000-4000-8000-000000000000")
        .body(Body::from(written(body)))
        .unwrap_or_default()
}
