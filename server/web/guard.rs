//! What stands before every page: headers that keep foreign code out, and a door for changes that
//! opens only to our own pages.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{WebState, fault};
use crate::error::AppError;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Nothing of the machine a browser runs on is ours to use.
const DEVICES: &str = "accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), camera=(), \
    display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), \
    midi=(), payment=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), usb=(), xr-spatial-tracking=()";

/// No address of ours is longer.
const LONGEST_ADDRESS: usize = 8 * 1024;
/// No page of ours takes longer to be made, and no form longer to arrive.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Two years, as browsers' preload lists ask.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// Where a word decides that no browser sends by itself, so no other site can either: a token in a
/// header, or a secret in the address that mail programs send to.
const BY_TOKEN: [&str; 2] = ["/api/v1/", "/leave/"];

/// Refuses what no page of ours would ask for.
pub async fn bounded(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > LONGEST_ADDRESS) {
        return (StatusCode::URI_TOO_LONG, "this address is too long").into_response();
    }
    // The API says for itself which part of a request makes no sense.
    let address = request.uri().path_and_query().map_or("", |path| path.as_str());
    if address.contains("%00") && !address.starts_with("/api/") {
        return (StatusCode::BAD_REQUEST, "this address holds the letter NUL").into_response();
    }
    let asks = matches!(*request.method(), Method::GET | Method::HEAD);
    match tokio::time::timeout(LONGEST_WAIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) if asks => fault::Fault::from(AppError::Unavailable("this page")).into_response(),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "this request took longer than a minute").into_response(),
    }
}

/// Adds the security headers to every answer.
pub async fn headers(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if state.house.secure() {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // A mail shown as it is has a policy of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-permitted-cross-domain-policies", "none"),
        ("permissions-policy", DEVICES),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses a change that another site's page asks for, and any request whose `Host` is a name a
/// stranger could have pointed at this machine.
pub async fn same_origin(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let by_token = BY_TOKEN.iter().any(|start| request.uri().path().starts_with(start));
    if changes && !by_token && !from_our_own_page(request.headers()) {
        return (StatusCode::FORBIDDEN, "this request came from another site").into_response();
    }
    if !named_as_ours(request.headers(), state.house.public_url.host_str()) {
        return (StatusCode::MISDIRECTED_REQUEST, "this name is not set as ours; see PARALLAX_PUBLIC_URL")
            .into_response();
    }
    next.run(request).await
}

/// Browsers say where a request comes from; one that says nothing is not believed.
fn from_our_own_page(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    }
}

/// A host name that is neither the one we are known by nor loopback's was pointed here by somebody
/// else: a page of theirs would read ours. Numbers cannot be pointed anywhere.
fn named_as_ours(headers: &HeaderMap, known_as: Option<&str>) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Some(authority) = host.to_str().ok().and_then(|text| text.parse::<axum::http::uri::Authority>().ok())
    else {
        return false;
    };
    let name = authority.host();
    known_as == Some(name)
        || name == "localhost"
        || name.ends_with(".localhost")
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        assert!(from_our_own_page(&headers(&[("sec-fetch-site", "same-origin")])));
        assert!(from_our_own_page(&headers(&[
            ("origin", "http://127.0.0.1:8080"),
            ("host", "127.0.0.1:8080")
        ])));
        assert!(!from_our_own_page(&headers(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://h"),
            ("host", "h")
        ])));
        assert!(!from_our_own_page(&headers(&[("sec-fetch-site", "same-site")])));
        assert!(!from_our_own_page(&headers(&[
            ("origin", "http://evil.example"),
            ("host", "127.0.0.1:8080")
        ])));
        assert!(!from_our_own_page(&headers(&[("origin", "null"), ("host", "127.0.0.1:8080")])));
        assert!(!from_our_own_page(&headers(&[])));
    }

    #[test]
    fn a_name_pointed_at_loopback_by_a_stranger_is_refused() {
        for ours in
            ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "parallax.localhost", "posture.example.org"]
        {
            assert!(named_as_ours(&headers(&[("host", ours)]), Some("posture.example.org")), "{ours}");
        }
        for theirs in ["evil.example", "evil.example:8080", "localhost.evil.example", ""] {
            assert!(!named_as_ours(&headers(&[("host", theirs)]), Some("posture.example.org")), "{theirs}");
        }
    }
}
