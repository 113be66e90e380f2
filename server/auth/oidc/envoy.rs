//! Speaks with providers, through the guarded client, and keeps for a while what they said of
//! themselves: where things are, and with which keys they sign.

use std::collections::HashMap;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, DiscoveryError, EndSessionUrl, HttpRequest, HttpResponse,
    IssuerUrl, ProviderMetadata, TokenUrl, UserInfoUrl,
};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::OidcFault;
use crate::outgoing::{self, Guard};

/// A provider answers within this or not at all: somebody is waiting.
const WITHIN: Duration = Duration::from_secs(10);
/// No answer of a provider is longer.
const LONGEST: usize = 256 * 1024;
/// What a provider said of itself is asked again after this.
const LASTS: TimeDelta = TimeDelta::hours(1);
/// A key we do not know makes us ask before that, at most so often.
const RENEWED_EVERY: TimeDelta = TimeDelta::seconds(30);
/// Providers whose word is kept; of more, the one asked longest ago is forgotten.
const KEPT: usize = 200;

/// What a provider says of itself beyond the standard fields.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Beyond {
    #[serde(default)]
    pub(super) end_session_endpoint: Option<EndSessionUrl>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    pub(super) code_challenge_methods_supported: Option<Vec<String>>,
}

impl AdditionalProviderMetadata for Beyond {}

/// What a provider says of itself, with its keys.
pub(super) type Metadata = ProviderMetadata<
    Beyond,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

struct Known {
    metadata: Arc<Metadata>,
    at: DateTime<Utc>,
    renewed: Option<DateTime<Utc>>,
}

/// Speaks with providers.
#[derive(Clone)]
pub struct Envoy {
    guard: Guard,
    http: reqwest::Client,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

impl std::fmt::Debug for Envoy {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Envoy({:?})", self.guard)
    }
}

/// A call that came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unheard(String);

/// An address under which a provider may be known: https, or plain http on this machine for trying.
pub fn issuer(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|_| "write an address such as https://login.example.org".to_owned())?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an issuer has no ? and no #".to_owned());
    }
    if !encrypted(&url) {
        return Err("it has to begin with https://".to_owned());
    }
    Ok(url)
}

/// Whether what is sent there can be read by nobody on the way.
fn encrypted(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && own_machine(url))
}

