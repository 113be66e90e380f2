//! What a believed token says of somebody, in our words.

use std::collections::BTreeMap;

use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, StandardClaims};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounded;

/// Groups looked at; more are nobody's.
const MOST_GROUPS: usize = 5_000;

/// Every claim that is not a standard one.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(super) struct Further(BTreeMap<String, Value>);

impl AdditionalClaims for Further {}

/// Somebody as the provider knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stranger {
    /// Who they are there, for ever.
    pub subject: String,
    /// Their address as it says, in our spelling.
    pub email: Option<String>,
    /// It made sure that the address is theirs.
    pub verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// The groups they are in; none where it did not say.
    pub groups: Option<Vec<String>>,
}

impl Stranger {
    /// What standard and further claims say; `claim` names the groups.
    pub(super) fn of(standard: &StandardClaims<CoreGenderClaim>, further: &Further, claim: &str) -> Self {
        let name = standard.name().and_then(|names| names.get(None)).map(|name| name.as_str());
        let name = name.or_else(|| standard.preferred_username().map(|name| name.as_str()));
        Self {
            subject: standard.subject().as_str().to_owned(),
            email: standard.email().map(|email| super::super::login::canonical(email.as_str())),
            verified: standard.email_verified().unwrap_or_else(|| owner_verified(further)),
            name: name.map(|name| bounded(name.trim(), 200)).filter(|name| !name.is_empty()),
            groups: groups(&further.0, claim),
        }
    }

    /// Whether something is missing that another source may tell.
    pub(super) fn is_silent(&self) -> bool {
        self.email.is_none() || !self.verified || self.groups.is_none()
    }

    /// With what another source says where this one is silent. An address goes with its own
    /// verification: one source's word for another's address would be nobody's.
    pub(super) fn or(self, other: Self) -> Self {
        let same = self.email.is_none() || self.email == other.email;
        let verified = self.verified || (same && other.verified);
        let email = self.email.or(other.email);
        Self {
            subject: self.subject,
            email,
            verified,
            name: self.name.or(other.name),
            groups: self.groups.or(other.groups),
        }
    }
}

/// Microsoft sends no `email_verified`; its optional claim `xms_edov` says that the address's domain
/// belongs to the organisation.
fn owner_verified(further: &Further) -> bool {
    match further.0.get("xms_edov") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::Number(number)) => number.as_i64() == Some(1),
        Some(Value::String(text)) => matches!(text.as_str(), "1" | "true"),
        _ => false,
    }
}

/// The groups under `claim`: its name as it is, or a way of dots into what it holds.
fn groups(claims: &BTreeMap<String, Value>, claim: &str) -> Option<Vec<String>> {
    let found = claims.get(claim).or_else(|| {
        let mut steps = claim.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    })?;
    match found {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(all) => {
            Some(all.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str, claim: &str) -> Stranger {
        let further: Further = serde_json::from_str(json).expect("claims");
        let standard: StandardClaims<CoreGenderClaim> = serde_json::from_str(json).expect("claims");
        Stranger::of(&standard, &further, claim)
    }

    #[test]
    fn claims_are_read_as_providers_send_them() {
        let one = read(
            r#"{ "sub": "1", "email": " Ann@Example.ORG", "email_verified": "true", "name": "Ann",
                            "groups": ["a", 7, "b"] }"#,
            "groups",
        );
        assert_eq!(one.email.as_deref(), Some("ann@example.org"));
        assert!(one.verified && one.groups == Some(vec!["a".into(), "b".into()]));
        let deep = read(
            r#"{ "sub": "1", "realm_access": { "roles": ["r"] }, "a.b": "plain" }"#,
            "realm_access.roles",
        );
        assert_eq!(deep.groups, Some(vec!["r".into()]));
        assert!(!deep.verified);
        assert_eq!(read(r#"{ "sub": "1", "a.b": "plain" }"#, "a.b").groups, Some(vec!["plain".into()]));
        assert_eq!(read(r#"{ "sub": "1", "groups": { "a": 1 } }"#, "groups").groups, None);
    }

    #[test]
    fn an_address_is_verified_only_where_its_own_source_says_so() {
        assert!(!read(r#"{ "sub": "1", "email": "a@b.c" }"#, "g").verified);
        assert!(
            !read(r#"{ "sub": "1", "email": "a@b.c", "email_verified": false, "xms_edov": true }"#, "g")
                .verified
        );
        assert!(read(r#"{ "sub": "1", "email": "a@b.c", "xms_edov": "1" }"#, "g").verified);
        let token = read(r#"{ "sub": "1", "email": "a@b.c" }"#, "g");
        let more = read(r#"{ "sub": "1", "email": "other@b.c", "email_verified": true, "g": ["x"] }"#, "g");
        let both = token.clone().or(more.clone());
        assert!(both.email.as_deref() == Some("a@b.c") && !both.verified && both.groups.is_some());
        let same = token.or(Stranger { email: Some("a@b.c".into()), ..more });
        assert!(same.verified && !same.is_silent());
    }

    proptest! {
        #[test]
        fn no_claim_breaks_the_reading(value in "[\\[\\]{}\",:0-9a-z.]{0,40}", claim in "[a-z.]{0,8}") {
            if let Ok(Value::Object(map)) = serde_json::from_str(&value) {
                let _ = groups(&map.into_iter().collect(), &claim);
            }
        }
    }
}
