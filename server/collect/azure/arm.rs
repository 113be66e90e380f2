//! Calls to Resource Manager, one way for all: bounded in number, time and size, and an error
//! sorted into what it means for the fact that was asked for.
//!
//! Single resources are read through the management crate, which builds, authorises and retries;
//! only its raw bodies are used. Lists are ours: the crate would follow a next page to any host
//! with our token, and this does not.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::time::Duration;

use azure_core_legacy::error::{Error as LegacyError, ErrorKind};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;
use url::Url;

use super::credential::Credential;
use super::wire::{self, Page};
use crate::collect::ledger::{Call, Ledger};
use crate::model::Fact;

/// Calls under way at once.
const AT_ONCE: usize = 16;
/// Largest answer.
const MOST_BYTES: usize = 8 << 20;
/// Longest wait for one call, retries included; waiting for a turn is not part of it.
const PATIENCE: Duration = Duration::from_mins(2);
/// Attempts at one page of a list.
const ATTEMPTS: u32 = 6;
/// Longest single wait for a service that says when to come back.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Pages of one list.
const MOST_PAGES: usize = 2_000;

const UNREADABLE: Miss = Miss::Unreadable("unreadable-body");

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The service answered with an error.
    Refused {
        /// HTTP status.
        status: u16,
        /// The service's code, or `http-503`.
        code: String,
    },
    /// The answer broke off, was not JSON, or was too large.
    Unreadable(&'static str),
    /// The network.
    Unreachable(String),
    /// No answer within our patience.
    Late,
    /// No token was to be had.
    NoToken(String),
}

impl Miss {
    /// The code a gap shows.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::Unreadable(code) => code,
            Self::Unreachable(_) => "unreachable",
            Self::Late => "timeout",
            Self::NoToken(_) => "no-token",
        }
    }

    /// What is asked for does not exist.
    pub fn not_found() -> Self {
        Self::Refused { status: 404, code: "http-404".into() }
    }

    fn denied(&self) -> bool {
        matches!(self, Self::Refused { status: 403, .. })
    }

    fn absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    fn message(&self) -> String {
        match self {
            Self::Refused { status: 403, .. } => "our credentials may not make this call".into(),
            Self::Refused { code, .. } => format!("the service answered {code}"),
            Self::Unreadable("foreign-next-link") => "it would have led to another host; not followed".into(),
            Self::Unreadable("endless") => "the pages lead back to themselves, or never end".into(),
            Self::Unreadable(_) => "the answer could not be read".into(),
            Self::Unreachable(_) => "no answer".into(),
            Self::Late => "no answer in time, although asked again".into(),
            Self::NoToken(_) => "no token was to be had".into(),
        }
    }
}

/// Resource Manager.
pub struct Arm {
    /// Where it is.
    pub endpoint: Url,
    scope: String,
    credential: Credential,
    http: reqwest::Client,
    places: Semaphore,
    /// What failed.
    pub ledger: Ledger,
}

impl Arm {
    /// A client for `endpoint`.
    pub fn new(endpoint: Url, scope: String, credential: Credential, http: reqwest::Client) -> Self {
        let (places, ledger) = (Semaphore::new(AT_ONCE), Ledger::default());
        Self { endpoint, scope, credential, http, places, ledger }
    }

    /// A token, or why there is none.
    pub async fn token(&self) -> Result<String, String> {
        self.credential.token(&self.scope).await
    }

