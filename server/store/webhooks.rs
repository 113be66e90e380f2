//! Webhooks: who is told of what. Addresses and signing secrets are sealed, in `secrets`.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{StoreError, Tx, parsed, secrets, to_json};
use crate::model::{WebhookEvent, WebhookFilter, WebhookForm};

/// A webhook, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How messages to it are written.
    pub form: WebhookForm,
    /// Scheme and host of its address.
    pub place: String,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// Of what.
    pub filter: WebhookFilter,
    /// Under which its address and signing secrets are sealed.
    pub secret: Uuid,
    /// When its signing secret last changed, if it did.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Since when it is told nothing.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why, where we paused it ourselves.
    pub paused_why: Option<String>,
    /// The first failure after the last success.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    name: String,
    form: String,
    place: String,
    events: Vec<String>,
    filter: Value,
    secret_id: Uuid,
    rotated_at: Option<DateTime<Utc>>,
    paused_at: Option<DateTime<Utc>>,
    paused_why: Option<String>,
    failing_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Webhook {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            form: parsed("webhooks", &row.form)?,
            place: row.place,
            events: row.events.iter().map(|event| parsed("webhooks", event)).collect::<Result<_, _>>()?,
            filter: read_filter(row.filter)?,
            secret: row.secret_id,
            rotated_at: row.rotated_at,
            paused_at: row.paused_at,
            paused_why: row.paused_why,
            failing_since: row.failing_since,
            created_at: row.created_at,
        })
    }
}

fn read_filter(value: Value) -> Result<WebhookFilter, StoreError> {
    serde_json::from_value(value)
        .map_err(|fault| StoreError::Inconsistent { table: "webhooks", problem: fault.to_string() })
}

/// Every webhook, by name, at most 200.
pub async fn list(tx: &mut Tx) -> Result<Vec<Webhook>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, name, form, place, events, filter, secret_id, rotated_at, paused_at, paused_why, failing_since,
                created_at
         FROM webhooks WHERE tenant_id = $1 ORDER BY name LIMIT 200",
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(Webhook::try_from).collect()
}

/// The webhook with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Webhook>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|one| one.id == id))
}

/// One that wants to know: its id, the events among those asked for that it wants, and its filter.
#[derive(Debug, Clone)]
pub(in crate::store) struct Wanting {
    pub(in crate::store) webhook: Uuid,
    pub(in crate::store) events: Vec<WebhookEvent>,
    pub(in crate::store) filter: WebhookFilter,
}

/// Who wants to know of any of these events and is not paused. The one question a change costs where
/// nobody does.
pub(in crate::store) async fn wanting(
    tx: &mut Tx,
    events: &[WebhookEvent],
) -> Result<Vec<Wanting>, StoreError> {
    let tenant = tx.tenant().0;
    let codes: Vec<String> = events.iter().map(|event| event.code().to_owned()).collect();
    let rows = sqlx::query!(
        "SELECT id, events, filter FROM webhooks
         WHERE tenant_id = $1 AND paused_at IS NULL AND events && $2 ORDER BY id LIMIT 200",
        tenant,
        &codes
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let wanted = row.events.iter().filter_map(|code| WebhookEvent::from_str(code).ok());
            Ok(Wanting {
                webhook: row.id,
                events: wanted.filter(|event| events.contains(event)).collect(),
                filter: read_filter(row.filter)?,
            })
        })
        .collect()
}

/// What somebody says of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// How messages to it are written.
    pub form: WebhookForm,
    /// Scheme and host of its address.
    pub place: String,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// Of what.
    pub filter: WebhookFilter,
}

fn codes(wish: &Wish) -> Vec<String> {
    wish.events.iter().map(|event| event.code().to_owned()).collect()
}

/// Makes a webhook whose secrets are sealed under `secret`.
pub async fn add(tx: &mut Tx, wish: &Wish, secret: Uuid, now: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let (tenant, id) = (tx.tenant().0, Uuid::now_v7());
    sqlx::query!(
        "INSERT INTO webhooks (tenant_id, id, name, form, place, events, filter, secret_id, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        tenant,
        id,
        wish.name,
        wish.form.code(),
        wish.place,
        &codes(wish),
        to_json("webhooks", &wish.filter)?,
        secret,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(id)
}

/// Changes what is told to whom; what waits already goes out as it is.
pub async fn change(tx: &mut Tx, id: Uuid, wish: &Wish) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE webhooks SET name = $3, form = $4, place = $5, events = $6, filter = $7
         WHERE tenant_id = $1 AND id = $2",
        tenant,
        id,
        wish.name,
        wish.form.code(),
        wish.place,
        &codes(wish),
        to_json("webhooks", &wish.filter)?
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Tells it nothing more from now on and holds back what waits; `why` where nobody asked for it.
/// False where it is paused already.
pub async fn pause(tx: &mut Tx, id: Uuid, why: Option<&str>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE webhooks SET paused_at = $3, paused_why = $4
         WHERE tenant_id = $1 AND id = $2 AND paused_at IS NULL",
        tenant,
        id,
        now,
        why
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "UPDATE outbox SET state = 'held' WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'",
        tenant,
        id
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Lets it be told again; what was held back goes out at once.
pub async fn resume(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE webhooks SET paused_at = NULL, paused_why = NULL, failing_since = NULL
         WHERE tenant_id = $1 AND id = $2",
        tenant,
        id
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "UPDATE outbox SET state = 'waiting', next_try_at = $3
         WHERE tenant_id = $1 AND webhook_id = $2 AND state IN ('waiting', 'held')",
        tenant,
        id,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes that its signing secret changed.
pub async fn rotated(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!("UPDATE webhooks SET rotated_at = $3 WHERE tenant_id = $1 AND id = $2", tenant, id, now)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Notes whether it took the last message: since when it has not.
pub async fn took(tx: &mut Tx, id: Uuid, well: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    // Written only where it changes something: a thousand messages that go well touch it once.
    sqlx::query!(
        "UPDATE webhooks SET failing_since = CASE WHEN $3 THEN NULL ELSE $4::timestamptz END
         WHERE tenant_id = $1 AND id = $2 AND (failing_since IS NULL) <> $3",
        tenant,
        id,
        well,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Removes a webhook with its secrets and all that was to be told.
pub async fn remove(tx: &mut Tx, webhook: &Webhook) -> Result<(), StoreError> {
    secrets::remove(tx, webhook.secret).await?;
    Ok(())
}
