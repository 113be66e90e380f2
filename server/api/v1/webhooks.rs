//! Webhooks: who is told of what changes.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Call, known};
use super::super::once::Once;
use super::super::problem::Problem;
use super::super::{Answer, listing, single};
use crate::desk::webhooks::{self as desk, Means, Wanted};
use crate::error::AppError;
use crate::model::{Area, Family, Severity, WebhookEvent, WebhookFilter, WebhookForm};
use crate::store::Tx;
use crate::store::webhooks as store;

/// What a webhook is narrowed to; null is everything.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Narrowed {
    /// This severity or worse.
    severity: Option<Severity>,
    area: Option<Area>,
    family: Option<Family>,
    /// Code of a control.
    #[schema(example = "ACC-02")]
    control: Option<String>,
    /// Id of a connection.
    connection: Option<Uuid>,
}

/// A webhook. Its address and secret are not told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook {
    id: Uuid,
    name: String,
    form: WebhookForm,
    /// Scheme and host of its address.
    #[schema(example = "https://hooks.example.org")]
    place: String,
    events: Vec<WebhookEvent>,
    filter: Narrowed,
    /// Since when it is told nothing.
    paused_at: Option<DateTime<Utc>>,
    /// Why, where nobody asked for it.
    paused_why: Option<String>,
    /// The first failure after the last success.
    failing_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl Webhook {
    fn of(row: store::Webhook) -> Self {
        let filter = row.filter;
        Self {
            id: row.id,
            name: row.name,
            form: row.form,
            place: row.place,
            events: row.events,
            filter: Narrowed {
                severity: filter.severity,
                area: filter.area,
                family: filter.family,
                control: filter.control,
                connection: filter.connection,
            },
            paused_at: row.paused_at,
            paused_why: row.paused_why,
            failing_since: row.failing_since,
            created_at: row.created_at,
        }
    }
}

/// A webhook just made.
#[derive(Debug, Serialize, ToSchema)]
struct MadeWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// The signing secret, told this once.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// A webhook to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// Where messages go.
    #[schema(format = "uri", max_length = 2000, example = "https://hooks.example.org/parallax")]
    url: String,
    #[serde(default = "json")]
    form: WebhookForm,
    #[schema(min_items = 1)]
    events: Vec<WebhookEvent>,
    #[serde(default)]
    filter: Narrowed,
}

const fn json() -> WebhookForm {
    WebhookForm::Json
}

/// A change of a webhook; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookChange {
    #[schema(nullable = false, min_length = 1, max_length = 100, pattern = r"\S")]
    name: Option<String>,
    #[schema(nullable = false, format = "uri", max_length = 2000)]
    url: Option<String>,
    #[schema(nullable = false)]
    form: Option<WebhookForm>,
    #[schema(nullable = false, min_items = 1)]
    events: Option<Vec<WebhookEvent>>,
    /// Replaces the whole filter.
    #[schema(nullable = false)]
    filter: Option<Narrowed>,
    /// Tell it nothing, or tell it again.
    #[schema(nullable = false)]
    paused: Option<bool>,
}

fn filter(narrowed: Narrowed) -> WebhookFilter {
    WebhookFilter {
        severity: narrowed.severity,
        area: narrowed.area,
        family: narrowed.family,
        control: narrowed.control,
        connection: narrowed.connection,
    }
}

/// The webhook of an address.
pub async fn found(tx: &mut Tx, id: &str) -> Result<store::Webhook, Problem> {
    Ok(store::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this webhook"))?)
}

fn means(call: &Call) -> Means<'_> {
    Means { vault: &call.state.vault, guard: &call.state.guard }
}

/// List webhooks
///
/// All of them, by name.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    responses((status = 200, description = "Every webhook.", body = listing::Page<Webhook>)),
)]
pub async fn list(call: Call, uri: Uri) -> Answer {
    let mut tx = call.begin().await?;
    let all = store::list(&mut tx).await?;
    drop(tx);
    listing::whole(&uri, &all.into_iter().map(Webhook::of).collect::<Vec<_>>())
}

