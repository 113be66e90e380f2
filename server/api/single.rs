//! One thing by its id, with a tag that changes when it does (RFC 9110, `ETag`).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Answer;
use super::problem::Problem;
use crate::error::AppError;

/// The thing, or 304 where the caller has it as it is.
pub fn answer(headers: &HeaderMap, thing: &impl Serialize) -> Answer {
    let (body, tag) = tagged(thing)?;
    if listed(headers, header::IF_NONE_MATCH, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let kind = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, kind), (header::ETAG, tag)], body).into_response())
}

/// The thing as it is after a change, or as it was made.
pub fn changed(status: StatusCode, thing: &impl Serialize) -> Answer {
    let (body, tag) = tagged(thing)?;
    let kind = HeaderValue::from_static("application/json");
    Ok((status, [(header::CONTENT_TYPE, kind), (header::ETAG, tag)], body).into_response())
}

/// Refuses a change of something that is not what the caller read (`If-Match`).
pub fn unchanged(headers: &HeaderMap, thing: &impl Serialize) -> Result<(), Problem> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let (_, tag) = tagged(thing)?;
    if listed(headers, header::IF_MATCH, &tag) { Ok(()) } else { Err(Problem::changed_meanwhile()) }
}

fn tagged(thing: &impl Serialize) -> Result<(Vec<u8>, HeaderValue), Problem> {
    let internal = |cause: Box<dyn std::error::Error + Send + Sync>| Problem::from(AppError::Internal(cause));
    let body = serde_json::to_vec(thing).map_err(|cause| internal(cause.into()))?;
    let digest = Sha256::digest(&body);
    let digest = URL_SAFE_NO_PAD.encode(&digest[..12]);
    let tag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(|cause| internal(cause.into()))?;
    Ok((body, tag))
}

fn listed(headers: &HeaderMap, name: header::HeaderName, tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == tag)
}
