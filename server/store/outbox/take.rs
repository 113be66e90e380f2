//! Messages on their way: taken by one worker at a time, ended once.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{StoreError, Tx, parsed};
use crate::model::{Message, TenantId, Told, WebhookForm};
use crate::store::Gate;
use crate::store::text::storable;

/// A worker that takes a message and falls silent is believed to be dead after so long.
const SILENCE: TimeDelta = TimeDelta::seconds(60);
/// Messages under way to one webhook at once, over all workers: a slow one holds up nobody else.
const AT_ONCE: i64 = 4;
/// A connection's findings are told once its run has ended, or after so long.
const RUN_LONGEST: TimeDelta = TimeDelta::minutes(10);

/// A message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// What it says.
    pub message: Message,
    /// The webhook.
    pub webhook: Uuid,
    /// The webhook's name.
    pub name: String,
    /// How the webhook wants it written.
    pub form: WebhookForm,
    /// Under which its address and signing secrets are sealed.
    pub secret: Uuid,
    /// They, sealed.
    pub sealed: Vec<u8>,
    /// When its signing secret last changed.
    pub rotated_at: Option<DateTime<Utc>>,
    /// Since when it takes nothing.
    pub failing_since: Option<DateTime<Utc>>,
    /// The how manieth attempt this is.
    pub attempt: i32,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; none where there was no answer.
    pub status: Option<u16>,
    /// The first letters of its body.
    pub reply: Option<String>,
    /// Why there was no answer.
    pub fault: Option<String>,
}

/// How a message ended, or when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It arrived.
    Sent,
    /// It was given up.
    Dead,
    /// Try again then.
    Later(DateTime<Utc>),
}

/// Every tenant that has messages to send, by stepping over the index.
pub async fn whose_turn(gate: &mut Gate) -> Result<Vec<TenantId>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE turn(tenant) AS (
             (SELECT tenant_id FROM outbox WHERE state = 'waiting' ORDER BY tenant_id LIMIT 1)
             UNION ALL
             SELECT (SELECT o.tenant_id FROM outbox o WHERE o.state = 'waiting' AND o.tenant_id > turn.tenant
                     ORDER BY o.tenant_id LIMIT 1)
             FROM turn WHERE turn.tenant IS NOT NULL)
           SELECT tenant AS "tenant!" FROM turn WHERE tenant IS NOT NULL"#
    )
    .fetch_all(gate.on())
    .await?;
    Ok(rows.into_iter().map(|row| TenantId(row.tenant)).collect())
}

/// Takes at most `most` messages that are due, some of each webhook; nobody else takes them for a while.
/// Of messages about one subject only the first.
pub async fn take(tx: &mut Tx, most: i64, now: DateTime<Utc>) -> Result<Vec<Taken>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Row,
        // Materialized: looked for once, or a join might look again and take others beside them.
        r#"WITH due AS MATERIALIZED (
             SELECT one.id, w.id AS webhook FROM webhooks w CROSS JOIN LATERAL (
                SELECT o.id FROM outbox o
                WHERE o.tenant_id = $1 AND o.webhook_id = w.id AND o.state = 'waiting' AND o.next_try_at <= $2
                  AND (o.claimed_until IS NULL OR o.claimed_until < $2)
                  AND NOT EXISTS (SELECT FROM outbox e WHERE e.tenant_id = $1 AND e.webhook_id = o.webhook_id
                        AND e.subject = o.subject AND e.state IN ('waiting', 'held') AND e.seq < o.seq)
                  AND (o.connection_id IS NULL OR o.at < $4 OR NOT EXISTS (SELECT FROM runs r WHERE r.tenant_id = $1
                        AND r.connection_id = o.connection_id AND r.state = 'running'))
                ORDER BY o.next_try_at, o.seq
                LIMIT greatest(0, $5 - (SELECT count(*) FROM outbox b WHERE b.tenant_id = $1 AND b.webhook_id = w.id
                                        AND b.state = 'waiting' AND b.claimed_until >= $2))
                FOR UPDATE SKIP LOCKED) one
             WHERE w.tenant_id = $1 LIMIT $6)
           UPDATE outbox o SET attempts = o.attempts + 1, claimed_until = $3, gathering = false
           FROM due
           JOIN webhooks w ON w.tenant_id = $1 AND w.id = due.webhook
           JOIN secrets s ON s.tenant_id = $1 AND s.id = w.secret_id
           WHERE o.tenant_id = $1 AND o.id = due.id
           RETURNING o.id, o.event, o.at, o.items, o.critical, o.high, o.medium, o.low, o.info, o.count, o.attempts,
                     w.id AS webhook, w.name, w.form, w.secret_id, w.rotated_at, w.failing_since, s.sealed"#,
        tenant,
        now,
        now + SILENCE,
        now - RUN_LONGEST,
        AT_ONCE,
        most
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(|row| row.read(tenant)).collect()
}