    /// Reads one resource through the management crate. Known none where it does not exist.
    pub async fn one<T, F, R>(&self, call: Call, subject: &str, send: F) -> Fact<Option<T>>
    where
        T: DeserializeOwned,
        F: Future<Output = azure_core_legacy::Result<R>>,
        R: Into<azure_core_legacy::Response>,
    {
        let _place = self.places.acquire().await;
        let read = async {
            let response = send.await.map_err(|error| miss(&error))?;
            let (status, _, body) = response.into().deconstruct();
            debug_assert!(status.is_success(), "the crate turns other statuses into errors");
            parse(&bounded(body.map(|chunk| chunk.map_err(|_| Miss::Unreadable("broken-body")))).await?)
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        self.sort(call, subject, read.unwrap_or(Err(Miss::Late)))
    }

    fn sort<T>(&self, call: Call, subject: &str, read: Result<T, Miss>) -> Fact<Option<T>> {
        match read {
            Ok(value) => Fact::Known(Some(value)),
            Err(miss) if miss.absent() && !call.lists => Fact::Known(None),
            Err(miss) => self.missed(call, subject, &miss),
        }
    }

    /// Notes what a call did not give, and makes it the reason of its facts.
    pub fn missed<T>(&self, call: Call, subject: &str, miss: &Miss) -> Fact<T> {
        self.ledger.note(call, subject, miss.code(), &miss.message(), miss.denied());
        if miss.denied() {
            Fact::denied(format!("{} denied", call.name), call.permission)
        } else {
            Fact::unknown(format!("{} failed: {}", call.name, miss.code()))
        }
    }

    /// Reads all pages of a list; known only if every page and row of it could be read.
    pub async fn list<T: DeserializeOwned>(&self, call: Call, subject: &str, path: &str) -> Fact<Vec<T>> {
        let (rows, whole) = self.rows(call, subject, path).await;
        whole.map(|()| rows)
    }

    /// The rows of a list that could be read, and whether those are all.
    pub async fn rows<T: DeserializeOwned>(
        &self,
        call: Call,
        subject: &str,
        path: &str,
    ) -> (Vec<T>, Fact<()>) {
        let mut rows = Vec::new();
        let mut whole = Fact::Known(());
        let mut next = self.own(path);
        let mut asked = HashSet::new();
        loop {
            let page = match &next {
                Ok(url) if asked.len() < MOST_PAGES && asked.insert(url.clone()) => {
                    self.page::<Page>(url).await
                }
                Ok(_) => Err(Miss::Unreadable("endless")),
                Err(miss) => Err(miss.clone()),
            };
            // A page without rows to read is not an empty page.
            let page = page.and_then(|page| Ok((page.value.ok_or(UNREADABLE)?, page.next_link)));
            let (values, link) = match page {
                Ok(page) => page,
                Err(miss) => return (rows, self.missed(call, subject, &miss)),
            };
            let sent = values.len();
            let before = rows.len();
            rows.extend(values.iter().filter_map(|row| wire::read(row)));
            if rows.len() - before < sent {
                whole = self.missed(call, subject, &Miss::Unreadable("unreadable-row"));
            }
            match link.filter(|link| !link.is_empty()) {
                Some(link) => next = self.own(&link),
                None => return (rows, whole),
            }
        }
    }

    /// Hands over the rows of a list that is only a shorter way to what others tell too. None where not all
    /// could be read or `take` did not want one; it is no failure of the run's.
    pub async fn attempt<T: DeserializeOwned>(
        &self,
        path: &str,
        most_pages: usize,
        mut take: impl FnMut(T) -> Option<()>,
    ) -> Option<()> {
        let mut next = self.own(path).ok()?;
        for _ in 0..most_pages {
            let page = match self.page::<Page>(&next).await {
                Ok(page) => page,
                Err(miss) => {
                    tracing::debug!(code = miss.code(), "read the longer way");
                    return None;
                }
            };
            for row in page.value? {
                take(wire::read(&row)?)?;
            }
            match page.next_link.filter(|link| !link.is_empty()) {
                Some(link) => next = self.own(&link).ok()?,
                None => return Some(()),
            }
        }
        None
    }

    /// An address, if it is on our own endpoint: the token goes nowhere else. Paths are asked about
    /// too, since they hold ids from answers, and an id may be written as an address.
    fn own(&self, link: &str) -> Result<Url, Miss> {
        let url = self.endpoint.join(link).map_err(|_| Miss::Unreadable("bad-next-link"))?;
        if url.origin() == self.endpoint.origin() {
            Ok(url)
        } else {
            Err(Miss::Unreadable("foreign-next-link"))
        }
    }

    async fn page<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Miss> {
        let _place = self.places.acquire().await;
        let mut attempt = 1;
        loop {
            let (miss, wait) = match self.get(url).await {
                Ok(bytes) => return parse(&bytes),
                Err(failed) => failed,
            };
            let again = matches!(
                miss,
                Miss::Refused { status: 429 | 500..=599, .. }
                    | Miss::Unreachable(_)
                    | Miss::Unreadable("broken-body")
            );
            if !again || attempt == ATTEMPTS {
                return Err(miss);
            }
            tokio::time::sleep(pause(wait, attempt)).await;
            attempt += 1;
        }
    }

    /// One request; a refusal tells when to come back.
    async fn get(&self, url: &Url) -> Result<Bytes, (Miss, Option<Duration>)> {
        let token = self.token().await.map_err(|cause| (Miss::NoToken(cause), None))?;
        let sent = self.http.get(url.clone()).bearer_auth(token).send().await;
        let response = sent.map_err(|cause| (Miss::Unreachable(cause.without_url().to_string()), None))?;
        let status = response.status().as_u16();
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let body =
            bounded(response.bytes_stream().map(|chunk| chunk.map_err(|_| Miss::Unreadable("broken-body"))));
        let body = body.await.map_err(|miss| (miss, None))?;
        if (200..300).contains(&status) {
            return Ok(body);
        }
        let code = wire::error_code(&body).unwrap_or_else(|| format!("http-{status}"));
        Err((Miss::Refused { status, code }, after))
    }

    /// The first call: tells whether we are let in at all.
    pub async fn probe(&self, path: &str) -> Result<Value, Miss> {
        let url = self.own(path)?;
        match self.get(&url).await {
            Ok(body) => parse(&body),
            Err((Miss::Refused { status: 429 | 500..=599, .. }, _)) => self.page(&url).await,
            Err((miss, _)) => Err(miss),
        }
    }
}

/// How long to wait: what the service wishes or a doubling time, bounded, and not all of us at once.
fn pause(wish: Option<Duration>, attempt: u32) -> Duration {
    let growing = Duration::from_millis(200 * (1 << attempt));
    let spread = Duration::from_millis(250).mul_f64(f64::from(rand::random::<u8>()) / 256.0);
    wish.unwrap_or(growing).min(LONGEST_WAIT) + spread
}

fn miss(error: &LegacyError) -> Miss {
    match error.kind() {
        ErrorKind::HttpResponse { status, error_code } => Miss::Refused {
            status: u16::from(*status),
            code: error_code.clone().unwrap_or_else(|| format!("http-{status}")),
        },
        ErrorKind::Credential => Miss::NoToken(error.to_string()),
        ErrorKind::DataConversion => Miss::Unreadable("unreadable-body"),
        _ => Miss::Unreachable(error.to_string()),
    }
}

async fn bounded(stream: impl Stream<Item = Result<Bytes, Miss>>) -> Result<Bytes, Miss> {
    let mut stream = std::pin::pin!(stream);
    let mut all = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if all.len() + chunk.len() > MOST_BYTES {
            return Err(Miss::Unreadable("too-large"));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Miss> {
    serde_json::from_slice(body).map_err(|_| {
        let html = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<');
        if html { Miss::Unreadable("html-body") } else { UNREADABLE }
    })
}

/// How often each identity is used, by its resource id in lower case.
pub type Uses = HashMap<String, u32>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_bounded_whatever_the_service_wishes() {
        let bound = LONGEST_WAIT + Duration::from_millis(250);
        for attempt in 1..=ATTEMPTS {
            assert!(pause(Some(Duration::from_hours(1)), attempt) <= bound);
            assert!(pause(None, attempt) >= Duration::from_millis(200));
        }
    }
}