/// Read a webhook
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "get_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The webhook.", body = Webhook, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    drop(tx);
    single::answer(&headers, &Webhook::of(row))
}

/// Make a webhook
///
/// The answer tells its signing secret, this once: it is not kept under an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "make_webhook",
    request_body = NewWebhook,
    responses((status = 201, description = "The webhook with its secret.", body = MadeWebhook)),
)]
pub async fn make(call: Call, Sent(sent): Sent<NewWebhook>) -> Answer {
    let wanted = Wanted {
        name: sent.name,
        form: Some(sent.form),
        url: sent.url,
        events: sent.events,
        filter: filter(sent.filter),
    };
    let mut tx = call.begin().await?;
    let (id, secret) = desk::add(&mut tx, &call.actor, means(&call), &wanted, call.now()).await?;
    let webhook = Webhook::of(found(&mut tx, &id.to_string()).await?);
    tx.commit().await?;
    single::changed(StatusCode::CREATED, &MadeWebhook { webhook, secret })
}

/// Change a webhook
#[utoipa::path(
    patch, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "change_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook."),
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what you read: refused where it changed since.")),
    request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now.", body = Webhook, headers(("ETag" = String))),
              (status = 412, description = "It changed since you read it.", body = super::super::problem::Document, content_type = "application/problem+json")),
)]
pub async fn change(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Sent(sent): Sent<WebhookChange>,
) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    single::unchanged(&headers, &Webhook::of(row.clone()))?;
    if let Some(paused) = sent.paused.filter(|paused| *paused != row.paused_at.is_some()) {
        desk::pause(&mut tx, &call.actor, &row, paused, call.now()).await?;
    }
    let named = sent.name.is_some() || sent.url.is_some() || sent.form.is_some();
    if named || sent.events.is_some() || sent.filter.is_some() {
        let wanted = Wanted {
            name: sent.name.unwrap_or_else(|| row.name.clone()),
            form: sent.form,
            url: sent.url.unwrap_or_default(),
            events: sent.events.unwrap_or_else(|| row.events.clone()),
            filter: sent.filter.map_or_else(|| row.filter.clone(), filter),
        };
        desk::change(&mut tx, &call.actor, means(&call), &row, &wanted, call.now()).await?;
    }
    let after = Webhook::of(found(&mut tx, &id).await?);
    tx.commit().await?;
    single::changed(StatusCode::OK, &after)
}

/// Remove a webhook
///
/// Its secrets and everything that waits go with it.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "remove_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    responses((status = 200, description = "The webhook as it was.", body = Webhook)),
)]
pub async fn remove(call: Call, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    desk::delete(&mut tx, &call.actor, &row, call.now()).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &Webhook::of(row))
}

/// A new signing secret.
#[derive(Debug, Serialize, ToSchema)]
struct RotatedSecret {
    /// Told this once. The one before signs beside it for a day.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// Rotate a webhook's secret
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/rotate", tag = "webhooks", operation_id = "rotate_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    responses((status = 200, description = "The new secret.", body = RotatedSecret)),
)]
pub async fn rotate(call: Call, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let secret = desk::rotate(&mut tx, &call.actor, means(&call), &row, call.now()).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &RotatedSecret { secret })
}

/// Send a webhook a test
///
/// Its message goes with the next that go out; `/deliveries` tells what became of it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks", operation_id = "test_webhook",
    params(("id" = Uuid, Path, description = "Id of the webhook."),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    responses((status = 202, description = "The webhook.", body = Webhook)),
)]
pub async fn test(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let once = Once::of(&call, &headers, &format!("tests of {id}"), &())?;
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let row = found(&mut tx, &id).await?;
    desk::test(&mut tx, &call.actor, &row, call.now()).await?;
    once.done(tx, &call, StatusCode::ACCEPTED, &Webhook::of(row)).await
}