struct Row {
    id: Uuid,
    event: String,
    at: DateTime<Utc>,
    items: serde_json::Value,
    critical: i64,
    high: i64,
    medium: i64,
    low: i64,
    info: i64,
    count: i64,
    attempts: i32,
    webhook: Uuid,
    name: String,
    form: String,
    secret_id: Uuid,
    rotated_at: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    sealed: Vec<u8>,
}

impl Row {
    fn read(self, tenant: Uuid) -> Result<Taken, StoreError> {
        let event = parsed("outbox", &self.event)?;
        let told = Told::read(event, self.items)
            .map_err(|fault| StoreError::Inconsistent { table: "outbox", problem: fault.to_string() })?;
        Ok(Taken {
            message: Message {
                id: self.id,
                tenant,
                event,
                at: self.at,
                count: self.count,
                by_severity: [self.critical, self.high, self.medium, self.low, self.info],
                told,
            },
            webhook: self.webhook,
            name: self.name,
            form: parsed("webhooks", &self.form)?,
            secret: self.secret_id,
            sealed: self.sealed,
            rotated_at: self.rotated_at,
            failing_since: self.failing_since,
            attempt: self.attempts,
        })
    }
}

/// Notes how a message ended. False where another worker has taken it since.
pub async fn ended(
    tx: &mut Tx,
    taken: &Taken,
    ended: Ended,
    answer: &Answer,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let (state, next) = match ended {
        Ended::Sent => ("sent", now),
        Ended::Dead => ("dead", now),
        Ended::Later(at) => ("waiting", at),
    };
    let (reply, fault) = (answer.reply.as_deref().map(storable), answer.fault.as_deref().map(storable));
    let row = sqlx::query!(
        "UPDATE outbox SET state = CASE WHEN $4 = 'waiting' THEN state ELSE $4 END, next_try_at = $5, claimed_until = NULL,
                ended_at = CASE WHEN $4 = 'waiting' THEN NULL ELSE $6::timestamptz END, status = $7, reply = $8, fault = $9
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state IN ('waiting', 'held')
         RETURNING webhook_id, subject, seq",
        tenant,
        taken.message.id,
        taken.attempt,
        state,
        next,
        now,
        answer.status.map(i32::from),
        reply.as_deref(),
        fault.as_deref()
    )
    .fetch_optional(tx.on())
    .await?;
    let Some(row) = row else { return Ok(false) };
    // Those behind it about the same subject wait with it, and go when it has gone.
    sqlx::query!(
        "UPDATE outbox SET next_try_at = $5
         WHERE tenant_id = $1 AND webhook_id = $2 AND subject = $3 AND seq > $4 AND state IN ('waiting', 'held')
           AND attempts = 0",
        tenant,
        row.webhook_id,
        row.subject,
        row.seq,
        next
    )
    .execute(tx.on())
    .await?;
    Ok(true)
}
