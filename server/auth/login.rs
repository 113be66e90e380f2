//! Logging in with a password, and the second factor after it.

use chrono::{DateTime, Utc};
use tracing::Instrument;

use super::session::{self, Beginning, Visitor};
use super::{AuthError, Secret, Vault, password, throttle, totp};
use crate::store::audit::{self, Deed};
use crate::store::people::{self, Person, members, sessions};
use crate::store::{Gate, Store};
use crate::telemetry::meter;

/// What a log-in came to.
#[derive(Debug)]
pub enum Outcome {
    /// In: the cookie.
    In(Secret),
    /// The password was right, the code is still to come: the cookie until then.
    Code(Secret),
}

/// What binds a person's second factor to them in the vault.
pub fn totp_bound(person: uuid::Uuid) -> String {
    format!("totp:{person}")
}

/// An address as it is kept.
pub fn canonical(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Lets somebody in who knows the password. Whether there is such a person is not told, by word
/// or by time.
pub async fn with_password(
    store: &Store,
    email: &str,
    secret: &str,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<Outcome, AuthError> {
    let email = canonical(email);
    throttle::attempt(store, &email, &visitor.address, now).await?;
    let mut gate = store.gate().await?;
    let person = people::by_email(&mut gate, &email).await?;
    drop(gate);
    let hash = person.as_ref().and_then(|person| person.password_hash.as_deref());
    let right = password::verify(secret, hash).await?;
    let person = match person {
        Some(person) if right => person,
        known => {
            meter::log_in("mismatch");
            // Apart from the answer: how long it takes would tell that there is such a person.
            if let Some(person) = known {
                tokio::spawn(note_apart(store.clone(), person, visitor.clone(), now).in_current_span());
            }
            return Err(AuthError::Mismatch);
        }
    };
    let mut gate = store.gate().await?;
    let beginning =
        Beginning { method: "password".into(), waits_for_totp: person.totp_on, ..Beginning::default() };
    let cookie = session::begin(&mut gate, &person, beginning, visitor, now).await?;
    if person.totp_on {
        gate.commit().await?;
        meter::log_in("code_asked");
        return Ok(Outcome::Code(cookie));
    }
    arrived(&mut gate, &person, now).await?;
    gate.commit().await?;
    noted(store, &person, "login.succeeded", "password", visitor, now).await?;
    Ok(Outcome::In(cookie))
}

/// Lets somebody in whose password was right and who now sends a code, or a recovery code.
/// The cookie is a new one.
pub async fn with_code(
    store: &Store,
    vault: &Vault,
    half: &sessions::Session,
    code: &str,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<Secret, AuthError> {
    throttle::attempt(store, &format!("code:{}", half.email), &visitor.address, now).await?;
    let mut gate = store.gate().await?;
    let person = people::by_id(&mut gate, half.person).await?.ok_or(AuthError::Mismatch)?;
    let how = if code_is_right(&mut gate, vault, &person, code, now).await? {
        "code"
    } else if people::take_recovery(&mut gate, person.id, &totp::recovery_hash(code), now).await? {
        "recovery code"
    } else {
        drop(gate);
        meter::log_in("mismatch");
        noted(store, &person, "login.failed", "code", visitor, now).await?;
        return Err(AuthError::Mismatch);
    };
    sessions::end(&mut gate, person.id, half.id).await?;
    let tenant = half.place.as_ref().map(|(tenant, ..)| *tenant);
    let beginning = Beginning { method: half.method.clone(), tenant, ..Beginning::default() };
    let cookie = session::begin(&mut gate, &person, beginning, visitor, now).await?;
    arrived(&mut gate, &person, now).await?;
    throttle::succeeded(&mut gate, &format!("code:{}", person.email)).await?;
    gate.commit().await?;
    noted(store, &person, "login.succeeded", &format!("password and {how}"), visitor, now).await?;
    Ok(cookie)
}

/// Whether this is the person's code of now, taken once.
pub async fn code_is_right(
    gate: &mut Gate,
    vault: &Vault,
    person: &Person,
    code: &str,
    now: DateTime<Utc>,
) -> Result<bool, AuthError> {
    let Some(sealed) = &person.totp_secret else { return Ok(false) };
    let secret = vault.open(sealed, &totp_bound(person.id))?;
    match totp::step(&secret, code, now) {
        Some(step) => Ok(people::take_step(gate, person.id, step).await?),
        None => Ok(false),
    }
}

async fn arrived(gate: &mut Gate, person: &Person, now: DateTime<Utc>) -> Result<(), AuthError> {
    meter::log_in("in");
    throttle::succeeded(gate, &person.email).await?;
    Ok(people::logged_in(gate, person.id, now).await?)
}

async fn note_apart(store: Store, person: Person, visitor: Visitor, now: DateTime<Utc>) {
    if let Err(fault) = noted(&store, &person, "login.failed", "password", &visitor, now).await {
        tracing::error!(error = &fault as &dyn std::error::Error, "a failed log-in is not on record");
    }
}

/// Puts a log-in on the record of every tenant the person belongs to.
pub async fn noted(
    store: &Store,
    person: &Person,
    action: &str,
    how: &str,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<(), AuthError> {
    let mut gate = store.gate().await?;
    let places = members::of_person(&mut gate, person.id).await?;
    drop(gate);
    for place in places {
        let mut tx = store.begin(place.tenant).await?;
        let deed = Deed {
            actor: format!("person:{}", person.id),
            actor_name: person.email.clone(),
            address: visitor.address.clone(),
            action: action.to_owned(),
            subject: how.to_owned(),
            before: None,
            after: None,
        };
        audit::add(&mut tx, &deed, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
