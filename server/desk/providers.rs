//! Providers people log in with: added, changed, given another secret, removed. Nobody lets a provider
//! give more than they may give themselves.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, invalid};
use crate::auth::audit::{self, Change};
use crate::auth::oidc::{self, Envoy, secret_bound};
use crate::auth::{Actor, Vault};
use crate::error::AppError;
use crate::model::{Grants, Role};
use crate::store::people::members;
use crate::store::people::providers::{self, Provider};
use crate::store::{Store, Tx};

/// Providers of a tenant at most.
const MOST: usize = 50;
/// Domains of a provider at most.
const MOST_DOMAINS: usize = 100;

/// A provider as somebody writes it down.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Draft {
    name: String,
    issuer: String,
    client_id: String,
    domains: String,
    groups_claim: String,
    roles: String,
    default_role: String,
}

impl Draft {
    /// The provider it describes, under this id.
    pub fn read(&self, id: Uuid, actor: &Actor, envoy: &Envoy) -> Result<Provider, Refusal> {
        let issuer = self.issuer.trim();
        let url = oidc::issuer(issuer).map_err(|problem| invalid("issuer", problem))?;
        envoy.admits(&url).map_err(|problem| invalid("issuer", problem))?;
        let otherwise = match self.default_role.as_str() {
            "" => None,
            role => Some(role.parse().map_err(|problem: String| invalid("role of everybody else", problem))?),
        };
        let by_group = Grants::parse(&self.roles).map_err(|problem| invalid("roles", problem))?;
        let grants = Grants { by_group, otherwise };
        if grants.most().is_none() {
            return Err(invalid(
                "roles",
                "give at least one group, or everybody else, a role: nobody could come in",
            ));
        }
        may_change(actor, &grants)?;
        Ok(Provider {
            id,
            tenant: actor.tenant,
            name: plain("name", &self.name, 100)?,
            issuer: issuer.to_owned(),
            client_id: plain("client id", &self.client_id, 500)?,
            client_secret: None,
            domains: domains(&self.domains)?,
            groups_claim: plain("groups claim", &self.groups_claim, 200)?,
            grants,
        })
    }
}

fn plain(field: &str, text: &str, most: usize) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > most || text.contains(char::is_control) {
        return Err(invalid(field, format!("write 1 to {most} letters")));
    }
    Ok(text.to_owned())
}

fn domains(text: &str) -> Result<Vec<String>, Refusal> {
    let mut found: Vec<String> = text
        .split([',', ';', '\n', '\r', ' '])
        .map(|one| one.trim().trim_start_matches('@').to_lowercase())
        .filter(|one| !one.is_empty())
        .collect();
    found.sort();
    found.dedup();
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
    };
    let wrong = |one: &&String| one.len() > 253 || !one.contains('.') || !one.split('.').all(part);
    if let Some(one) = found.iter().find(wrong) {
        return Err(invalid("domains", format!("{one:?} is no domain such as example.org")));
    }
    if found.len() > MOST_DOMAINS {
        return Err(invalid("domains", format!("write at most {MOST_DOMAINS}")));
    }
    Ok(found)
}

/// Whoever decides what a provider gives, gives it.
fn may_change(actor: &Actor, grants: &Grants) -> Result<(), Refusal> {
    let own = actor.role.unwrap_or(Role::Viewer);
    match grants.most().filter(|most| !own.may_grant(*most)) {
        Some(most) => {
            let what = format!("decide about a provider that makes somebody {}", most.label().to_lowercase());
            Err(AppError::Forbidden(what).into())
        }
        None => Ok(()),
    }
}

/// A domain leads to one provider, whoever's it is.
async fn are_free(store: &Store, one: &Provider) -> Result<(), Refusal> {
    let mut gate = store.gate().await?;
    match providers::taken(&mut gate, &one.domains, one.id).await?.first() {
        Some(domain) => Err(invalid("domains", format!("{domain} leads to another provider already"))),
        None => Ok(()),
    }
}

fn told(one: &Provider) -> Value {
    json!({
        "issuer": one.issuer, "client_id": one.client_id, "domains": one.domains,
        "groups_claim": one.groups_claim, "roles": one.grants.by_group,
        "default_role": one.grants.otherwise.map(Role::code),
    })
}

