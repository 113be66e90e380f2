//! The outbox: what webhooks are told, from the transaction of the change until it has arrived.
//!
//! A row is one message to one webhook: everything of one kind that happened to one subject at one
//! moment, however many things that are (`write`). Workers take rows and end them (`take`). What is
//! promised: each message arrives at least once, under one id; messages of one webhook about one
//! subject arrive in the order they happened, unless one was given up or sent again by hand.

mod take;
mod write;

pub use take::{Answer, Ended, Taken, ended, take, whose_turn};
pub use write::test;
pub(in crate::store) use write::{Became, findings, run, tickets};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::pages::Page;
use super::{StoreError, Tx, parsed};
use crate::model::WebhookEvent;

/// Messages that arrived are kept for so long.
const KEPT: TimeDelta = TimeDelta::days(14);
/// Messages that were given up are kept for so long.
const KEPT_DEAD: TimeDelta = TimeDelta::days(60);

/// A message as far as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Its id, the `webhook-id` of every attempt.
    pub id: Uuid,
    /// Its place among all.
    pub seq: i64,
    /// What happened.
    pub event: WebhookEvent,
    /// To what.
    pub subject: String,
    /// When.
    pub at: DateTime<Utc>,
    /// To how many.
    pub count: i64,
    /// `waiting`, `held`, `sent` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried next.
    pub next_try_at: DateTime<Utc>,
    /// When it arrived or was given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Status of the last answer.
    pub status: Option<i32>,
    /// The answer's first letters.
    pub reply: Option<String>,
    /// Why there was no answer.
    pub fault: Option<String>,
}

/// The next `size` messages of a webhook before `before`, the newest first; in one state or all.
pub async fn list(
    tx: &mut Tx,
    webhook: Uuid,
    state: Option<&str>,
    before: Option<i64>,
    size: i64,
) -> Result<Page<Delivery>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id, seq, event, subject, at, count, state, attempts, next_try_at, ended_at, status, reply, fault
         FROM outbox WHERE tenant_id = $1 AND webhook_id = $2 AND ($3::text IS NULL OR state = $3)
           AND ($4::bigint IS NULL OR seq < $4) ORDER BY seq DESC LIMIT $5",
        tenant,
        webhook,
        state,
        before,
        size + 1
    )
    .fetch_all(tx.on())
    .await?;
    let all = rows.into_iter().map(|row| {
        Ok(Delivery {
            id: row.id,
            seq: row.seq,
            event: parsed("outbox", &row.event)?,
            subject: row.subject,
            at: row.at,
            count: row.count,
            state: row.state,
            attempts: row.attempts,
            next_try_at: row.next_try_at,
            ended_at: row.ended_at,
            status: row.status,
            reply: row.reply,
            fault: row.fault,
        })
    });
    Ok(Page::of(all.collect::<Result<Vec<_>, StoreError>>()?, size))
}

/// How a webhook's messages stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that wait, counted up to a thousand.
    pub waiting: i64,
    /// Those that were given up, counted up to a thousand.
    pub dead: i64,
    /// When the last one arrived.
    pub last_sent: Option<DateTime<Utc>>,
}

/// How the messages of one webhook stand.
pub async fn standing(tx: &mut Tx, webhook: Uuid) -> Result<Standing, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM (SELECT FROM outbox WHERE tenant_id = $1 AND webhook_id = $2 AND state IN ('waiting', 'held')
                                   LIMIT 1000) w) AS "waiting!",
            (SELECT count(*) FROM (SELECT FROM outbox WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'dead'
                                   LIMIT 1000) d) AS "dead!",
            (SELECT max(ended_at) FROM outbox WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'sent') AS last_sent"#,
        tenant,
        webhook
    )
    .fetch_one(tx.on())
    .await?;
    Ok(Standing { waiting: row.waiting, dead: row.dead, last_sent: row.last_sent })
}

/// What one message says, with its event; none where the webhook has no such message.
pub async fn items(
    tx: &mut Tx,
    webhook: Uuid,
    id: Uuid,
) -> Result<Option<(WebhookEvent, Value)>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        "SELECT event, items FROM outbox WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3",
        tenant,
        webhook,
        id
    )
    .fetch_optional(tx.on())
    .await?;
    row.map(|row| Ok((parsed("outbox", &row.event)?, row.items))).transpose()
}

/// Sends messages again under their ids: one, or all that were given up. Returns how many.
pub async fn replay(
    tx: &mut Tx,
    webhook: Uuid,
    one: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE outbox SET state = 'waiting', attempts = 0, gathering = false, next_try_at = $4, claimed_until = NULL,
                ended_at = NULL
         WHERE tenant_id = $1 AND webhook_id = $2 AND state IN ('sent', 'dead')
           AND (id = $3 OR ($3::uuid IS NULL AND state = 'dead'))",
        tenant,
        webhook,
        one,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what arrived, and what was given up, long ago.
pub async fn sweep(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "DELETE FROM outbox WHERE tenant_id = $1
           AND ((state = 'sent' AND ended_at < $2) OR (state = 'dead' AND ended_at < $3))",
        tenant,
        now - KEPT,
        now - KEPT_DEAD
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}