fn own_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl Envoy {
    /// One whose every connection `guard` judges.
    pub fn new(guard: Guard) -> Result<Self, reqwest::Error> {
        let http = guard.client(WITHIN)?;
        Ok(Self { guard, http, known: Arc::default() })
    }

    /// Whether a provider at this address may be asked at all.
    pub fn admits(&self, url: &Url) -> Result<(), String> {
        self.guard.check(url).map_err(|refused| refused.to_string())
    }

    /// One request and its answer, both bounded.
    async fn fetch(&self, request: HttpRequest) -> Result<HttpResponse, Unheard> {
        let unheard = |fault: &dyn Display| Unheard(fault.to_string());
        let request: reqwest::Request = request.try_into().map_err(|fault| told(&fault))?;
        let url = request.url().clone();
        self.guard.check(&url).map_err(|fault| unheard(&fault))?;
        if !encrypted(&url) {
            return Err(Unheard(format!("{} is not https", place(&url))));
        }
        let answer = self.http.execute(request).await.map_err(|fault| told(&fault.without_url()))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status.is_redirection() {
            return Err(Unheard(format!("{} leads elsewhere ({status})", place(&url))));
        }
        let body = outgoing::read(answer, LONGEST).await.map_err(|fault| unheard(&fault))?;
        let mut response = HttpResponse::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// What the provider says of itself: as kept, or asked anew.
    pub(super) async fn known(
        &self,
        name: &str,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, OidcFault> {
        let kept = self.kept(|known| {
            known.get(issuer).filter(|one| now - one.at < LASTS).map(|one| Arc::clone(&one.metadata))
        });
        match kept {
            Some(metadata) => Ok(metadata),
            None => self.ask(name, issuer, None, now).await,
        }
    }

    /// The same with the keys of now, because one was met that is not known; none where they were
    /// asked for a moment ago.
    pub(super) async fn renewed(
        &self,
        name: &str,
        issuer: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Metadata>>, OidcFault> {
        let may = self.kept(|known| match known.get_mut(issuer) {
            Some(one) if one.renewed.is_some_and(|last| now - last < RENEWED_EVERY) => false,
            Some(one) => {
                one.renewed = Some(now);
                true
            }
            None => true,
        });
        if may { self.ask(name, issuer, Some(now), now).await.map(Some) } else { Ok(None) }
    }

    /// Asks the provider, whatever is kept of it.
    pub(super) async fn ask(
        &self,
        name: &str,
        issuer: &str,
        renewed: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, OidcFault> {
        let away = |cause: String| OidcFault::Away { provider: name.to_owned(), cause };
        let url = IssuerUrl::new(issuer.to_owned()).map_err(|fault| away(fault.to_string()))?;
        let metadata = Metadata::discover_async(url, self).await.map_err(|fault| away(words(&fault)))?;
        proper(&metadata).map_err(away)?;
        let metadata = Arc::new(metadata);
        self.kept(|known| {
            known.retain(|_, one| now - one.at < LASTS);
            let oldest = known.iter().min_by_key(|(_, one)| one.at).map(|(issuer, _)| issuer.clone());
            if let Some(oldest) = oldest.filter(|_| known.len() >= KEPT) {
                known.remove(&oldest);
            }
            let one = Known { metadata: Arc::clone(&metadata), at: now, renewed };
            known.insert(issuer.to_owned(), one);
        });
        Ok(metadata)
    }

    fn kept<T>(&self, look: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'c> AsyncHttpClient<'c> for Envoy {
    type Error = Unheard;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unheard>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.fetch(request))
    }
}

/// Where browsers and secrets are sent has to be a place where nobody listens in.
fn proper(metadata: &Metadata) -> Result<(), String> {
    let beyond = metadata.additional_metadata();
    let browsers = [
        ("authorization_endpoint", Some(metadata.authorization_endpoint().url())),
        ("end_session_endpoint", beyond.end_session_endpoint.as_ref().map(EndSessionUrl::url)),
        ("token_endpoint", metadata.token_endpoint().map(TokenUrl::url)),
        ("userinfo_endpoint", metadata.userinfo_endpoint().map(UserInfoUrl::url)),
    ];
    if metadata.token_endpoint().is_none() {
        return Err("it names no token_endpoint".to_owned());
    }
    match browsers.iter().find(|(_, url)| url.is_some_and(|url| !encrypted(url))) {
        Some((name, _)) => Err(format!("its {name} is not https")),
        None => Ok(()),
    }
}

/// What went wrong, in words that hold nothing of the answer but where it breaks.
fn words(fault: &DiscoveryError<Unheard>) -> String {
    match fault {
        DiscoveryError::Request(fault) => fault.to_string(),
        DiscoveryError::Response(status, ..) => format!("it answered {status}, or no JSON"),
        DiscoveryError::Parse(fault) => super::bounded(&format!("its description breaks at {fault}"), 300),
        DiscoveryError::Validation(told) => super::bounded(told, 300),
        other => super::bounded(&other.to_string(), 300),
    }
}

/// An error of the client with its causes: the outer one alone says only that it failed.
fn told(fault: &(dyn std::error::Error + 'static)) -> Unheard {
    let causes = std::iter::successors(Some(fault), |one| one.source());
    Unheard(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_address_nobody_listens_in_on() {
        for good in
            ["https://login.example.org", "https://x/realms/a", "http://127.0.0.1:9/", "http://localhost:1"]
        {
            assert!(issuer(good).is_ok(), "{good}");
        }
        for bad in
            ["login.example.org", "http://login.example.org", "https://x/?a", "https://x/#a", "ftp://x", ""]
        {
            assert!(issuer(bad).is_err(), "{bad}");
        }
    }
}
