//! Looks at a provider before anybody logs in there: what it says of itself, and what of it would not
//! work.

use openidconnect::core::CoreJsonWebKey;
use openidconnect::{JsonWebKey, JsonWebKeyUse};

use super::envoy::Metadata;
use super::{OidcFault, Porter};
use crate::store::people::providers::Provider;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// What.
    pub what: &'static str,
    /// Whether it is well; none where the provider does not say.
    pub well: Option<bool>,
    /// What was seen.
    pub seen: String,
}

fn sight(what: &'static str, well: Option<bool>, seen: impl Into<String>) -> Sight {
    Sight { what, well, seen: super::bounded(&seen.into(), 400) }
}

/// Asks the provider anew and says what was found.
pub async fn look(porter: Porter<'_>, provider: &Provider) -> Vec<Sight> {
    match porter.envoy.ask(&provider.name, &provider.issuer, None, porter.now).await {
        Ok(metadata) => seen(provider, &metadata),
        Err(OidcFault::Away { cause, .. }) => vec![sight("Discovery", Some(false), cause)],
        Err(other) => vec![sight("Discovery", Some(false), other.to_string())],
    }
}

fn seen(provider: &Provider, metadata: &Metadata) -> Vec<Sight> {
    let beyond = metadata.additional_metadata();
    let keys = metadata.jwks().keys().iter().filter(|key| signs(key)).count();
    let pkce =
        beyond.code_challenge_methods_supported.as_ref().map(|all| all.iter().any(|one| one == "S256"));
    let told = |all: Option<Vec<&str>>, wanted: &str| all.map(|all| all.contains(&wanted));
    let claims = metadata.claims_supported().map(|all| all.iter().map(|one| one.as_str()).collect());
    let scopes = metadata.scopes_supported().map(|all| all.iter().map(|one| one.as_str()).collect());
    let out = beyond.end_session_endpoint.as_ref().map(|one| one.url().as_str());
    let word = |well: Option<bool>, yes: &str, no: &str| match well {
        Some(true) => yes.to_owned(),
        Some(false) => no.to_owned(),
        None => "it does not say".to_owned(),
    };
    let email = told(scopes, "email");
    let groups = told(claims, provider.groups_claim.split('.').next().unwrap_or_default());
    vec![
        sight("Discovery", Some(true), "it describes itself under this very issuer"),
        sight("Log-in page", Some(true), metadata.authorization_endpoint().as_str()),
        sight("Tokens", Some(true), metadata.token_endpoint().map_or("", |one| one.as_str())),
        sight("Keys", Some(keys > 0), format!("{keys} that sign")),
        sight("PKCE", pkce, word(pkce, "S256", "it does not take S256")),
        sight(
            "Addresses",
            email,
            word(email, "it knows the scope email", "it does not know the scope email"),
        ),
        sight(
            "Groups",
            // Claims of one's own making are often left out of this list.
            groups.filter(|well| *well),
            word(
                groups,
                "it lists the claim",
                "it does not list the claim; log in once to see whether it comes",
            ),
        ),
        sight(
            "Log-out",
            out.map(|_| true),
            out.unwrap_or("it has no page for it: people are logged out here alone"),
        ),
    ]
}

fn signs(key: &CoreJsonWebKey) -> bool {
    key.key_use().is_none_or(JsonWebKeyUse::allows_signature)
}
