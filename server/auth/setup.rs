//! Links that work once: the first owner's set-up, invitations, new passwords.

use chrono::{DateTime, TimeDelta, Utc};

use super::login::canonical;
use super::{AuthError, Secret, password};
use crate::model::{Role, TenantId};
use crate::store::people::{self, Person, links, members};
use crate::store::{Gate, Store, StoreError};

const SETUP_LASTS: TimeDelta = TimeDelta::hours(24);
const INVITATION_LASTS: TimeDelta = TimeDelta::days(7);
const RESET_LASTS: TimeDelta = TimeDelta::hours(1);

/// The link of the first start: none where somebody belongs here already. A link printed before
/// stops working.
pub async fn first_link(
    store: &Store,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Option<Secret>, StoreError> {
    let mut gate = store.gate().await?;
    if members::any(&mut gate).await? {
        return Ok(None);
    }
    links::withdraw(&mut gate, tenant.0, "setup", "").await?;
    let secret = Secret::fresh(&mut rand::rng());
    let link = links::Link {
        purpose: "setup".into(),
        tenant,
        tenant_name: String::new(),
        email: String::new(),
        role: Role::Owner,
    };
    links::add(&mut gate, &secret.hash(), &link, now, now + SETUP_LASTS).await?;
    gate.commit().await?;
    Ok(Some(secret))
}

/// A link for somebody to become a member, or to choose a new password.
pub async fn personal_link(
    store: &Store,
    purpose: Purpose,
    tenant: TenantId,
    email: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<Secret, AuthError> {
    let email = address(email)?;
    let (word, lasts) = match purpose {
        Purpose::Invite => ("invite", INVITATION_LASTS),
        Purpose::Reset => ("reset", RESET_LASTS),
    };
    let mut gate = store.gate().await?;
    links::withdraw(&mut gate, tenant.0, word, &email).await?;
    let secret = Secret::fresh(&mut rand::rng());
    let link = links::Link { purpose: word.into(), tenant, tenant_name: String::new(), email, role };
    links::add(&mut gate, &secret.hash(), &link, now, now + lasts).await?;
    gate.commit().await?;
    Ok(secret)
}

/// What a personal link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To become a member.
    Invite,
    /// To choose a new password.
    Reset,
}

/// What somebody entered behind a link.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Their address; only where the link names none.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// The password they chose.
    pub password: String,
}

/// The link of this secret.
pub async fn link(store: &Store, secret: &Secret, now: DateTime<Utc>) -> Result<links::Link, AuthError> {
    let mut gate = store.gate().await?;
    links::find(&mut gate, &secret.hash(), now).await?.ok_or(AuthError::DeadLink)
}

/// Uses a link up: the person exists afterwards, has the password and belongs to the tenant.
///
/// Whoever made a link has seen it, so an invitation gives no account that is there a password:
/// somebody who has one joins with it, and one who only comes from a provider joins at a provider.
pub async fn accept(
    store: &Store,
    secret: &Secret,
    entry: &Entry,
    now: DateTime<Utc>,
) -> Result<(Person, TenantId), AuthError> {
    let link = link(store, secret, now).await?;
    let email = address(if link.email.is_empty() { &entry.email } else { &link.email })?;
    let name = entry.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(AuthError::Invalid { field: "name", problem: "write 1 to 200 characters".into() });
    }
    let mut gate = store.gate().await?;
    let known = people::by_email(&mut gate, &email).await?;
    drop(gate);
    let hash = if let Some(known) = known.filter(|_| link.purpose == "invite") {
        let Some(hash) = known.password_hash else {
            let problem = "this account logs in at a provider and has no password: a link gives it none";
            return Err(AuthError::Invalid { field: "email", problem: problem.into() });
        };
        if !password::verify(&entry.password, Some(&hash)).await? {
            return Err(AuthError::Mismatch);
        }
        None
    } else {
        password::acceptable(&entry.password, &email)?;
        Some(password::hash(&entry.password, rand::random()).await?)
    };
    let mut gate = store.gate().await?;
    if !links::take(&mut gate, &secret.hash(), now).await? {
        return Err(AuthError::DeadLink);
    }
    let person = whose(&mut gate, &link, &email, name, hash.is_none(), now).await?;
    if let Some(hash) = hash {
        people::set_password(&mut gate, person.id, &hash).await?;
    }
    if link.purpose != "reset" {
        members::join(&mut gate, link.tenant, person.id, link.role, now).await?;
    }
    gate.commit().await?;
    Ok((person, link.tenant))
}

/// Whose link it is, in the transaction that uses it up: what held when it was made may not any more.
async fn whose(
    gate: &mut Gate,
    link: &links::Link,
    email: &str,
    name: &str,
    joins: bool,
    now: DateTime<Utc>,
) -> Result<Person, AuthError> {
    match link.purpose.as_str() {
        "invite" if !joins => people::add(gate, email, name, now).await?.ok_or_else(|| {
            let problem = "an account of this address was made just now; open the link again";
            AuthError::Invalid { field: "email", problem: problem.into() }
        }),
        "setup" => Ok(people::ensure(gate, email, name, now).await?),
        purpose => {
            let person = people::by_email(gate, email).await?.ok_or(AuthError::DeadLink)?;
            let places = members::of_person(gate, person.id).await?;
            // A password opens every tenant of its person, with the role they have there now.
            let alone = matches!(&places[..], [one] if one.tenant == link.tenant && one.role == link.role);
            if purpose == "reset" && !alone { Err(AuthError::DeadLink) } else { Ok(person) }
        }
    }
}

/// An address that mail could be sent to, as it is kept.
pub fn address(email: &str) -> Result<String, AuthError> {
    let email = canonical(email);
    let wrong = |problem: &str| Err(AuthError::Invalid { field: "email", problem: problem.into() });
    let Some((local, domain)) = email.rsplit_once('@') else { return wrong("write it as name@example.org") };
    let plain = |text: &str| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c))
    };
    if !plain(local) || !plain(domain) || email.len() > 254 || local.contains('@') {
        return wrong("write it as name@example.org");
    }
    Ok(email)
}
