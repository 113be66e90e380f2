//! The sample AWS accounts: which service a request is for, and answers in the wire forms of the
//! real services (REST JSON, JSON 1.1, query XML, CBOR).
//!
//! Signatures are not checked; the credential scope names region and service, as it does for the
//! real services. Only the sample's own key id is let in.

mod account;
mod cloudwatch;
mod ecr;
mod function;
mod iam;
mod lambda;
mod policy;
mod repository;
mod role;
mod trail;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::estate::{ACCOUNTS, Account, Estate};
use super::json::written;

/// The key id the sample accounts let in.
const KEY_ID: &str = "sample";

/// What a request is about, once its envelope is read.
struct Call<'a> {
    estate: &'a Estate,
    account: usize,
    region: &'a str,
    query: Vec<(String, String)>,
    body: &'a [u8],
}

impl Call<'_> {
    fn account(&self) -> &'static Account {
        &ACCOUNTS[self.account]
    }

    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }
}

/// Answers a request to account number `account`; `path` is what follows the account's prefix.
pub fn answer(
    estate: &Estate,
    account: usize,
    (method, path, uri): (&Method, &str, &Uri),
    headers: &HeaderMap,
    body: &Bytes,
) -> Response<Body> {
    if let Some(place) = path.strip_prefix("layers/")
        && account < ACCOUNTS.len()
    {
        return ecr::layer(estate, account, place);
    }
    let scope = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(scope);
    let Some((key, region, service)) = scope else {
        return rest_error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "unsigned request");
    };
    if account >= ACCOUNTS.len() || key != KEY_ID {
        return refuse(service, "UnrecognizedClientException", "The security token is invalid.");
    }
    if estate.too_fast() {
        return throttle(service);
    }
    let query = form(uri.query().unwrap_or_default().as_bytes());
    let call = Call { estate, account, region, query, body };
    match service {
        "lambda" => lambda::answer(&call, method, &segments(path)),
        "iam" | "sts" => iam::answer(&call, service),
        "ecr" => ecr::answer(&call, headers),
        "monitoring" => cloudwatch::answer(&call, path),
        "cloudtrail" => trail::answer(&call, headers),
        "account" => account::list_regions(&call),
        other => rest_error(StatusCode::NOT_FOUND, "UnknownOperationException", &format!("no {other} here")),
    }
}

/// Key id, region and service of an `Authorization` header.
fn scope(header: &str) -> Option<(&str, &str, &str)> {
    let credential = header.split_once("Credential=")?.1.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((key, region, service))
}

fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect()
}

fn form(bytes: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn refuse(service: &str, code: &str, message: &str) -> Response<Body> {
    match service {
        "iam" | "sts" => iam::error(StatusCode::FORBIDDEN, "InvalidClientTokenId", message),
        "ecr" | "cloudtrail" => json_error(StatusCode::BAD_REQUEST, code, message),
        "monitoring" => cloudwatch::error(StatusCode::FORBIDDEN, "InvalidClientTokenId", message),
        _ => rest_error(StatusCode::FORBIDDEN, code, message),
    }
}

fn throttle(service: &str) -> Response<Body> {
    let message = "Rate exceeded";
    match service {
        "iam" | "sts" => iam::error(StatusCode::BAD_REQUEST, "Throttling", message),
        "ecr" | "cloudtrail" => json_error(StatusCode::BAD_REQUEST, "ThrottlingException", message),
        "monitoring" => cloudwatch::error(StatusCode::BAD_REQUEST, "Throttling", message),
        _ => rest_error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", message),
    }
}

fn respond(status: StatusCode, kind: &str, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("x-amzn-requestid", "00000000-0000-4000-8000-000000000000");
    response.body(body.into()).unwrap_or_default()
}

fn rest(body: &Value) -> Response<Body> {
    respond(StatusCode::OK, "application/json", written(body))
}

fn rest_error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "Type": "User", "Message": message, "message": message });
    let mut response = respond(status, "application/json", body.to_string());
    if let Ok(code) = code.parse() {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn json11(body: &Value) -> Response<Body> {
    respond(StatusCode::OK, "application/x-amz-json-1.1", written(body))
}

fn json_error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "__type": code, "message": message });
    respond(status, "application/x-amz-json-1.1", body.to_string())
}

/// One page of `total` things from the position a marker names; the marker of the next page, if any.
fn page(marker: Option<&str>, total: u64, size: u64) -> (std::ops::Range<u64>, Option<String>) {
    let start = marker.and_then(|text| text.parse().ok()).unwrap_or(0).min(total);
    let end = (start + size.max(1)).min(total);
    (start..end, (end < total).then(|| end.to_string()))
}
