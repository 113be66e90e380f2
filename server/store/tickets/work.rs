//! What people and programs do to a ticket.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Author, Kind, Note, StoreError, Tx, hold, tell};
use crate::model::TicketState;

/// Somebody's doing on a ticket.
#[derive(Debug, Clone, Copy)]
pub struct Work<'a> {
    /// Which ticket.
    pub ticket: Uuid,
    /// Who.
    pub author: &'a Author,
    /// When.
    pub now: DateTime<Utc>,
}

/// How a step to another state went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is there now.
    Done,
    /// It is not where it was said to be, or is not there at all.
    Elsewhere,
    /// Another ticket is under way for the same cause: its number.
    Another(i64),
}

/// Moves a ticket from one state to another; `why` is told in its story.
pub async fn step(
    tx: &mut Tx,
    work: Work<'_>,
    from: TicketState,
    to: TicketState,
    why: &str,
) -> Result<Step, StoreError> {
    hold(tx).await?;
    let tenant = tx.tenant().0;
    if from.closed() && !to.closed() {
        let another = sqlx::query!(
            "SELECT o.number FROM tickets t JOIN tickets o ON o.tenant_id = t.tenant_id AND o.control = t.control
                AND o.owner = t.owner AND o.id <> t.id AND o.state IN ('open', 'in_progress')
             WHERE t.tenant_id = $1 AND t.id = $2",
            tenant,
            work.ticket
        )
        .fetch_optional(tx.on())
        .await?;
        if let Some(another) = another {
            return Ok(Step::Another(another.number));
        }
    }
    let closed_at = to.closed().then_some(work.now);
    let moved = sqlx::query!(
        "UPDATE tickets SET state = $4, changed_at = $5, closed_at = $6 WHERE tenant_id = $1 AND id = $2 AND state = $3",
        tenant,
        work.ticket,
        from.code(),
        to.code(),
        work.now,
        closed_at
    )
    .execute(tx.on())
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Step::Elsewhere);
    }
    let label = to.label().to_lowercase();
    let words = if why.is_empty() { label } else { format!("{label}: {why}") };
    let kind = match (from.closed(), to.closed()) {
        (_, true) => Kind::Closed,
        (true, false) => Kind::Reopened,
        (false, false) => Kind::Moved,
    };
    say(tx, work, kind, words).await?;
    Ok(Step::Done)
}

async fn say(tx: &mut Tx, work: Work<'_>, kind: Kind, words: String) -> Result<(), StoreError> {
    tell(tx, work.author, &[Note { ticket: work.ticket, kind, words }], work.now).await
}

/// Gives a ticket to a member, by id and name, or to nobody.
pub async fn assign(tx: &mut Tx, work: Work<'_>, to: Option<(Uuid, &str)>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets SET assignee = $3, changed_at = $4 WHERE tenant_id = $1 AND id = $2",
        tenant,
        work.ticket,
        to.map(|(person, _)| person),
        work.now
    )
    .execute(tx.on())
    .await?;
    let words = to.map_or_else(|| "given to nobody".to_owned(), |(_, name)| format!("given to {name}"));
    say(tx, work, Kind::Assigned, words).await
}

/// Sets when a ticket is due; the policy moves it no more.
pub async fn due(tx: &mut Tx, work: Work<'_>, at: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets SET due_at = $3, due_by_hand = true, changed_at = $4 WHERE tenant_id = $1 AND id = $2",
        tenant,
        work.ticket,
        at,
        work.now
    )
    .execute(tx.on())
    .await?;
    let words = at.map_or_else(|| "no longer due".to_owned(), |at| format!("due {}", at.format("%Y-%m-%d")));
    say(tx, work, Kind::Due, words).await
}

/// Adds somebody's words.
pub async fn comment(tx: &mut Tx, work: Work<'_>, words: &str) -> Result<(), StoreError> {
    touch(tx, work).await?;
    say(tx, work, Kind::Comment, words.to_owned()).await
}

/// Notes what came of keeping it like its issue in a tracker.
pub async fn remark(tx: &mut Tx, work: Work<'_>, words: &str) -> Result<(), StoreError> {
    say(tx, work, Kind::Tracker, words.replace('\0', "\u{fffd}")).await
}

/// Notes where the same work is known elsewhere; the same address again changes its label.
pub async fn refer(tx: &mut Tx, work: Work<'_>, url: &str, label: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "INSERT INTO ticket_references (tenant_id, ticket_id, url, label, added_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, ticket_id, url) DO UPDATE SET label = EXCLUDED.label",
        tenant,
        work.ticket,
        url,
        label,
        work.now
    )
    .execute(tx.on())
    .await?;
    touch(tx, work).await?;
    say(tx, work, Kind::Reference, format!("also known as {label}")).await
}

async fn touch(tx: &mut Tx, work: Work<'_>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets SET changed_at = $3 WHERE tenant_id = $1 AND id = $2",
        tenant,
        work.ticket,
        work.now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
