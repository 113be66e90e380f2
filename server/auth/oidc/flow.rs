//! A log-in under way: begun with a state, a nonce and a verifier that only this browser's return can
//! use, ended once.

use chrono::TimeDelta;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AuthType, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, LoginHint, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::claims::{Further, Stranger};
use super::envoy::{Metadata, Unheard};
use super::{OidcFault, Porter, bounded, secret_bound, token};
use crate::auth::token::same;
use crate::auth::{AuthError, Secret};
use crate::store::people::flows::{self, Flow};
use crate::store::people::providers::{self, Provider};

/// Somebody may take so long at the provider.
const LASTS: TimeDelta = TimeDelta::minutes(10);
/// No code of a provider is longer.
const LONGEST_CODE: usize = 4_096;

pub(super) type Tokens = StandardTokenResponse<
    IdTokenFields<
        Further,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;
/// We, as the provider knows us.
pub(super) type Party = Client<
    Further,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What somebody asks who wants to log in.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The word of this browser's cookie.
    pub browser: &'a str,
    /// Where to go after: a path of ours.
    pub next: &'a str,
    /// The address they typed; empty where they typed none.
    pub email: &'a str,
    /// Where the provider sends them back.
    pub back_to: &'a Url,
}

/// What a browser brings back from a provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Return {
    /// The state it was sent with.
    pub state: String,
    /// What buys the tokens.
    pub code: String,
    /// The provider's own name for itself (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: String,
}

/// What is kept of a log-in under way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Held {
    nonce: String,
    verifier: String,
    browser: String,
    back_to: Url,
    pub(super) next: String,
}

/// Somebody the provider let in.
pub(super) struct Came {
    pub(super) stranger: Stranger,
    /// The token itself, for logging out there.
    pub(super) id_token: String,
}

fn bound(state_hash: &[u8]) -> String {
    format!("login:{state_hash:02x?}")
}

/// Begins a log-in. Returns where to send the browser.
pub async fn begin(porter: Porter<'_>, provider: &Provider, asked: Asked<'_>) -> Result<Url, OidcFault> {
    let metadata = porter.envoy.known(&provider.name, &provider.issuer, porter.now).await?;
    let [state, nonce, verifier] = fresh();
    let held = Held {
        nonce: nonce.tell().to_owned(),
        verifier: verifier.tell().to_owned(),
        browser: asked.browser.to_owned(),
        back_to: asked.back_to.clone(),
        next: asked.next.to_owned(),
    };
    let plain = serde_json::to_vec(&held).map_err(|fault| AuthError::Sealed(fault.to_string()))?;
    let hash = state.hash();
    let held = porter.vault.seal(&plain, &bound(&hash))?;
    let flow = Flow { provider: provider.id, held, expires_at: porter.now + LASTS };
    let mut gate = porter.store.gate().await?;
    flows::add(&mut gate, &hash, &flow, porter.now).await?;
    gate.commit().await?;
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.tell().to_owned()));
    let party = party(porter, provider, &metadata, asked.back_to)?;
    let mut request = party
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || CsrfToken::new(state.tell().to_owned()),
            move || Nonce::new(nonce.tell().to_owned()),
        )
        .set_pkce_challenge(challenge);
    for scope in ["email", "profile", "groups"] {
        // The first two every provider has; one that does not know the third may refuse it.
        let listed =
            metadata.scopes_supported().is_some_and(|all| all.iter().any(|one| one.as_str() == scope));
        if scope != "groups" || listed {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
    }
    if !asked.email.is_empty() {
        request = request.set_login_hint(LoginHint::new(bounded(asked.email, 254)));
    }
    Ok(request.url().0)
}

fn fresh() -> [Secret; 3] {
    let mut random = rand::rng();
    std::array::from_fn(|_| Secret::fresh(&mut random))
}

/// Takes the log-in of this state, once: it was begun in this browser, at this provider, a moment ago.
pub(super) async fn take(
    porter: Porter<'_>,
    id: Uuid,
    state: &str,
    browser: Option<&str>,
) -> Result<(Provider, Held), OidcFault> {
    let hash = Secret::sent(state).hash();
    let mut gate = porter.store.gate().await?;
    let flow = flows::take(&mut gate, &hash).await?;
    gate.commit().await?;
    // Each provider has its own address to come back to: a code of one is never sent to another.
    let flow =
        flow.filter(|flow| flow.expires_at > porter.now && flow.provider == id).ok_or(OidcFault::Stale)?;
    let plain = porter.vault.open(&flow.held, &bound(&hash))?;
    let held: Held = serde_json::from_slice(&plain).map_err(|fault| AuthError::Sealed(fault.to_string()))?;
    if !browser.is_some_and(|word| same(word, &held.browser)) {
        return Err(OidcFault::Stale);
    }
    let mut gate = porter.store.gate().await?;
    let provider = providers::for_login(&mut gate, id).await?.ok_or(OidcFault::Stale)?;
    Ok((provider, held))
}

