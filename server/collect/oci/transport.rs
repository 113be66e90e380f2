//! One request and one bounded answer: no retry, no login. Redirects are followed by hand, so that
//! each is judged and none carries our credentials to another host.

use std::error::Error;
use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::wire;
use crate::collect::image::Fault;
use crate::outgoing::{self, Guard, Unread};

const ANSWER_WITHIN: Duration = Duration::from_mins(1);
const MOST_REDIRECTS: usize = 3;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    pub(super) authorization: Option<HeaderValue>,
    /// Most bytes of body we read.
    pub(super) limit: usize,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) link: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) challenges: Vec<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The answer where it is a good one, what went wrong where it is not.
    pub(super) fn good(self) -> Result<Self, Fault> {
        let status = self.status.as_u16();
        let code = || wire::error_code(&self.body).unwrap_or_else(|| format!("HTTP {status}"));
        match status {
            200..=299 => Ok(self),
            401 | 403 => Err(Fault::Refused { status, code: code() }),
            404 => Err(Fault::NotFound { code: code() }),
            429 => Err(Fault::Throttled { after: self.retry_after }),
            503 if self.retry_after.is_some() => Err(Fault::Throttled { after: self.retry_after }),
            _ => Err(Fault::Status { status, code: code() }),
        }
    }
}

/// Sends requests where the guard lets them go.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    guard: Guard,
    /// Nothing is said in clear, since the registry itself is not spoken to in clear.
    only_tls: bool,
}

impl Transport {
    /// A transport for what `guard` surrounds; with TLS alone where `only_tls`.
    pub(super) fn new(guard: Guard, only_tls: bool) -> Result<Self, Fault> {
        let http = guard.client(ANSWER_WITHIN).map_err(|error| Fault::Network(chain(&error)))?;
        Ok(Self { http, guard, only_tls })
    }

    /// Sends `request` and reads its answer, following at most three redirects.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, Fault> {
        let mut url = request.url.clone();
        for _ in 0..=MOST_REDIRECTS {
            if self.guard.check(&url).is_err() || (self.only_tls && url.scheme() != "https") {
                return Err(Fault::LedAstray(place(&url)));
            }
            let mut sending =
                self.http.request(request.method.clone(), url.clone()).header(ACCEPT, request.accept);
            let at_home = same_origin(&url, &request.url);
            if let Some(authorization) = request.authorization.as_ref().filter(|_| at_home) {
                sending = sending.header(AUTHORIZATION, authorization.clone());
            }
            let response = sending.send().await.map_err(|error| network(&error))?;
            if !response.status().is_redirection() {
                let answer = read(response, request.limit).await?;
                // What another host asks for is not asked by the registry: our login is not for it.
                let challenges = if at_home { answer.challenges } else { Vec::new() };
                return Ok(Answer { challenges, ..answer });
            }
            let location = text(response.headers(), &LOCATION).unwrap_or_default();
            url = url.join(&location).map_err(|_| Fault::Unreadable("a redirect to nowhere".into()))?;
        }
        Err(Fault::Bound(format!("more than {MOST_REDIRECTS} redirects")))
    }
}

/// Whether two URLs belong to the same server.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Scheme, host and port: a path or query may carry a signature.
fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

async fn read(response: Response, limit: usize) -> Result<Answer, Fault> {
    let headers = response.headers();
    let answer = Answer {
        status: response.status(),
        content_type: text(headers, &CONTENT_TYPE).unwrap_or_default(),
        link: text(headers, &LINK),
        digest: text(headers, &HeaderName::from_static("docker-content-digest")),
        challenges: headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok().map(String::from))
            .collect(),
        retry_after: retry_after(headers),
        body: Vec::new(),
    };
    let body = outgoing::read(response, limit).await.map_err(|fault| match fault {
        Unread::Bound(limit) => Fault::TooLarge { limit },
        Unread::Broken(error) => network(&error),
    })?;
    Ok(Answer { body, ..answer })
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(String::from)
}

/// Seconds, or a moment measured against the answer's own date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wish = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = wish.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(&wish).ok()?;
    let now = DateTime::parse_from_rfc2822(&text(headers, &DATE)?).ok()?;
    (until - now).to_std().ok()
}

fn network(error: &reqwest::Error) -> Fault {
    if error.is_timeout() { Fault::Timeout } else { Fault::Network(chain(error)) }
}

/// The error's own words and those of its causes, without the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut words = Vec::new();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.iter().any(|word: &String| word.contains(&text)) {
            words.push(text);
        }
        cause = error.source();
    }
    if words.is_empty() { "the connection failed".into() } else { words.join(": ") }
}
