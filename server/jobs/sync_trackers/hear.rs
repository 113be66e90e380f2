//! What happened there is taken over here: states, comments, and that an issue is gone.

use chrono::{DateTime, Utc};

use super::{At, Broken, tell};
use crate::model::TicketState;
use crate::notify::tracker::{self as api, Fault};
use crate::store::Tx;
use crate::store::pages::tickets::{self as pages, Ticket};
use crate::store::tickets::{self, Author, Step, Work};
use crate::store::trackers::{self, Issue};

/// Issues looked at to see whether they are still there.
const LOOKED_AT: i64 = 5;
/// Letters of a comment taken over.
const MOST_WORDS: usize = 10_000;

/// Takes over what changed since.
pub async fn changes(at: &At<'_>, since: DateTime<Utc>) -> Result<(), Broken> {
    for there in at.api.changed(since).await? {
        let mut tx = at.begin().await?;
        let issue = trackers::known(&mut tx, at.tracker.id, &there.id).await?;
        tx.commit().await?;
        if let Some(issue) = issue {
            match both(at, &issue, &there).await {
                Err(Broken::There(Fault::Missing(_))) => lost(at, &issue).await?,
                other => other?,
            }
        }
    }
    Ok(())
}

async fn both(at: &At<'_>, issue: &Issue, there: &api::Issue) -> Result<(), Broken> {
    if issue.status.as_deref() != Some(&there.status) {
        heard(at, issue, there).await?;
    }
    comments(at, issue, there).await?;
    let mut tx = at.begin().await?;
    trackers::checked(&mut tx, at.tracker, issue.ticket, at.now()).await?;
    Ok(tx.commit().await?)
}

/// The issue moved there.
pub async fn heard(at: &At<'_>, issue: &Issue, there: &api::Issue) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let Some(ticket) = pages::get(&mut tx, issue.ticket).await? else { return Ok(()) };
    let ours = match there.state {
        Some(state) if state != ticket.state => follow(at, &mut tx, &ticket, there, state).await?,
        _ => ticket.state,
    };
    trackers::steps(&mut tx, at.tracker, ticket.id, &there.status, ours, at.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes a state over, unless what fails says otherwise. Returns the state both are known to agree
/// on: where it is not the ticket's, the ticket's is told next.
async fn follow(
    at: &At<'_>,
    tx: &mut Tx,
    ticket: &Ticket,
    there: &api::Issue,
    to: TicketState,
) -> Result<TicketState, Broken> {
    let work = Work { ticket: ticket.id, author: &at.author, now: at.now() };
    if tell::truth(ticket, Some(to)) {
        let words = if ticket.state.closed() {
            format!("{} is {} there, but nothing fails any more: it stays done", there.key, there.status)
        } else {
            let fail = ticket.open_findings;
            format!(
                "{} is {} there, but {fail} of its findings still fail: it stays open here",
                there.key, there.status
            )
        };
        tickets::remark(tx, work, &words).await?;
        // What is done here is said there again; what is closed there is left so.
        return Ok(if ticket.state.closed() { to } else { ticket.state });
    }
    let why = format!("{} is {} in {}", there.key, there.status, at.tracker.name);
    let mut from = ticket.state;
    // What is over is opened again before anything else.
    let way = if from.next().contains(&to) { vec![to] } else { vec![TicketState::Open, to] };
    for next in way {
        match tickets::step(tx, work, from, next, &why).await? {
            Step::Done => from = next,
            Step::Another(number) => {
                let words = format!("{why}, but #{number} is under way for the same cause and owner");
                tickets::remark(tx, work, &words).await?;
                break;
            }
            Step::Elsewhere => break,
        }
    }
    Ok(from)
}

async fn comments(at: &At<'_>, issue: &Issue, there: &api::Issue) -> Result<(), Broken> {
    let mut all = at.api.comments(&there.id).await?;
    // Our own come back as an echo: they carry a mark, whoever the token belongs to.
    all.retain(|comment| !api::is_ours(&comment.words) && !comment.words.trim().is_empty());
    let ids: Vec<String> = all.iter().map(|comment| comment.id.clone()).collect();
    let mut tx = at.begin().await?;
    let fresh = trackers::fresh_comments(&mut tx, at.tracker, issue.ticket, &ids).await?;
    for comment in all.iter().filter(|comment| fresh.contains(&comment.id)) {
        let author = Author {
            reference: at.author.reference.clone(),
            name: format!("{} in {}", comment.author.replace('\0', ""), at.tracker.name),
        };
        let words: String = comment.words.replace('\0', "\u{fffd}").chars().take(MOST_WORDS).collect();
        tickets::comment(&mut tx, Work { ticket: issue.ticket, author: &author, now: at.now() }, &words)
            .await?;
    }
    Ok(tx.commit().await?)
}

/// Looks whether issues that nothing was heard of are still there.
pub async fn look_for_lost(at: &At<'_>, before: DateTime<Utc>) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let unseen = trackers::stale(&mut tx, at.tracker.id, before, LOOKED_AT).await?;
    tx.commit().await?;
    for remote in unseen {
        let mut tx = at.begin().await?;
        let Some(issue) = trackers::known(&mut tx, at.tracker.id, &remote).await? else { continue };
        tx.commit().await?;
        match at.api.get(&remote).await {
            Ok(there) => both(at, &issue, &there).await?,
            Err(Fault::Missing(_)) => lost(at, &issue).await?,
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// An issue is not there any more: the ticket goes on without it until somebody sends it anew.
pub async fn lost(at: &At<'_>, issue: &Issue) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    if trackers::lost(&mut tx, at.tracker, issue.ticket).await? {
        let key = issue.key.as_deref().unwrap_or("its issue");
        let words =
            format!("{key} is not in {} any more: it was deleted or is hidden from us", at.tracker.name);
        let work = Work { ticket: issue.ticket, author: &at.author, now: at.now() };
        tickets::remark(&mut tx, work, &words).await?;
    }
    Ok(tx.commit().await?)
}
