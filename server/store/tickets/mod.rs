//! Tickets: work on findings of one cause and one owner.
//!
//! A ticket's state follows the truth: it is changed in the transaction that changes its findings
//! (`follow`), or by somebody (`work`). Whoever writes tickets queues up first (`hold`), so that
//! two workers never open two for one cause, and none misses what the other saw.

mod follow;
mod gather;
mod work;

pub use follow::{follow, recount};
pub use gather::{Gathered, Group, Preview, apply, gather, preview};
pub use work::{Step, Work, assign, comment, due, refer, remark, step};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::outbox::{self, Became};
use super::{StoreError, Tx, to_json, trackers};
use crate::model::{TicketPolicy, WebhookEvent};

/// Who does something to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// As in the audit log; `rule` or `estate` where nobody did it.
    pub reference: String,
    /// As people read it.
    pub name: String,
}

impl Author {
    /// What happens because a rule says so.
    pub fn rule() -> Self {
        Self { reference: "rule".into(), name: "a rule".into() }
    }

    /// What happens because findings changed.
    pub fn estate() -> Self {
        Self { reference: "estate".into(), name: "the estate".into() }
    }
}

/// Waits until nobody else writes tickets of this tenant; holds until the transaction ends.
/// Returns the last number given.
async fn hold(tx: &mut Tx) -> Result<i64, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        "INSERT INTO ticket_policies (tenant_id) VALUES ($1)
         ON CONFLICT (tenant_id) DO UPDATE SET last_number = ticket_policies.last_number RETURNING last_number",
        tenant
    )
    .fetch_one(tx.on())
    .await?;
    Ok(row.last_number)
}

/// What the tenant has decided about tickets; the defaults where it has decided nothing.
pub async fn policy(tx: &mut Tx) -> Result<TicketPolicy, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!("SELECT policy FROM ticket_policies WHERE tenant_id = $1", tenant)
        .fetch_optional(tx.on())
        .await?;
    let Some(row) = row else { return Ok(TicketPolicy::default()) };
    serde_json::from_value(row.policy)
        .map_err(|fault| StoreError::Inconsistent { table: "ticket_policies", problem: fault.to_string() })
}

/// Replaces what the tenant has decided about tickets. Due dates given stay as they are.
pub async fn set_policy(tx: &mut Tx, policy: &TicketPolicy) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "INSERT INTO ticket_policies (tenant_id, policy) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET policy = EXCLUDED.policy",
        tenant,
        to_json("ticket_policies", policy)?
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// What became of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Opened,
    Findings,
    Moved,
    Closed,
    Reopened,
    Assigned,
    Due,
    Comment,
    Reference,
    Tracker,
}

impl Kind {
    /// As the story tells it.
    const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Findings => "findings",
            Self::Moved | Self::Closed | Self::Reopened => "state",
            Self::Assigned => "assigned",
            Self::Due => "due",
            Self::Comment => "comment",
            Self::Reference => "reference",
            Self::Tracker => "tracker",
        }
    }

    /// As webhooks are told it.
    const fn event(self) -> WebhookEvent {
        match self {
            Self::Opened => WebhookEvent::TicketOpened,
            Self::Closed => WebhookEvent::TicketClosed,
            Self::Reopened => WebhookEvent::TicketReopened,
            Self::Comment => WebhookEvent::TicketCommented,
            Self::Findings | Self::Moved | Self::Assigned | Self::Due | Self::Reference | Self::Tracker => {
                WebhookEvent::TicketChanged
            }
        }
    }
}

/// Something to tell in tickets' stories.
struct Note {
    ticket: Uuid,
    kind: Kind,
    words: String,
}

/// Tells it in the stories, to webhooks and to trackers.
async fn tell(tx: &mut Tx, author: &Author, notes: &[Note], now: DateTime<Utc>) -> Result<(), StoreError> {
    if notes.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    sqlx::query!(
        "INSERT INTO ticket_notes (tenant_id, id, ticket_id, at, kind, actor, actor_name, words)
         SELECT $1, n.id, n.ticket, $2, n.kind, $3, $4, n.words
         FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[]) AS n(id, ticket, kind, words)",
        tenant,
        now,
        author.reference,
        author.name,
        &notes.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
        &notes.iter().map(|note| note.ticket).collect::<Vec<_>>(),
        &notes.iter().map(|note| note.kind.code().to_owned()).collect::<Vec<_>>(),
        &notes.iter().map(|note| note.words.clone()).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    let became: Vec<Became<'_>> = notes
        .iter()
        .map(|note| Became {
            ticket: note.ticket,
            event: note.kind.event(),
            by: &author.name,
            words: &note.words,
        })
        .collect();
    outbox::tickets(tx, &became, now).await?;
    let opened: Vec<Uuid> =
        notes.iter().filter(|note| note.kind == Kind::Opened).map(|note| note.ticket).collect();
    trackers::touched(tx, &became.iter().map(|one| one.ticket).collect::<Vec<_>>(), &opened, now).await
}

/// `1 finding`, `2 findings`.
fn findings(count: i64) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}
