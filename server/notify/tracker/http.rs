//! Requests to trackers: logged in, bounded, and their refusals read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;
use url::Url;

use super::super::send;
use crate::model::{TrackerKind, TrackerSpec};
use crate::outgoing::{self, Guard};

/// Bytes of an answer at most.
const MOST_READ: usize = 4 * 1024 * 1024;

/// Letters of its own words that are looked at.
const MOST_SAID: usize = 10_000;

/// Why a tracker did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not let us in, or not do this.
    #[error("{0}")]
    Refused(String),
    /// It is not there, or not any more.
    #[error("{0} is not there")]
    Missing(String),
    /// It wants us to come back later.
    #[error("it wants us to wait until {0}")]
    Wait(DateTime<Utc>),
    /// It does not take what we sent.
    #[error("{0}")]
    Invalid(String),
    /// It does not answer, or not in a way we read.
    #[error("{0}")]
    Away(String),
}

/// A tracker's API, logged in.
#[derive(Clone)]
pub struct Http {
    client: Client,
    base: Url,
    headers: HeaderMap,
    now: fn() -> DateTime<Utc>,
}

/// An answer that is a yes.
pub struct Yes {
    /// The body; null where there was none.
    pub body: Value,
    /// Its headers.
    pub headers: HeaderMap,
    /// Bytes of its body.
    pub read: usize,
}

impl Http {
    /// Towards the tracker of `spec`.
    pub fn new(
        spec: &TrackerSpec,
        secret: &str,
        guard: &Guard,
        client: &Client,
        now: fn() -> DateTime<Utc>,
    ) -> Result<Self, Fault> {
        let base = Url::parse(&format!("{}/", spec.address.trim_end_matches('/')))
            .map_err(|_| Fault::Invalid(format!("{} is no address", spec.address)))?;
        guard.check(&base).map_err(|refused| Fault::Invalid(refused.to_string()))?;
        let mut headers = HeaderMap::new();
        let login = if spec.login.is_empty() {
            format!("Bearer {secret}")
        } else {
            let pair = format!("{}:{secret}", spec.login);
            format!("Basic {}", STANDARD.encode(pair))
        };
        let mut login =
            HeaderValue::from_str(&login).map_err(|_| Fault::Invalid("the token cannot be sent".into()))?;
        login.set_sensitive(true);
        headers.insert(AUTHORIZATION, login);
        let accept = match spec.kind {
            TrackerKind::GitHub => "application/vnd.github+json",
            TrackerKind::Jira | TrackerKind::ServiceNow => "application/json",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if spec.kind == TrackerKind::GitHub {
            let version = HeaderName::from_static("x-github-api-version");
            headers.insert(version, HeaderValue::from_static("2022-11-28"));
        }
        Ok(Self { client: client.clone(), base, headers, now })
    }

    /// The address of a path below the tracker's, with a query.
    pub fn at(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, Fault> {
        let mut url = self.base.join(path).map_err(|_| Fault::Invalid(format!("{path} is no path")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Where the tracker is.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Asks.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Yes, Fault> {
        self.send(Method::GET, self.at(path, query)?, None).await
    }

    /// Asks for the page a tracker points to; it may not point away from itself.
    pub async fn page(&self, url: Url) -> Result<Yes, Fault> {
        if url.origin() != self.base.origin() {
            return Err(Fault::Away("its next page is on another host".into()));
        }
        self.send(Method::GET, url, None).await
    }

    /// Sends a body.
    pub async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Yes, Fault> {
        self.send(method, self.at(path, &[])?, Some(body)).await
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Yes, Fault> {
        let mut request = self.client.request(method, url).headers(self.headers.clone());
        if let Some(body) = body {
            request =
                request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|fault| Fault::Away(send::reason(&fault)))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes =
            outgoing::read(response, MOST_READ).await.map_err(|fault| Fault::Away(fault.to_string()))?;
        let parsed = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
        match status {
            200..=299 => {
                let body = parsed.map_err(|_| Fault::Away("its answer is no JSON".into()))?;
                Ok(Yes { body, headers, read: bytes.len() })
            }
            _ => Err(refusal(status, &headers, &parsed.unwrap_or(Value::Null), (self.now)())),
        }
    }
}

/// What an answer that is no yes means.
fn refusal(status: u16, headers: &HeaderMap, body: &Value, now: DateTime<Utc>) -> Fault {
    let said = said(body);
    let words = if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") };
    match status {
        429 | 503 => Fault::Wait(wait(headers, now).unwrap_or(now + TimeDelta::minutes(1))),
        // GitHub says 403 to those who asked too often, and then when to come back.
        403 => wait(headers, now).map_or(Fault::Refused(words), Fault::Wait),
        401 => Fault::Refused(words),
        404 | 410 => Fault::Missing(words),
        400..=499 => Fault::Invalid(words),
        _ => Fault::Away(words),
    }
}

/// When to come back, where the tracker says so (`Retry-After`, or GitHub's reset when none is left).
fn wait(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let longest = now + TimeDelta::hours(24);
    if let Some(asked) = text("retry-after").and_then(|text| send::asked(text, now)) {
        return Some((now + asked).min(longest));
    }
    let spent = text("x-ratelimit-remaining") == Some("0");
    let reset = text("x-ratelimit-reset").and_then(|text| text.parse().ok());
    let reset = reset.filter(|_| spent).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    reset.map(|at| at.clamp(now + TimeDelta::seconds(1), longest))
}

/// The tracker's own words, from the places where trackers put them.
fn said(body: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    for place in [&body["message"], &body["error"]["message"], &body["error"]["detail"]] {
        parts.extend(place.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    }
    if let Some(all) = body["errorMessages"].as_array() {
        parts.extend(all.iter().filter_map(|one| one.as_str().map(str::to_owned)));
    }
    if let Some(all) = body["errors"].as_object() {
        parts.extend(
            all.iter().map(|(field, problem)| format!("{field}: {}", problem.as_str().unwrap_or(""))),
        );
    }
    super::super::words::short(&super::kept(&parts.join("; "), MOST_SAID), 300)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_refusal_is_told_from_a_wait() {
        let now = DateTime::from_timestamp(1_000, 0).expect("a time");
        let plain = refusal(403, &headers(&[]), &json!({ "message": "Forbidden" }), now);
        assert_eq!(plain, Fault::Refused("HTTP 403: Forbidden".into()));
        let spent = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1600")]);
        assert_eq!(refusal(403, &spent, &Value::Null, now), Fault::Wait(now + TimeDelta::minutes(10)));
        let left = headers(&[("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "1600")]);
        assert!(matches!(refusal(403, &left, &Value::Null, now), Fault::Refused(_)));
        let asked = headers(&[("retry-after", "30")]);
        assert_eq!(refusal(429, &asked, &Value::Null, now), Fault::Wait(now + TimeDelta::seconds(30)));
    }

    #[test]
    fn what_each_tracker_says_is_read() {
        assert_eq!(said(&json!({ "errorMessages": ["a"], "errors": { "project": "b" } })), "a; project: b");
        assert_eq!(said(&json!({ "error": { "message": "x", "detail": "y" } })), "x; y");
        assert_eq!(said(&Value::Null), "");
        assert_eq!(said(&json!({ "message": "a\0b" })), "a\u{fffd}b", "it is kept as why a look failed");
    }
}
