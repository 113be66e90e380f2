//! Tokens for an app registration, by its client secret (OAuth 2.0 client credentials, RFC 6749 4.4).
//!
//! Asked for by us: what is wrong with a registration is then told in plain words, and the directory
//! is asked through the guard like every address that somebody typed.

use std::fmt;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use serde::Deserialize;
use url::Url;

use crate::collect::{CollectError, Password};
use crate::outgoing;

/// Where app registrations of the public cloud get tokens.
pub const PUBLIC: &str = "https://login.microsoftonline.com/";
const MOST_BYTES: usize = 256 << 10;

/// An app registration with its secret.
pub struct Registration {
    http: reqwest::Client,
    place: Url,
    client: String,
    secret: Password,
}

impl fmt::Debug for Registration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Registration({})", self.client)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: String,
    expires_in: i64,
    error: String,
    error_codes: Vec<i64>,
}

impl Registration {
    /// For the application `client` of `directory`, asked for at `authority`.
    pub fn new(
        http: reqwest::Client,
        authority: &Url,
        directory: &str,
        client: &str,
        secret: Password,
    ) -> Result<Self, CollectError> {
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        };
        if !plain(directory) {
            let problem = "is the id of a directory or one of its domains".into();
            return Err(CollectError::Invalid { what: "directory (tenant) id".into(), problem });
        }
        let place = authority.join(&format!("{directory}/oauth2/v2.0/token"));
        let place = place.map_err(|cause| CollectError::Invalid {
            what: "directory (tenant) id".into(),
            problem: cause.to_string(),
        })?;
        Ok(Self { http, place, client: client.to_owned(), secret })
    }

    async fn ask(&self, scope: &str) -> Result<Answer, String> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client)
            .append_pair("client_secret", self.secret.tell())
            .append_pair("scope", scope)
            .finish();
        let sent = self.http.post(self.place.clone());
        let sent = sent.header("content-type", "application/x-www-form-urlencoded").body(body).send().await;
        let host = self.place.host_str().unwrap_or_default();
        let response = sent.map_err(|cause| format!("{host} does not answer: {}", cause.without_url()))?;
        let status = response.status();
        let body = outgoing::read(response, MOST_BYTES).await.map_err(|cause| cause.to_string())?;
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() && !answer.access_token.is_empty() {
            return Ok(answer);
        }
        Err(reason(&answer, status.as_u16()))
    }
}

/// What is wrong, in words where the directory's number is a known one.
fn reason(answer: &Answer, status: u16) -> String {
    let number = answer.error_codes.first().copied().unwrap_or_default();
    let words = match number {
        7_000_215 => "the client secret is wrong: it takes the secret's value, not its id",
        7_000_222 => "the client secret has expired",
        700_016 => "the directory knows no application of this id",
        90_002 | 900_023 => "there is no directory of this id",
        _ if answer.error.is_empty() => return format!("the directory answered HTTP {status}"),
        _ if number == 0 => return format!("the directory refused: {}", short(&answer.error)),
        _ => return format!("the directory refused: AADSTS{number}"),
    };
    format!("{words} (AADSTS{number})")
}

fn short(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

#[async_trait::async_trait]
impl TokenCredential for Registration {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        let answer =
            self.ask(scope).await.map_err(|cause| Error::with_message(ErrorKind::Credential, cause))?;
        let expires = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 200);
        tracing::trace!(seconds = answer.expires_in, "token given");
        Ok(AccessToken::new(answer.access_token, expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_number_is_told_in_words_and_a_strange_text_is_cut() {
        let of = |error: &str, codes: &[i64]| {
            reason(&Answer { error: error.into(), error_codes: codes.to_vec(), ..Answer::default() }, 401)
        };
        assert!(of("invalid_client", &[7_000_215]).starts_with("the client secret is wrong"));
        assert_eq!(of("invalid_grant", &[50_001]), "the directory refused: AADSTS50001");
        assert_eq!(of("<b>bad", &[]), "the directory refused: bbad");
        assert_eq!(of("", &[]), "the directory answered HTTP 401");
    }

    #[test]
    fn a_directory_leads_nowhere_else_and_the_secret_is_never_shown() {
        let authority = Url::parse(PUBLIC).expect("a url");
        let new = |directory: &str| {
            Registration::new(reqwest::Client::new(), &authority, directory, "app", Password::new("hunter2"))
        };
        for wrong in ["", "../x", "//evil.example", "a b", "a/b", "a?b"] {
            assert!(new(wrong).is_err(), "{wrong}");
        }
        let one = new("contoso.example").expect("a directory");
        assert_eq!(one.place.as_str(), "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
        assert!(!format!("{one:?}").contains("hunter2"));
    }
}
