//! Trackers: made, changed, checked, paused, removed; tickets sent to them by hand.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::connections::place;
use super::webhooks::{Means, internal, of_auth};
use super::{Refusal, invalid};
use crate::auth::audit::{self, Change};
use crate::auth::{Actor, secrets};
use crate::error::AppError;
use crate::model::{TrackerKind, TrackerRule, TrackerSpec};
use crate::notify::{self, tracker as api};
use crate::outgoing::Zone;
use crate::store::Tx;
use crate::store::pages::tickets::Ticket;
use crate::store::trackers::{self, Tracker};

/// Trackers of a tenant at most.
const MOST: usize = 20;
/// Nobody who checks one waits longer.
const LONGEST_CHECK: Duration = Duration::from_secs(45);

/// What somebody wants of a tracker.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// How it is reached.
    pub spec: TrackerSpec,
    /// Its token or password; empty keeps the one it has.
    pub secret: String,
    /// Which tickets go there by themselves.
    pub rule: Option<TrackerRule>,
}

fn short(field: &str, text: &str, least: usize, most: usize) -> Result<String, Refusal> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least || length > most || text.chars().any(char::is_control) {
        return Err(invalid(field, format!("write {least} to {most} characters")));
    }
    Ok(text.to_owned())
}

fn checked(means: Means<'_>, spec: &TrackerSpec) -> Result<TrackerSpec, Refusal> {
    let address = short("address", &spec.address, 1, 300)?;
    let url =
        Url::parse(&address).map_err(|_| invalid("address", "write an address that begins with https://"))?;
    means.guard.check(&url).map_err(|refused| invalid("address", refused.to_string()))?;
    if url.scheme() != "https" && means.guard.nearest() == Zone::Public {
        return Err(invalid("address", "write an address that begins with https://: a token goes there"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("address", "write it without a query"));
    }
    let place = short("place", &spec.place, 1, 200)?;
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.' | '/');
    let parts = place.split('/').collect::<Vec<_>>();
    let shape = parts.iter().all(|part| !part.is_empty() && !part.starts_with('.'))
        && parts.len() == if spec.kind == TrackerKind::GitHub { 2 } else { 1 };
    if !place.chars().all(plain) || !shape {
        return Err(invalid(
            "place",
            match spec.kind {
                TrackerKind::Jira => "write a project's key, such as SEC",
                TrackerKind::GitHub => "write owner/repository",
                TrackerKind::ServiceNow => "write a table, such as incident",
            },
        ));
    }
    let login = short("login", &spec.login, 0, 200)?;
    if spec.kind == TrackerKind::Jira && !login.contains('@') {
        return Err(invalid("login", "write the e-mail address the token belongs to"));
    }
    let mut states = spec.states.clone();
    for (field, name) in [
        ("open", &mut states.open),
        ("in_progress", &mut states.in_progress),
        ("done", &mut states.done),
        ("wont_fix", &mut states.wont_fix),
    ] {
        *name = short(field, name, 0, 100)?;
    }
    let issue_type = short("issue_type", &spec.issue_type, 0, 100)?;
    let address = address.trim_end_matches('/').to_owned();
    Ok(TrackerSpec { kind: spec.kind, address, place, login, issue_type, states })
}

fn told(name: &str, spec: &TrackerSpec, rule: Option<&TrackerRule>) -> Value {
    json!({ "name": name, "spec": spec, "rule": rule })
}

/// Makes a tracker, or changes `before`.
pub async fn save(
    tx: &mut Tx,
    actor: &Actor,
    means: Means<'_>,
    before: Option<&Tracker>,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<Uuid, Refusal> {
    let name = short("name", &wanted.name, 1, 60)?;
    let spec = checked(means, &wanted.spec)?;
    let mut rule = wanted.rule.clone();
    if let Some(owner) = rule.as_mut().and_then(|rule| rule.owner.as_mut()) {
        *owner = short("owner", owner, 1, 200)?;
    }
    let all = trackers::list(tx).await?;
    if all.iter().any(|one| one.name == name && Some(one.id) != before.map(|before| before.id)) {
        return Err(AppError::Conflict(format!("there is a tracker named {name} already")).into());
    }
    if before.is_none() && all.len() >= MOST {
        return Err(AppError::Conflict(format!("there are {MOST} trackers already")).into());
    }
    // A token given for one place is not sent to another that somebody typed.
    let moved = before.is_some_and(|before| before.spec.address != spec.address);
    let secret = wanted.secret.trim();
    if secret.is_empty() && (before.is_none() || moved) {
        return Err(invalid("secret", "write the token or password for this address"));
    }
    let id = before.map_or_else(Uuid::now_v7, |before| before.id);
    if !secret.is_empty() {
        let secret = short("secret", secret, 1, 4_000)?;
        secrets::keep(tx, means.vault, id, &secret, now).await.map_err(of_auth)?;
    }
    trackers::save(tx, id, &name, &spec, rule.as_ref(), now).await?;
    let change = Change {
        action: if before.is_some() { "tracker.changed" } else { "tracker.made" },
        subject: name.clone(),
        before: before.map(|before| told(&before.name, &before.spec, before.rule.as_ref())),
        after: Some(told(&name, &spec, rule.as_ref())),
    };
    audit::record(tx, actor, change, now).await?;
    Ok(id)
}

/// Logs in to a tracker and looks at the place: what it says, or why it does not work. The
/// transaction ends before it is asked: whoever answers late holds none of them.
pub async fn check(
    mut tx: Tx,
    means: Means<'_>,
    tracker: &Tracker,
    clock: fn() -> DateTime<Utc>,
) -> Result<Result<String, String>, Refusal> {
    let _place = place()?;
    let secret = secrets::open(&mut tx, means.vault, tracker.secret).await.map_err(of_auth)?;
    tx.commit().await?;
    let client = means.guard.client(notify::PATIENCE).map_err(internal)?;
    let api = match api::open(&tracker.spec, &secret, means.guard, &client, clock) {
        Ok(api) => api,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let late = || Err(format!("it did not answer within {} seconds", LONGEST_CHECK.as_secs()));
    let asked = tokio::time::timeout(LONGEST_CHECK, api.check()).await;
    Ok(asked.map_or_else(|_| late(), |said| said.map_err(|fault| fault.to_string())))
}

/// Says and asks nothing more, or goes on.
pub async fn pause(
    tx: &mut Tx,
    actor: &Actor,
    tracker: &Tracker,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    trackers::pause(tx, tracker.id, paused, now).await?;
    let action = if paused { "tracker.paused" } else { "tracker.resumed" };
    let change = Change { action, subject: tracker.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Removes a tracker; its issues stay where they are.
pub async fn delete(
    tx: &mut Tx,
    actor: &Actor,
    tracker: &Tracker,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    trackers::remove(tx, tracker).await?;
    let before = Some(told(&tracker.name, &tracker.spec, tracker.rule.as_ref()));
    let change = Change { action: "tracker.removed", subject: tracker.name.clone(), before, after: None };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Sends a ticket to a tracker; one that is there already stays.
pub async fn send(
    tx: &mut Tx,
    actor: &Actor,
    ticket: &Ticket,
    tracker: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let found = trackers::get(tx, tracker).await?.ok_or(AppError::NotFound("this tracker"))?;
    if trackers::send(tx, found.id, &[ticket.id], now).await? == 0 {
        return Ok(());
    }
    let after = Some(json!({ "tracker": found.name }));
    let subject = format!("#{}", ticket.number);
    let change = Change { action: "ticket.sent_to_tracker", subject, before: None, after };
    Ok(audit::record(tx, actor, change, now).await?)
}
