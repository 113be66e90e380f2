//! Sends a body to an address and reads what comes back, as far as it matters.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response};
use url::Url;

/// Nobody is waited for longer.
pub const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read; what follows is left unread.
const MOST_READ: usize = 4_096;
/// Letters of it that are kept.
const MOST_KEPT: usize = 500;

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; none where there was no answer.
    pub status: Option<u16>,
    /// The first letters of its body.
    pub reply: Option<String>,
    /// Why there was no answer.
    pub fault: Option<String>,
    /// How long it wants us to wait.
    pub wait: Option<TimeDelta>,
}

/// What an answer means for its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Arrived,
    /// It may arrive another time.
    Again,
    /// Nobody will ever take messages there (410).
    Gone,
}

impl Answer {
    /// No answer, for this reason.
    pub fn none(fault: impl Into<String>) -> Self {
        Self { fault: Some(fault.into()), ..Self::default() }
    }

    /// What it means: only 2xx is a yes, a redirect is none.
    pub fn fate(&self) -> Fate {
        match self.status {
            Some(200..=299) => Fate::Arrived,
            Some(410) => Fate::Gone,
            _ => Fate::Again,
        }
    }
}

/// Posts `body` with these headers. The client follows no redirect.
pub async fn post(
    client: &Client,
    url: &Url,
    headers: &[(&str, String)],
    body: Vec<u8>,
    now: DateTime<Utc>,
) -> Answer {
    let mut request =
        client.post(url.clone()).header(CONTENT_TYPE, "application/json").timeout(PATIENCE).body(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send().await {
        Ok(response) => read(response, now).await,
        Err(fault) => Answer::none(reason(&fault)),
    }
}

async fn read(mut response: Response, now: DateTime<Utc>) -> Answer {
    let status = response.status().as_u16();
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = wait.and_then(|text| asked(text, now));
    let mut bytes = Vec::new();
    while bytes.len() < MOST_READ {
        match response.chunk().await {
            Ok(Some(part)) => bytes.extend_from_slice(&part),
            // What was said so far was said; the status is what counts.
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(MOST_READ);
    Answer {
        status: Some(status),
        reply: Some(kept(&bytes)).filter(|text| !text.is_empty()),
        fault: None,
        wait,
    }
}

/// How long a `Retry-After` wants us to wait: seconds, or a moment (RFC 9110).
pub fn asked(text: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(TimeDelta::seconds(i64::from(seconds)));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
    Some((at - now).max(TimeDelta::zero()))
}

/// The first letters, without what no page should show.
fn kept(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter });
    shown.take(MOST_KEPT).collect::<String>().trim().to_owned()
}

/// Why no answer came, without the address: it may be a secret.
pub fn reason(fault: &reqwest::Error) -> String {
    if fault.is_timeout() {
        return format!("no answer within {} seconds", PATIENCE.as_secs());
    }
    let mut words =
        if fault.is_connect() { "could not connect".to_owned() } else { "the connection broke".to_owned() };
    let mut next = std::error::Error::source(fault);
    let mut last = None;
    while let Some(inner) = next {
        last = Some(inner.to_string());
        next = inner.source();
    }
    if let Some(last) = last {
        words = format!("{words}: {last}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_two_hundreds_are_a_yes() {
        let fate = |status| Answer { status, ..Answer::default() }.fate();
        assert_eq!([200, 204, 299].map(|code| fate(Some(code))), [Fate::Arrived; 3]);
        assert_eq!([301, 302, 400, 404, 429, 500, 503].map(|code| fate(Some(code))), [Fate::Again; 7]);
        assert_eq!((fate(Some(410)), fate(None)), (Fate::Gone, Fate::Again));
    }

    #[test]
    fn a_wait_is_read_in_both_spellings() {
        let now = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!(asked("120", now), Some(TimeDelta::minutes(2)));
        assert_eq!(asked("Thu, 01 Jan 2026 00:01:00 GMT", now), Some(TimeDelta::minutes(1)));
        assert_eq!(asked("Wed, 31 Dec 2025 00:01:00 GMT", now), Some(TimeDelta::zero()));
        assert_eq!((asked("soon", now), asked("-1", now)), (None, None));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_short_and_plain(bytes: Vec<u8>) {
            let text = kept(&bytes);
            prop_assert!(text.chars().count() <= MOST_KEPT && !text.contains('\0'));
        }

        #[test]
        fn no_header_breaks_it(text: String) {
            let _ = asked(&text, DateTime::UNIX_EPOCH);
        }
    }
}
