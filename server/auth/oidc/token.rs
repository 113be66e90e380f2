//! Whether a token is to be believed, and what it says.

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreGenderClaim, CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, ClientId, IdTokenVerifier, Nonce, OAuth2TokenResponse,
    SignatureVerificationError, StandardClaims, SubjectIdentifier, TokenResponse, UserInfoClaims,
    UserInfoError,
};

use super::claims::{Further, Stranger};
use super::envoy::Metadata;
use super::flow::{Party, Tokens};
use super::{OidcFault, Porter, bounded};
use crate::store::people::providers::Provider;

/// How far a provider's clock may be from ours.
const SKEW: TimeDelta = TimeDelta::minutes(1);
/// A token is made when the code is turned in.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
/// Signatures with a key pair. Without one whoever knows the client's secret could sign, and with
/// none anybody.
const BELIEVED: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Verifier = IdTokenVerifier<'static, CoreJsonWebKey>;

fn verifier(provider: &Provider, metadata: &Metadata, now: DateTime<Utc>) -> Verifier {
    let client = ClientId::new(provider.client_id.clone());
    IdTokenVerifier::new_public_client(client, metadata.issuer().clone(), metadata.jwks().clone())
        .set_allowed_algs(BELIEVED)
        .set_time_fn(move || now - SKEW)
        .set_issue_time_verifier_fn(move |at| {
            if at > now + SKEW {
                return Err("it was made in the future".to_owned());
            }
            if at < now - OLDEST - SKEW {
                return Err("it was made long ago".to_owned());
            }
            Ok(())
        })
}

/// Who the tokens speak of, once they are believed. A key that is not known makes us ask for the
/// provider's keys of now, once.
pub(super) async fn believed(
    porter: Porter<'_>,
    provider: &Provider,
    party: &Party,
    metadata: &Metadata,
    tokens: &Tokens,
    nonce: &Nonce,
) -> Result<Stranger, OidcFault> {
    let first = read(&verifier(provider, metadata, porter.now), tokens, nonce, provider);
    let stranger = match first {
        Err(Doubt::Key) => {
            let renewed = porter.envoy.renewed(&provider.name, &provider.issuer, porter.now).await?;
            let unknown = "it is signed with a key the provider does not have";
            let renewed = renewed.ok_or_else(|| OidcFault::untrue(provider, unknown))?;
            read(&verifier(provider, &renewed, porter.now), tokens, nonce, provider)
        }
        known => known,
    };
    let stranger = stranger.map_err(|doubt| match doubt {
        Doubt::Key => OidcFault::untrue(provider, "it is signed with a key the provider does not have"),
        Doubt::Told(cause) => OidcFault::untrue(provider, cause),
    })?;
    if !stranger.is_silent() || party.user_info_url().is_none() {
        return Ok(stranger);
    }
    let more = asked(porter, provider, party, tokens, &stranger).await?;
    Ok(stranger.or(more))
}

/// Why a token is not believed.
enum Doubt {
    /// Its key is not among the provider's.
    Key,
    /// Anything else.
    Told(String),
}

impl From<ClaimsVerificationError> for Doubt {
    fn from(fault: ClaimsVerificationError) -> Self {
        match fault {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Self::Key
            }
            ClaimsVerificationError::SignatureVerification(inner) => Self::told(&inner.to_string()),
            other => Self::told(&other.to_string()),
        }
    }
}

impl Doubt {
    fn told(cause: &str) -> Self {
        Self::Told(bounded(cause, 300))
    }
}

fn read(verifier: &Verifier, tokens: &Tokens, nonce: &Nonce, provider: &Provider) -> Result<Stranger, Doubt> {
    let id_token = tokens.id_token().ok_or_else(|| Doubt::told("it sent no ID token"))?;
    let claims = id_token.claims(verifier, nonce)?;
    if let Some(party) = claims.authorized_party().filter(|party| party.as_str() != provider.client_id) {
        return Err(Doubt::told(&format!("it was made for {}", party.as_str())));
    }
    if let Some(hash) = claims.access_token_hash() {
        let broken = |fault: &dyn std::fmt::Display| Doubt::told(&fault.to_string());
        let algorithm = id_token.signing_alg().map_err(|fault| broken(&fault))?;
        let key = id_token.signing_key(verifier).map_err(|fault| broken(&fault))?;
        let own = AccessTokenHash::from_token(tokens.access_token(), algorithm, key)
            .map_err(|fault| broken(&fault))?;
        if own != *hash {
            return Err(Doubt::told("its access token belongs to another"));
        }
    }
    let standard = StandardClaims::new(claims.subject().clone())
        .set_email(claims.email().cloned())
        .set_email_verified(claims.email_verified())
        .set_name(claims.name().cloned())
        .set_preferred_username(claims.preferred_username().cloned());
    Ok(Stranger::of(&standard, claims.additional_claims(), &provider.groups_claim))
}

/// What the provider tells of the same subject beside the token: many put addresses and groups there.
async fn asked(
    porter: Porter<'_>,
    provider: &Provider,
    party: &Party,
    tokens: &Tokens,
    stranger: &Stranger,
) -> Result<Stranger, OidcFault> {
    let pass = tokens.access_token();
    // It goes into a header as it is.
    if pass.secret().is_empty() || !pass.secret().bytes().all(|letter| letter.is_ascii_graphic()) {
        return Err(OidcFault::untrue(provider, "its access token is no token"));
    }
    let request = party
        .user_info(pass.clone(), Some(SubjectIdentifier::new(stranger.subject.clone())))
        .map_err(|fault| OidcFault::untrue(provider, fault.to_string()))?;
    let more: Result<UserInfoClaims<Further, CoreGenderClaim>, _> = request.request_async(porter.envoy).await;
    let more = more.map_err(|fault| match fault {
        UserInfoError::Request(fault) => {
            OidcFault::Away { provider: provider.name.clone(), cause: fault.to_string() }
        }
        other => OidcFault::untrue(provider, bounded(&format!("its userinfo: {other}"), 300)),
    })?;
    Ok(Stranger::of(more.standard_claims(), more.additional_claims(), &provider.groups_claim))
}
