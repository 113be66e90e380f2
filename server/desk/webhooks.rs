//! Webhooks: made, changed, paused, their secrets rotated; messages sent again.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{Refusal, invalid};
use crate::auth::audit::{self, Change};
use crate::auth::{Actor, AuthError, Vault, secrets};
use crate::error::AppError;
use crate::model::{WebhookEvent, WebhookFilter, WebhookForm};
use crate::notify::{Key, Secrets};
use crate::outgoing::{Guard, Zone};
use crate::rules;
use crate::store::webhooks::{self, Webhook, Wish};
use crate::store::{Tx, connections, outbox};

/// Webhooks of a tenant at most.
const MOST: usize = 50;
/// Letters of an address at most.
const LONGEST_URL: usize = 2_000;

/// What a webhook needs of the house: what seals its secrets and where it may lead.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// Seals and opens.
    pub vault: &'a Vault,
    /// Says where messages may go.
    pub guard: &'a Guard,
}

/// What somebody wants of a webhook.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// How messages are written.
    pub form: Option<WebhookForm>,
    /// Where they go; empty leaves it as it is.
    pub url: String,
    /// What is told.
    pub events: Vec<WebhookEvent>,
    /// Of what.
    pub filter: WebhookFilter,
}

fn place(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// An address messages may go to.
fn address(text: &str, guard: &Guard) -> Result<Url, Refusal> {
    let text = text.trim();
    if text.len() > LONGEST_URL {
        return Err(invalid("url", format!("write at most {LONGEST_URL} letters")));
    }
    let url = Url::parse(text).map_err(|_| invalid("url", "write an address that begins with https://"))?;
    guard.check(&url).map_err(|refused| invalid("url", refused.to_string()))?;
    if url.scheme() != "https" && guard.nearest() == Zone::Public {
        return Err(invalid(
            "url",
            "write an address that begins with https://: what is told is not for everybody",
        ));
    }
    Ok(url)
}

async fn wish(
    tx: &mut Tx,
    wanted: &Wanted,
    place: String,
    all: &[Webhook],
    own: Option<Uuid>,
) -> Result<Wish, Refusal> {
    let name = wanted.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 100 || name.contains('\0') {
        return Err(invalid("name", "write 1 to 100 characters"));
    }
    if all.iter().any(|one| one.name == name && Some(one.id) != own) {
        return Err(AppError::Conflict(format!("there is a webhook named {name} already")).into());
    }
    let mut events = wanted.events.clone();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() || events.contains(&WebhookEvent::Test) {
        return Err(invalid("events", "choose at least one event"));
    }
    if let Some(code) = &wanted.filter.control
        && rules::find(code).is_none()
    {
        return Err(invalid("control", format!("there is no control {code:?}")));
    }
    if let Some(id) = wanted.filter.connection
        && connections::get(tx, id).await?.is_none()
    {
        return Err(invalid("connection", "there is no such connection"));
    }
    let form = wanted.form.unwrap_or(WebhookForm::Json);
    Ok(Wish { name, form, place, events, filter: wanted.filter.clone() })
}

fn told(
    name: &str,
    form: WebhookForm,
    place: &str,
    events: &[WebhookEvent],
    filter: &WebhookFilter,
) -> Value {
    json!({ "name": name, "form": form, "place": place, "events": events, "filter": filter })
}

fn of_webhook(one: &Webhook) -> Value {
    told(&one.name, one.form, &one.place, &one.events, &one.filter)
}

fn of_wish(one: &Wish) -> Value {
    told(&one.name, one.form, &one.place, &one.events, &one.filter)
}

pub(super) fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Refusal {
    AppError::Internal(Box::new(cause)).into()
}

pub(super) fn of_auth(fault: AuthError) -> Refusal {
    match fault {
        AuthError::Store(away) => away.into(),
        other => internal(other),
    }
}

async fn seal(
    tx: &mut Tx,
    vault: &Vault,
    id: Uuid,
    plain: &Secrets,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let text = serde_json::to_string(plain).map_err(internal)?;
    secrets::keep(tx, vault, id, &text, now).await.map_err(of_auth)
}

async fn open(tx: &mut Tx, vault: &Vault, id: Uuid) -> Result<Secrets, Refusal> {
    let text = secrets::open(tx, vault, id).await.map_err(of_auth)?;
    serde_json::from_str(&text).map_err(internal)
}

/// Makes a webhook. Returns its id and its signing secret, which is told this once.
pub async fn add(
    tx: &mut Tx,
    actor: &Actor,
    means: Means<'_>,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<(Uuid, String), Refusal> {
    let all = webhooks::list(tx).await?;
    if all.len() >= MOST {
        return Err(AppError::Conflict(format!("there are {MOST} webhooks already")).into());
    }
    let url = address(&wanted.url, means.guard)?;
    let wish = wish(tx, wanted, place(&url), &all, None).await?;
    let plain = Secrets { url: url.into(), key: Key::fresh(&mut rand::rng()), former: None };
    let secret = Uuid::now_v7();
    seal(tx, means.vault, secret, &plain, now).await?;
    let id = webhooks::add(tx, &wish, secret, now).await?;
    let change = Change {
        action: "webhook.made",
        subject: wish.name.clone(),
        before: None,
        after: Some(of_wish(&wish)),
    };
    audit::record(tx, actor, change, now).await?;
    Ok((id, plain.key.tell()))
}

/// Changes a webhook; without an address it keeps the one it has.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    means: Means<'_>,
    webhook: &Webhook,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let mut place_now = webhook.place.clone();
    if !wanted.url.trim().is_empty() {
        let url = address(&wanted.url, means.guard)?;
        place_now = place(&url);
        let plain = open(tx, means.vault, webhook.secret).await?;
        seal(tx, means.vault, webhook.secret, &Secrets { url: url.into(), ..plain }, now).await?;
    }
    let wanted = Wanted { form: wanted.form.or(Some(webhook.form)), ..wanted.clone() };
    let all = webhooks::list(tx).await?;
    let wish = wish(tx, &wanted, place_now, &all, Some(webhook.id)).await?;
    webhooks::change(tx, webhook.id, &wish).await?;
    let change = Change {
        action: "webhook.changed",
        subject: wish.name.clone(),
        before: Some(of_webhook(webhook)),
        after: Some(of_wish(&wish)),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Gives it a new signing secret, told this once; the one before signs beside it for a day.
pub async fn rotate(
    tx: &mut Tx,
    actor: &Actor,
    means: Means<'_>,
    webhook: &Webhook,
    now: DateTime<Utc>,
) -> Result<String, Refusal> {
    let plain = open(tx, means.vault, webhook.secret).await?;
    let anew = Secrets { key: Key::fresh(&mut rand::rng()), former: Some(plain.key), url: plain.url };
    seal(tx, means.vault, webhook.secret, &anew, now).await?;
    webhooks::rotated(tx, webhook.id, now).await?;
    let change =
        Change { action: "webhook.secret_rotated", subject: webhook.name.clone(), ..Change::default() };
    audit::record(tx, actor, change, now).await?;
    Ok(anew.key.tell())
}

/// Tells it nothing more, or tells it again.
pub async fn pause(
    tx: &mut Tx,
    actor: &Actor,
    webhook: &Webhook,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if paused {
        webhooks::pause(tx, webhook.id, None, now).await?;
    } else {
        webhooks::resume(tx, webhook.id, now).await?;
    }
    let action = if paused { "webhook.paused" } else { "webhook.resumed" };
    let change = Change { action, subject: webhook.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Sends it a message that tells of nothing.
pub async fn test(tx: &mut Tx, actor: &Actor, webhook: &Webhook, now: DateTime<Utc>) -> Result<(), Refusal> {
    if webhook.paused_at.is_some() {
        return Err(AppError::Conflict("it is paused: let it be told again first".into()).into());
    }
    outbox::test(tx, webhook.id, now).await?;
    let change = Change { action: "webhook.tested", subject: webhook.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Sends messages again: one, or all that were given up. Returns how many.
pub async fn replay(
    tx: &mut Tx,
    actor: &Actor,
    webhook: &Webhook,
    one: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<u64, Refusal> {
    if webhook.paused_at.is_some() {
        return Err(AppError::Conflict("it is paused: let it be told again first".into()).into());
    }
    if let Some(id) = one
        && outbox::items(tx, webhook.id, id).await?.is_none()
    {
        return Err(AppError::NotFound("this message").into());
    }
    let sent = outbox::replay(tx, webhook.id, one, now).await?;
    let after = Some(json!({ "messages": sent }));
    let change = Change { action: "webhook.replayed", subject: webhook.name.clone(), before: None, after };
    audit::record(tx, actor, change, now).await?;
    Ok(sent)
}

/// Removes it with its secrets and all that was to be told.
pub async fn delete(
    tx: &mut Tx,
    actor: &Actor,
    webhook: &Webhook,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    webhooks::remove(tx, webhook).await?;
    let before = Some(of_webhook(webhook));
    let change = Change { action: "webhook.removed", subject: webhook.name.clone(), before, after: None };
    Ok(audit::record(tx, actor, change, now).await?)
}