/// Buys the tokens and reads them.
pub(super) async fn finish(
    porter: Porter<'_>,
    provider: &Provider,
    held: &Held,
    back: &Return,
) -> Result<Came, OidcFault> {
    let metadata = porter.envoy.known(&provider.name, &provider.issuer, porter.now).await?;
    from_whom(provider, &metadata, back)?;
    if back.code.is_empty() || back.code.len() > LONGEST_CODE {
        let said = bounded(&back.error, 100);
        let said = if said.is_empty() { "no code came back".to_owned() } else { said };
        return Err(OidcFault::Said { provider: provider.name.clone(), said });
    }
    let party = party(porter, provider, &metadata, &held.back_to)?;
    let tokens: Tokens = party
        .exchange_code(AuthorizationCode::new(back.code.clone()))
        .map_err(|fault| OidcFault::untrue(provider, fault.to_string()))?
        .set_pkce_verifier(PkceCodeVerifier::new(held.verifier.clone()))
        .request_async(porter.envoy)
        .await
        .map_err(|fault| unsold(provider, &fault))?;
    let id_token = tokens.id_token().ok_or_else(|| OidcFault::untrue(provider, "it sent no ID token"))?;
    let nonce = Nonce::new(held.nonce.clone());
    let stranger = token::believed(porter, provider, &party, &metadata, &tokens, &nonce).await?;
    Ok(Came { stranger, id_token: id_token.to_string() })
}

/// The answer names who gives it (RFC 9207): one provider's is not taken for another's.
fn from_whom(provider: &Provider, metadata: &Metadata, back: &Return) -> Result<(), OidcFault> {
    let names_itself = metadata.additional_metadata().authorization_response_iss_parameter_supported;
    match &back.iss {
        Some(iss) if *iss != provider.issuer => {
            Err(OidcFault::untrue(provider, bounded(&format!("the answer is of another issuer, {iss}"), 300)))
        }
        None if names_itself => {
            Err(OidcFault::untrue(provider, "the answer names no issuer, as this one does"))
        }
        _ => Ok(()),
    }
}

/// Why a code bought nothing.
fn unsold(
    provider: &Provider,
    fault: &RequestTokenError<Unheard, StandardErrorResponse<CoreErrorResponseType>>,
) -> OidcFault {
    let away = |cause: String| OidcFault::Away { provider: provider.name.clone(), cause };
    match fault {
        RequestTokenError::ServerResponse(said) => {
            OidcFault::untrue(provider, bounded(&format!("it refused the code: {}", said.error()), 300))
        }
        RequestTokenError::Request(fault) => away(fault.to_string()),
        RequestTokenError::Parse(fault, _) => {
            OidcFault::untrue(provider, bounded(&format!("its tokens break at {fault}"), 300))
        }
        RequestTokenError::Other(told) => away(bounded(told, 300)),
    }
}

fn party(
    porter: Porter<'_>,
    provider: &Provider,
    metadata: &Metadata,
    back_to: &Url,
) -> Result<Party, OidcFault> {
    let secret = match &provider.client_secret {
        Some(sealed) => {
            let plain = porter.vault.open(sealed, &secret_bound(provider.id))?;
            Some(ClientSecret::new(String::from_utf8_lossy(&plain).into_owned()))
        }
        None => None,
    };
    let methods = metadata.token_endpoint_auth_methods_supported();
    let takes = |method| methods.is_some_and(|all| all.contains(&method));
    let in_body =
        !takes(CoreClientAuthMethod::ClientSecretBasic) && takes(CoreClientAuthMethod::ClientSecretPost);
    let party =
        Party::from_provider_metadata(metadata.clone(), ClientId::new(provider.client_id.clone()), secret)
            .set_redirect_uri(RedirectUrl::from_url(back_to.clone()));
    Ok(if in_body { party.set_auth_type(AuthType::RequestBody) } else { party })
}
