//! Who somebody at a provider may be here: the rules, without carrying them out.
//!
//! A provider's tenant chose it and wrote its issuer down, so it is believed for that tenant and for
//! nothing else. It never opens an account that opens more than this tenant, and never one that is
//! more here than it may give.

use super::OidcFault;
use super::claims::Stranger;
use crate::auth::setup;
use crate::model::Role;
use crate::store::people::members::Membership;
use crate::store::people::providers::Provider;

/// The address this provider vouches for.
pub(super) fn vouched(provider: &Provider, stranger: &Stranger) -> Result<String, OidcFault> {
    let name = &provider.name;
    let Some(email) = stranger.email.as_deref().and_then(|email| setup::address(email).ok()) else {
        return Err(OidcFault::Refused(format!("{name} gave no mail address of yours")));
    };
    if !stranger.verified {
        return Err(OidcFault::Refused(format!("{name} has not verified that {email} is yours")));
    }
    if !provider.domains.is_empty() && !speaks_for(provider, &email) {
        return Err(OidcFault::Refused(format!("{name} does not speak for the domain of {email}")));
    }
    Ok(email)
}

fn speaks_for(provider: &Provider, email: &str) -> bool {
    email.rsplit_once('@').is_some_and(|(_, domain)| provider.domains.iter().any(|one| one == domain))
}

/// Whether a provider's word about an address opens the account that has it already.
pub(super) fn may_link(provider: &Provider, email: &str, places: &[Membership]) -> Result<(), OidcFault> {
    if !speaks_for(provider, email) {
        return Err(OidcFault::Refused(format!(
            "there is an account of {email} already, and {} is not set up to speak for its domain; log in with its password",
            provider.name
        )));
    }
    if places.iter().any(|place| place.tenant != provider.tenant) {
        return Err(OidcFault::Refused(format!(
            "the account of {email} opens other organisations too, for which {} does not speak; log in with its password",
            provider.name
        )));
    }
    Ok(())
}

/// What a log-in does to somebody's membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is as it should be, or a person's to change.
    Keep,
    /// The provider gives this role.
    Give(Role),
}

/// Why somebody does not come in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) told: String,
    /// What the provider once gave is taken away.
    pub(super) loses: bool,
}

/// What becomes of somebody in these groups who is `present` here.
pub(super) fn step(
    provider: &Provider,
    present: Option<&(Role, String)>,
    groups: &[String],
) -> Result<Step, Refusal> {
    let (name, own) = (&provider.name, provider.id.to_string());
    let gives = provider.grants.role(groups);
    match present {
        Some((role, by)) if by.is_empty() => {
            // A smaller role is a greater one.
            if provider.grants.most().is_some_and(|most| most <= *role) {
                return Ok(Step::Keep);
            }
            let role = role.label().to_lowercase();
            let told =
                format!("you are {role} here, which is more than {name} may give; log in with your password");
            Err(Refusal { told, loses: false })
        }
        Some((role, by)) if *by == own && gives == Some(*role) => Ok(Step::Keep),
        present => gives.map(Step::Give).ok_or_else(|| Refusal {
            told: format!(
                "{name} knows you, and none of your groups there gives you a role here; ask an admin"
            ),
            loses: present.is_some_and(|(_, by)| *by == own),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Grants, TenantId};
    use uuid::Uuid;

    fn provider() -> Provider {
        let by_group = Grants::parse("security = admin\nreaders = viewer").expect("groups");
        Provider {
            id: Uuid::from_u128(7),
            tenant: TenantId(Uuid::from_u128(1)),
            name: "Acme".into(),
            issuer: "https://login.example.org".into(),
            client_id: "parallax".into(),
            client_secret: None,
            domains: vec!["example.org".into()],
            groups_claim: "groups".into(),
            grants: Grants { by_group, otherwise: None },
        }
    }

    fn stranger(email: &str, verified: bool) -> Stranger {
        Stranger { subject: "1".into(), email: Some(email.into()), verified, ..Stranger::default() }
    }

    fn told(outcome: Result<impl std::fmt::Debug, OidcFault>) -> String {
        outcome.expect_err("refused").to_string()
    }

    #[test]
    fn an_address_counts_only_verified_and_of_a_domain_of_the_provider() {
        let provider = provider();
        assert_eq!(
            vouched(&provider, &stranger("ann@example.org", true)).expect("vouched"),
            "ann@example.org"
        );
        assert!(told(vouched(&provider, &stranger("ann@example.org", false))).contains("not verified"));
        for foreign in ["ann@example.com", "ann@sub.example.org", "ann@example.org.evil"] {
            assert!(
                told(vouched(&provider, &stranger(foreign, true))).contains("does not speak"),
                "{foreign}"
            );
        }
        assert!(told(vouched(&provider, &stranger("nobody", true))).contains("no mail address"));
        let open = Provider { domains: Vec::new(), ..provider };
        assert!(vouched(&open, &stranger("ann@example.com", true)).is_ok(), "somebody new may have any");
        assert!(told(may_link(&open, "ann@example.com", &[])).contains("already"), "and takes over nobody's");
    }

    #[test]
    fn an_account_that_opens_more_than_this_tenant_is_not_opened() {
        let place = |tenant| Membership { tenant, name: "x".into(), role: Role::Viewer };
        let (own, other) = (provider().tenant, TenantId(Uuid::from_u128(2)));
        assert!(may_link(&provider(), "ann@example.org", &[place(own)]).is_ok());
        assert!(may_link(&provider(), "ann@example.org", &[]).is_ok());
        assert!(
            told(may_link(&provider(), "ann@example.org", &[place(own), place(other)])).contains("other")
        );
    }

    #[test]
    fn groups_give_change_and_take_and_touch_nothing_of_a_persons() {
        let (one, groups) =
            (provider(), |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let by_it = |role| (role, one.id.to_string());
        let by_hand = |role| (role, String::new());
        let reader = groups(&["readers"]);
        assert_eq!(step(&one, None, &reader), Ok(Step::Give(Role::Viewer)));
        assert_eq!(step(&one, Some(&by_it(Role::Admin)), &reader), Ok(Step::Give(Role::Viewer)));
        assert_eq!(step(&one, Some(&by_it(Role::Viewer)), &reader), Ok(Step::Keep));
        assert!(step(&one, Some(&by_it(Role::Viewer)), &[]).expect_err("out").loses);
        let other = (Role::Viewer, Uuid::from_u128(8).to_string());
        assert!(
            !step(&one, Some(&other), &[]).expect_err("out").loses,
            "another provider's is not its to take"
        );
        assert_eq!(step(&one, Some(&other), &groups(&["security"])), Ok(Step::Give(Role::Admin)));
        assert!(!step(&one, None, &[]).expect_err("out").loses);
        for role in [Role::Admin, Role::Analyst, Role::Viewer] {
            assert_eq!(step(&one, Some(&by_hand(role)), &[]), Ok(Step::Keep), "{role}");
        }
        let above = step(&one, Some(&by_hand(Role::Owner)), &groups(&["security"])).expect_err("above");
        assert!(above.told.contains("more than Acme may give") && !above.loses);
    }
}