fn sealed(vault: &Vault, id: Uuid, secret: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let secret = secret.trim();
    if secret.len() > 4_096 {
        return Err(invalid("client secret", "it has at most 4096 letters"));
    }
    if secret.is_empty() {
        return Ok(None);
    }
    let sealed = vault.seal(secret.as_bytes(), &secret_bound(id));
    sealed.map(Some).map_err(|fault| AppError::Internal(Box::new(fault)).into())
}

/// Adds a provider.
pub async fn add(
    store: &Store,
    actor: &Actor,
    vault: &Vault,
    mut one: Provider,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    are_free(store, &one).await?;
    one.client_secret = sealed(vault, one.id, secret)?;
    let mut tx = store.begin(actor.tenant).await?;
    if providers::list(&mut tx).await?.len() >= MOST {
        return Err(invalid("name", format!("there are {MOST} providers already")));
    }
    if !providers::add(&mut tx, &one, now).await? {
        return Err(invalid(
            "name",
            "there is a provider of this name already; load the page anew to add another",
        ));
    }
    let change =
        Change { action: "provider.added", subject: one.name.clone(), before: None, after: Some(told(&one)) };
    audit::record(&mut tx, actor, change, now).await?;
    Ok(tx.commit().await?)
}

/// Changes a provider. Led elsewhere it has no secret until it is given one anew. What it gave is taken down to what it gives now, and where it is another one,
/// or gives otherwise, its people log in anew.
pub async fn change(store: &Store, actor: &Actor, one: &Provider, now: DateTime<Utc>) -> Result<(), Refusal> {
    are_free(store, one).await?;
    let mut tx = store.begin(actor.tenant).await?;
    let was = known(&mut tx, one.id).await?;
    may_change(actor, &was.grants)?;
    if !providers::change(&mut tx, one).await? {
        return Err(invalid("name", "there is a provider of this name already"));
    }
    if (&was.issuer, &was.client_id) != (&one.issuer, &one.client_id) {
        // The secret was given for another place, and would be sent to this one.
        providers::set_secret(&mut tx, one.id, None).await?;
    }
    if let Some(most) = one.grants.most() {
        members::lower_granted(&mut tx, &one.id.to_string(), most).await?;
    }
    if (&was.issuer, &was.client_id, &was.grants) != (&one.issuer, &one.client_id, &one.grants) {
        providers::end_sessions(&mut tx, one.id).await?;
    }
    let (before, after) = (Some(told(&was)), Some(told(one)));
    let change = Change { action: "provider.changed", subject: one.name.clone(), before, after };
    audit::record(&mut tx, actor, change, now).await?;
    Ok(tx.commit().await?)
}

/// Gives a provider another secret; an empty one makes us a public client there.
pub async fn rotate(
    tx: &mut Tx,
    actor: &Actor,
    vault: &Vault,
    id: Uuid,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let one = known(tx, id).await?;
    may_change(actor, &one.grants)?;
    providers::set_secret(tx, id, sealed(vault, id, secret)?.as_deref()).await?;
    let after = Some(json!({ "has_secret": !secret.trim().is_empty() }));
    let change = Change { action: "provider.secret_changed", subject: one.name, before: None, after };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Removes a provider with the memberships it gave and the sessions begun there.
pub async fn remove(tx: &mut Tx, actor: &Actor, id: Uuid, now: DateTime<Utc>) -> Result<(), Refusal> {
    let one = known(tx, id).await?;
    may_change(actor, &one.grants)?;
    let gone = members::remove_granted(tx, &id.to_string()).await?;
    providers::remove(tx, id).await?;
    let after = Some(json!({ "memberships_ended": gone }));
    let change =
        Change { action: "provider.removed", subject: one.name.clone(), before: Some(told(&one)), after };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// One of the tenant's.
pub async fn known(tx: &mut Tx, id: Uuid) -> Result<Provider, Refusal> {
    Ok(providers::get(tx, id).await?.ok_or(AppError::NotFound("this provider"))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn domains_are_read_however_they_are_parted() {
        assert_eq!(
            domains("@Example.org, b.example\n\nexample.org").expect("two"),
            ["b.example", "example.org"]
        );
        assert!(domains("").expect("none").is_empty());
        for wrong in ["org", "a..b", "exa_mple.org", "https://x.y", "x.y/z", "ä.de", ".de"] {
            assert!(domains(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_as_domains_can_stand_in_an_address(text in "\\PC{0,40}") {
            for one in domains(&text).unwrap_or_default() {
                prop_assert!(crate::auth::setup::address(&format!("ann@{one}")).is_ok(), "{}", one);
            }
        }
    }
}
