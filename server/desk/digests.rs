//! Digests: made, changed, held back; people put on the list and taken off.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Refusal, invalid};
use crate::auth::audit::{self, Change};
use crate::auth::{Actor, Secret};
use crate::queue::Schedule;
use crate::store::Tx;
use crate::store::digests::{self, Digest};
use crate::store::people::members;

/// Digests of a tenant at most.
const MOST: usize = 100;
/// Recipients of a digest at most.
const MOST_RECIPIENTS: usize = 200;

/// Makes a digest, or changes the one of this name.
pub async fn save(
    tx: &mut Tx,
    actor: &Actor,
    name: &str,
    schedule: &Schedule,
    heartbeat: bool,
    now: DateTime<Utc>,
) -> Result<uuid::Uuid, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.contains('\0') {
        return Err(invalid("name", "write 1 to 100 characters"));
    }
    let all = digests::list(tx).await?;
    let before = all.iter().find(|one| one.name == name);
    if before.is_none() && all.len() >= MOST {
        return Err(invalid("name", format!("there are {MOST} digests already")));
    }
    let told = |schedule: &Schedule, heartbeat: bool| json!({ "schedule": schedule.words(), "heartbeat": heartbeat });
    let change = Change {
        action: if before.is_some() { "digest.changed" } else { "digest.made" },
        subject: name.to_owned(),
        before: before.map(|one| told(&one.schedule, one.heartbeat)),
        after: Some(told(schedule, heartbeat)),
    };
    let id = digests::save(tx, name, schedule, heartbeat, now).await?;
    audit::record(tx, actor, change, now).await?;
    Ok(id)
}

/// Puts addresses on the list; one that is a member's follows their membership.
pub async fn add(
    tx: &mut Tx,
    actor: &Actor,
    digest: &Digest,
    addresses: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let wanted: Vec<String> = addresses
        .split([',', ';', '\n', '\r', ' '])
        .map(|one| one.trim().to_lowercase())
        .filter(|one| !one.is_empty())
        .collect();
    if wanted.is_empty() {
        return Err(invalid("addresses", "write at least one"));
    }
    for one in &wanted {
        if one.len() > 254 || one.parse::<lettre::Address>().is_err() {
            return Err(invalid("addresses", format!("{one:?} is no mail address")));
        }
    }
    let there = digests::recipients(tx, digest.id).await?.len();
    if there + wanted.len() > MOST_RECIPIENTS {
        return Err(invalid("addresses", format!("a digest goes to at most {MOST_RECIPIENTS}")));
    }
    let people = members::list(tx).await?;
    for email in &wanted {
        let person = people.iter().find(|one| one.email == *email).map(|one| one.person);
        let word = Secret::fresh(&mut rand::rng());
        digests::add_recipient(tx, digest.id, email, person, word.tell()).await?;
    }
    let after = Some(json!({ "added": wanted }));
    let change =
        Change { action: "digest.recipients_added", subject: digest.name.clone(), before: None, after };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Takes somebody off the list.
pub async fn remove(
    tx: &mut Tx,
    actor: &Actor,
    digest: &Digest,
    recipient: uuid::Uuid,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let found = digests::recipients(tx, digest.id).await?.into_iter().find(|one| one.id == recipient);
    let Some(found) = found else {
        return Err(crate::error::AppError::NotFound("this recipient").into());
    };
    digests::remove_recipient(tx, digest.id, recipient).await?;
    let before = Some(json!({ "address": found.email }));
    let change =
        Change { action: "digest.recipient_removed", subject: digest.name.clone(), before, after: None };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Holds a digest back, or lets it come again.
pub async fn pause(
    tx: &mut Tx,
    actor: &Actor,
    digest: &Digest,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    digests::pause(tx, digest, paused, now).await?;
    let action = if paused { "digest.paused" } else { "digest.resumed" };
    let change = Change { action, subject: digest.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Removes a digest with its list.
pub async fn delete(tx: &mut Tx, actor: &Actor, digest: &Digest, now: DateTime<Utc>) -> Result<(), Refusal> {
    digests::remove(tx, digest.id).await?;
    let change = Change { action: "digest.removed", subject: digest.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}
