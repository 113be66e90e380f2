//! The sample registry: the read side of the distribution API, open to all as some registries are.

mod repository;
mod shelf;

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, Uri};
use serde_json::{Value, json};

use self::repository::Repository;
pub use self::shelf::Shelf;
use super::estate::Estate;
use super::image::{CONFIG, INDEX, MANIFEST};

/// Names to a page unless fewer are asked for.
const PAGE: u64 = 100;

/// Answers one call.
pub fn answer(estate: &Estate, shelf: &Shelf, method: &Method, uri: &Uri) -> Response<Body> {
    if estate.too_fast() {
        let mut response = error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "too many requests");
        response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
        return response;
    }
    let path = uri.path().trim_start_matches("/v2").trim_start_matches('/');
    let mut response = if path.is_empty() {
        respond(StatusCode::OK, "application/json", b"{}".to_vec())
    } else if path == "_catalog" {
        catalog(estate, uri)
    } else if let Some(name) = path.strip_suffix("/tags/list") {
        tags(estate, name, uri)
    } else if let Some((name, reference)) = path.split_once("/manifests/") {
        manifest((estate, shelf), method, name, reference)
    } else if let Some((name, digest)) = path.split_once("/blobs/") {
        blob((estate, shelf), name, digest)
    } else if let Some((name, digest)) = path.split_once("/referrers/") {
        referrers(estate, name, digest)
    } else {
        error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "no such path")
    };
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

fn catalog(estate: &Estate, uri: &Uri) -> Response<Body> {
    let total = estate.oci_repositories();
    let name = |index| Repository::new(estate, index).name();
    let position = |last: &str| Repository::find(estate, last).map(|one| one.index() + 1);
    listed(
        uri,
        "/v2/_catalog",
        total,
        position,
        |range| json!({ "repositories": range.map(name).collect::<Vec<_>>() }),
        name,
    )
}

fn tags(estate: &Estate, name: &str, uri: &Uri) -> Response<Body> {
    let Some(repository) = Repository::find(estate, name) else {
        return error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry");
    };
    let tags = repository.tags();
    let at = |index: u64| {
        usize::try_from(index).ok().and_then(|i| tags.get(i)).map_or_else(String::new, |t| t.0.clone())
    };
    let position = |last: &str| tags.iter().position(|(tag, _)| tag == last).map(|i| i as u64 + 1);
    listed(
        uri,
        &format!("/v2/{name}/tags/list"),
        tags.len() as u64,
        position,
        |range| json!({ "name": name, "tags": range.map(at).collect::<Vec<_>>() }),
        at,
    )
}

/// One page of a list, after the name a client last saw, with a link to the next.
fn listed(
    uri: &Uri,
    path: &str,
    total: u64,
    position: impl Fn(&str) -> Option<u64>,
    body: impl FnOnce(std::ops::Range<u64>) -> Value,
    name: impl Fn(u64) -> String,
) -> Response<Body> {
    let asked: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let find = |key: &str| asked.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let size = find("n").and_then(|text| text.parse::<u64>().ok()).unwrap_or(PAGE).clamp(1, PAGE);
    let start = find("last").and_then(position).unwrap_or(0).min(total);
    let end = (start + size).min(total);
    let mut response = respond(StatusCode::OK, "application/json", body(start..end).to_string().into_bytes());
    if end < total {
        let last: String = url::form_urlencoded::byte_serialize(name(end - 1).as_bytes()).collect();
        if let Ok(link) = format!("<{path}?last={last}&n={size}>; rel=\"next\"").parse() {
            response.headers_mut().insert("link", link);
        }
    }
    response
}

fn manifest(
    (estate, shelf): (&Estate, &Shelf),
    method: &Method,
    name: &str,
    reference: &str,
) -> Response<Body> {
    let unknown = || error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown");
    let Some(repository) = Repository::find(estate, name) else { return unknown() };
    if !reference.starts_with("sha256:") {
        let Some(image) = repository.tagged(reference) else { return unknown() };
        if method == Method::HEAD {
            let (digest, size) = image.named(estate.digests());
            let mut response = with_digest(image.media_type(), &digest, Vec::new());
            response.headers_mut().insert("content-length", size.into());
            return response;
        }
        let top = image.shown(estate.digests());
        return with_digest(image.media_type(), &top.digest, top.bytes);
    }
    match shelf.part(&repository, reference) {
        Some((media_type, blob)) if media_type != CONFIG => with_digest(media_type, &blob.digest, blob.bytes),
        _ => unknown(),
    }
}

fn blob((estate, shelf): (&Estate, &Shelf), name: &str, digest: &str) -> Response<Body> {
    match Repository::find(estate, name).and_then(|one| shelf.part(&one, digest)) {
        Some((_, blob)) => with_digest("application/octet-stream", digest, blob.bytes),
        None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
    }
}

/// What refers to an image: a signature for some.
fn referrers(estate: &Estate, name: &str, digest: &str) -> Response<Body> {
    let signed = Repository::find(estate, name).is_some_and(|one| one.is_signed(digest));
    let signatures = if signed {
        let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
        let digest = estate.root().at("signature").at(digest).draw("digest").hex(64);
        json!([{ "mediaType": MANIFEST, "digest": format!("sha256:{digest}"), "size": 800, "artifactType": kind }])
    } else {
        json!([])
    };
    let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": signatures });
    respond(StatusCode::OK, INDEX, list.to_string().into_bytes())
}

fn with_digest(media_type: &str, digest: &str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = respond(StatusCode::OK, media_type, bytes);
    if let Ok(digest) = digest.parse() {
        response.headers_mut().insert("docker-content-digest", digest);
    }
    response
}

fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "errors": [{ "code": code, "message": message, "detail": null }] });
    respond(status, "application/json", body.to_string().into_bytes())
}

fn respond(status: StatusCode, kind: &str, body: Vec<u8>) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("docker-distribution-api-version", "registry/2.0")
        .header("content-length", body.len())
        .body(Body::from(body))
        .unwrap_or_default()
}
