//! What became of the messages of a webhook, and sending them again.

use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Asked, Call};
use super::super::{Answer, listing, single};
use super::webhooks::found;
use crate::desk::webhooks as desk;
use crate::model::WebhookEvent;
use crate::store::outbox;

/// How a message stands.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is sent, or sent again.
    Waiting,
    /// Its webhook is paused.
    Held,
    /// It arrived.
    Sent,
    /// It was given up.
    Dead,
}

impl DeliveryState {
    const fn code(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }
}

/// A message to a webhook as far as it came.
#[derive(Debug, Serialize, ToSchema)]
struct Delivery {
    /// Also its `webhook-id`, behind `msg_` and without dashes.
    id: Uuid,
    event: WebhookEvent,
    /// What it is about: messages about one subject arrive in order.
    #[schema(example = "ticket:0192f0c1-0000-7000-8000-000000000001")]
    subject: String,
    /// When it happened.
    at: DateTime<Utc>,
    /// To how many.
    count: i64,
    /// `waiting`, `held`, `sent` or `dead`.
    state: String,
    attempts: i32,
    /// When it is tried next; null where it is over.
    next_try_at: Option<DateTime<Utc>>,
    /// When it arrived or was given up.
    ended_at: Option<DateTime<Utc>>,
    /// Status of the last answer; null where there was none.
    status: Option<i32>,
    /// The first letters of the last answer.
    reply: Option<String>,
    /// Why there was no answer.
    fault: Option<String>,
}

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    #[param(inline)]
    state: Option<DeliveryState>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
}

/// List a webhook's deliveries
///
/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(("id" = Uuid, Path, description = "Id of the webhook."), Part),
    responses((status = 200, description = "A page of messages.", body = listing::Page<Delivery>)),
)]
pub async fn list(call: Call, uri: Uri, Path(id): Path<String>, Asked(asked): Asked<Part>) -> Answer {
    let (size, before) = (listing::size(asked.limit)?, listing::key::<i64>(asked.cursor.as_deref())?);
    let mut tx = call.begin().await?;
    let webhook = found(&mut tx, &id).await?;
    let state = asked.state.map(DeliveryState::code);
    let page = outbox::list(&mut tx, webhook.id, state, before, size).await?;
    drop(tx);
    let last = page.rows.last().filter(|_| page.more).map(|row| row.seq);
    let delivery = |row: outbox::Delivery| Delivery {
        next_try_at: Some(row.next_try_at).filter(|_| matches!(row.state.as_str(), "waiting" | "held")),
        id: row.id,
        event: row.event,
        subject: row.subject,
        at: row.at,
        count: row.count,
        state: row.state,
        attempts: row.attempts,
        ended_at: row.ended_at,
        status: row.status,
        reply: row.reply,
        fault: row.fault,
    };
    let rows: Vec<Delivery> = page.rows.into_iter().map(delivery).collect();
    listing::answer(&uri, None, &rows, last)
}

/// What to send again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// Id of a message; null for all that were given up.
    message: Option<Uuid>,
}

/// What is sent again.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// How many messages.
    messages: u64,
}

/// Replay a webhook's deliveries
///
/// One message, or all that were given up, under the ids they had; those that wait stay as they are.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_deliveries",
    params(("id" = Uuid, Path, description = "Id of the webhook.")),
    request_body = Replay,
    responses((status = 202, description = "What is sent again.", body = Replayed)),
)]
pub async fn replay(call: Call, Path(id): Path<String>, Sent(sent): Sent<Replay>) -> Answer {
    let mut tx = call.begin().await?;
    let webhook = found(&mut tx, &id).await?;
    let messages = desk::replay(&mut tx, &call.actor, &webhook, sent.message, call.now()).await?;
    tx.commit().await?;
    single::changed(StatusCode::ACCEPTED, &Replayed { messages })
}
