//! Logging in: what a registry asks for, and the header that satisfies it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex as Held, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::transport::{Request, Transport};
use crate::collect::image::Fault;

const TOKEN_LIMIT: usize = 256 << 10;
/// A token without a stated life has this one, says the specification.
const TOKEN_LIFE: Duration = Duration::from_mins(1);
/// A token this near its end is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// A user and a password, or nobody.
#[derive(Clone)]
pub(super) enum Login {
    /// Nobody.
    Anonymous,
    /// A user.
    User {
        /// The name.
        name: String,
        /// The password; never shown.
        password: String,
    },
}

impl fmt::Debug for Login {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => out.write_str("Anonymous"),
            Self::User { name, .. } => write!(out, "User({name}, password kept)"),
        }
    }
}

impl Login {
    /// The header of basic authentication; none for nobody.
    fn basic(&self) -> Option<HeaderValue> {
        let Self::User { name, password } = self else { return None };
        sensitive(&format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// A password with each request.
    Basic,
    /// A token from another server.
    Bearer {
        /// Where tokens are given.
        realm: String,
        /// For whom.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads `WWW-Authenticate` headers; a token is preferred where both are offered.
    pub(super) fn parse(headers: &[String]) -> Option<Self> {
        let bearer = headers.iter().find_map(|header| {
            let start = header.to_ascii_lowercase().find("bearer ")?;
            let parameters = parameters(header.get(start + "bearer ".len()..)?);
            let realm = parameters.get("realm").filter(|realm| !realm.is_empty())?.clone();
            Some(Self::Bearer { realm, service: parameters.get("service").cloned() })
        });
        let basic = || headers.iter().any(|header| header.to_ascii_lowercase().contains("basic"));
        bearer.or_else(|| basic().then_some(Self::Basic))
    }
}

/// `key="value",key=value`, as far as it can be read.
fn parameters(mut text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    while let Some((key, rest)) = text.split_once('=') {
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        let key = key.trim_matches(|c: char| c == ',' || c.is_whitespace()).to_ascii_lowercase();
        found.entry(key).or_insert_with(|| value.trim().to_owned());
        text = rest;
    }
    found
}

#[derive(Debug, Clone)]
struct Token {
    header: HeaderValue,
    until: Instant,
}

type Cell = Arc<Mutex<Option<Token>>>;

/// How one of us (our own login, or nobody's) gets in.
#[derive(Debug)]
pub(super) struct Auth {
    login: Login,
    challenge: Held<Option<Challenge>>,
    tokens: Held<HashMap<String, Cell>>,
}

impl Auth {
    /// For `login`, not yet asked for anything.
    pub(super) fn new(login: Login) -> Self {
        Self { login, challenge: Held::new(None), tokens: Held::new(HashMap::new()) }
    }

    /// Whether we have anything to show.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self.login, Login::Anonymous)
    }

    /// Remembers what is asked for; false where nothing we know of is.
    pub(super) fn learn(&self, headers: &[String]) -> bool {
        let challenge = Challenge::parse(headers);
        let known = challenge.is_some();
        if known {
            *self.challenge.lock().unwrap_or_else(PoisonError::into_inner) = challenge;
        }
        known
    }

    /// What is asked for, as far as known.
    pub(super) fn challenge(&self) -> Option<Challenge> {
        self.challenge.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives up the token for `scope`, so that the next one is fresh.
    pub(super) fn forget(&self, scope: &str) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(scope);
    }

    /// The header for a request of `scope`, with a token fetched where one is needed.
    pub(super) async fn header(
        &self,
        transport: &Transport,
        scope: &str,
    ) -> Result<Option<HeaderValue>, Fault> {
        let (realm, service) = match self.challenge() {
            None => return Ok(None),
            Some(Challenge::Basic) => return Ok(self.login.basic()),
            Some(Challenge::Bearer { realm, service }) => (realm, service),
        };
        let cell = {
            let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tokens.entry(scope.to_owned()).or_default())
        };
        let mut token = cell.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.until > Instant::now()) {
            return Ok(Some(token.header.clone()));
        }
        let fresh = self.fetch(transport, &realm, service.as_deref(), scope).await?;
        *token = Some(fresh.clone());
        Ok(Some(fresh.header))
    }

    async fn fetch(
        &self,
        transport: &Transport,
        realm: &str,
        service: Option<&str>,
        scope: &str,
    ) -> Result<Token, Fault> {
        let mut url =
            Url::parse(realm).map_err(|_| Fault::Unreadable("the token server has no address".into()))?;
        {
            let mut query = url.query_pairs_mut();
            service.map(|service| query.append_pair("service", service));
            if !scope.is_empty() {
                query.append_pair("scope", scope);
            }
            if let Login::User { name, .. } = &self.login {
                query.append_pair("account", name);
            }
        }
        let authorization = self.login.basic();
        let request = Request {
            method: Method::GET,
            url,
            accept: "application/json",
            authorization,
            limit: TOKEN_LIMIT,
        };
        let answer = transport.send(&request).await?.good()?;
        parse_token(&answer.body, Instant::now())
    }
}

#[derive(Deserialize)]
struct TokenBody {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

fn parse_token(body: &[u8], now: Instant) -> Result<Token, Fault> {
    let unreadable = |what: &str| Fault::Unreadable(format!("the token server's: {what}"));
    let parsed: TokenBody = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    let text = parsed.token.or(parsed.access_token).filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| unreadable("no token in it"))?;
    let header = sensitive(&format!("Bearer {text}")).ok_or_else(|| unreadable("the token is no header"))?;
    let life = parsed.expires_in.map_or(TOKEN_LIFE, |seconds| Duration::from_secs(seconds.clamp(20, 3600)));
    Ok(Token { header, until: now + life.saturating_sub(TOKEN_MARGIN) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_challenge_is_read_whatever_its_dress() {
        let bearer = r#"Bearer realm="https://auth.example/token?a=b,c",service="registry.example",scope="x:y:pull,push""#;
        let wanted = Challenge::Bearer {
            realm: "https://auth.example/token?a=b,c".into(),
            service: Some("registry.example".into()),
        };
        assert_eq!(Challenge::parse(&[bearer.into()]), Some(wanted.clone()));
        assert_eq!(Challenge::parse(&["Basic realm=\"x\"".into(), bearer.into()]), Some(wanted));
        assert_eq!(Challenge::parse(&["basic realm=x".into()]), Some(Challenge::Basic));
        assert_eq!(Challenge::parse(&["Negotiate".into()]), None);
    }

    #[test]
    fn a_token_is_read_under_either_name_and_never_shown() {
        let now = Instant::now();
        let token = parse_token(br#"{"access_token":"abc","expires_in":300}"#, now).expect("a token");
        assert_eq!(token.header.to_str().expect("text"), "Bearer abc");
        assert!(!format!("{token:?}").contains("abc"));
        assert_eq!(token.until, now + Duration::from_secs(290));
        assert!(parse_token(b"{}", now).is_err() && parse_token(b"<html>", now).is_err());
        let login = Login::User { name: "ann".into(), password: "hunter2".into() };
        assert!(!format!("{login:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_stumble(header in "\\PC{0,80}") {
            let _ = Challenge::parse(&[header.clone(), format!("Bearer {header}")]);
        }
    }
}
