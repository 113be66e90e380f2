//! Somebody comes from a provider: found or made, given the role that is theirs, let in, on record.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::admit::{Refusal, Step, may_link, step, vouched};
use super::claims::Stranger;
use super::flow::Came;
use super::{OidcFault, Porter};
use crate::auth::Secret;
use crate::auth::session::{self, Beginning, Visitor};
use crate::model::Role;
use crate::store::audit::{self, Deed};
use crate::store::people::members;
use crate::store::people::providers::{self, Provider};
use crate::store::people::{self, Person};
use crate::store::{StoreError, Tx};

/// A longer token makes an address no server takes; without it the provider asks before logging out.
const LONGEST_TOKEN: usize = 6 * 1024;

/// Lets in whom the provider let in, if they may. Returns their cookie.
pub(super) async fn arrive(
    porter: Porter<'_>,
    provider: &Provider,
    came: &Came,
    visitor: &Visitor,
) -> Result<Secret, OidcFault> {
    let (stranger, now) = (&came.stranger, porter.now);
    let known = whom(porter, provider, stranger).await?;
    let mut tx = porter.store.begin(provider.tenant).await?;
    let present = match &known {
        Some(known) => members::standing(&mut tx, known.person.id).await?,
        None => None,
    };
    if present.is_none() && known.as_ref().is_some_and(|known| known.by_id) {
        // Known by what another tenant's provider of the same issuer said: new here all the same.
        vouched(provider, stranger)?;
    }
    let step = step(provider, present.as_ref(), stranger.groups.as_deref().unwrap_or_default());
    let step = match step {
        Ok(step) => step,
        Err(Refusal { told, loses }) => {
            if let (true, Some(known), Some((was, _))) = (loses, &known, present) {
                members::remove(&mut tx, known.person.id).await?;
                let turn = ("member.removed", Some(was), None);
                note(&mut tx, provider, &known.person, turn, visitor, now).await?;
                tx.commit().await?;
            }
            return Err(OidcFault::Refused(told));
        }
    };
    drop(tx);
    let person = match known {
        Some(Known { person, by_id: true }) => person,
        Some(Known { person, .. }) => {
            let mut gate = porter.store.gate().await?;
            if present.is_none() {
                // Whoever made this account proved nothing of its address, and may not keep a way in.
                people::start_over(&mut gate, person.id).await?;
            }
            people::add_identity(&mut gate, &provider.issuer, &stranger.subject, person.id, now).await?;
            gate.commit().await?;
            person
        }
        None => newcomer(porter, provider, stranger).await?,
    };
    settle(porter, provider, &person, step, visitor).await?;
    begin(porter, provider, &person, &came.id_token, visitor).await
}

/// Somebody who is known here already.
struct Known {
    person: Person,
    /// By the provider's own id for them; otherwise by their address, and that id is still to be noted.
    by_id: bool,
}

/// The person of this stranger, where one is and may be; none for somebody new.
async fn whom(
    porter: Porter<'_>,
    provider: &Provider,
    stranger: &Stranger,
) -> Result<Option<Known>, OidcFault> {
    let mut gate = porter.store.gate().await?;
    if let Some(person) = people::by_identity(&mut gate, &provider.issuer, &stranger.subject).await? {
        return Ok(Some(Known { person, by_id: true }));
    }
    let email = vouched(provider, stranger)?;
    let Some(person) = people::by_email(&mut gate, &email).await? else { return Ok(None) };
    let places = members::of_person(&mut gate, person.id).await?;
    may_link(provider, &email, &places)?;
    Ok(Some(Known { person, by_id: false }))
}

/// Somebody nobody knew.
async fn newcomer(porter: Porter<'_>, provider: &Provider, stranger: &Stranger) -> Result<Person, OidcFault> {
    let email = vouched(provider, stranger)?;
    let name = stranger.name.as_deref().unwrap_or_else(|| email.split('@').next().unwrap_or("somebody"));
    let mut gate = porter.store.gate().await?;
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    if providers::of_domain(&mut gate, domain).await?.iter().any(|other| *other != provider.id) {
        // Or one tenant could take the addresses of another's people before they come.
        let told = format!("{} does not speak for the domain of {email}", provider.name);
        return Err(OidcFault::Refused(told));
    }
    let again = || OidcFault::Refused("two log-ins met; log in again".to_owned());
    let person = people::add(&mut gate, &email, name, porter.now).await?.ok_or_else(again)?;
    people::add_identity(&mut gate, &provider.issuer, &stranger.subject, person.id, porter.now).await?;
    gate.commit().await?;
    Ok(person)
}

/// Gives the role, if one is to be given.
async fn settle(
    porter: Porter<'_>,
    provider: &Provider,
    person: &Person,
    step: Step,
    visitor: &Visitor,
) -> Result<(), OidcFault> {
    let Step::Give(role) = step else { return Ok(()) };
    let mut tx = porter.store.begin(provider.tenant).await?;
    let was = members::standing(&mut tx, person.id).await?;
    if was.as_ref().is_some_and(|(_, by)| by.is_empty()) {
        return Err(OidcFault::Refused("your role was changed just now; log in again".to_owned()));
    }
    members::set(&mut tx, person.id, role, &provider.id.to_string(), porter.now).await?;
    let was = was.map(|(role, _)| role);
    if was != Some(role) {
        let action = if was.is_some() { "member.role_changed" } else { "member.added" };
        note(&mut tx, provider, person, (action, was, Some(role)), visitor, porter.now).await?;
    }
    Ok(tx.commit().await?)
}

/// Begins the session, and puts the log-in on record.
async fn begin(
    porter: Porter<'_>,
    provider: &Provider,
    person: &Person,
    id_token: &str,
    visitor: &Visitor,
) -> Result<Secret, OidcFault> {
    let hint = (id_token.len() <= LONGEST_TOKEN).then_some(id_token);
    let hint = hint
        .map(|token| porter.vault.seal(token.as_bytes(), &super::leave::bound(provider.id)))
        .transpose()?;
    let beginning = Beginning {
        method: provider.name.clone(),
        tenant: Some(provider.tenant),
        provider: Some(provider.id),
        id_token: hint,
        ..Beginning::default()
    };
    let mut gate = porter.store.gate().await?;
    let cookie = session::begin(&mut gate, person, beginning, visitor, porter.now).await?;
    people::logged_in(&mut gate, person.id, porter.now).await?;
    gate.commit().await?;
    let mut tx = porter.store.begin(provider.tenant).await?;
    let deed = Deed {
        actor: format!("person:{}", person.id),
        actor_name: person.email.clone(),
        address: visitor.address.clone(),
        action: "login.succeeded".to_owned(),
        subject: provider.name.clone(),
        before: None,
        after: None,
    };
    audit::add(&mut tx, &deed, porter.now).await?;
    tx.commit().await?;
    Ok(cookie)
}

/// Puts on record what a provider did to a membership.
async fn note(
    tx: &mut Tx,
    provider: &Provider,
    person: &Person,
    (action, was, becomes): (&str, Option<Role>, Option<Role>),
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let told = |role: Option<Role>| role.map(|role| json!({ "role": role.code(), "by": provider.name }));
    let deed = Deed {
        actor: format!("provider:{}", provider.id),
        actor_name: provider.name.clone(),
        address: visitor.address.clone(),
        action: action.to_owned(),
        subject: person.email.clone(),
        before: told(was),
        after: told(becomes),
    };
    audit::add(tx, &deed, now).await
}
