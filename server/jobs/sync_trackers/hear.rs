//! What happened there is taken over here: states, comments, and that an issue is gone.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{At, Broken, HEARS, tell};
use crate::model::TicketState;
use crate::notify::tracker::{self as api, Fault};
use crate::store::Tx;
use crate::store::audit::{self, Deed};
use crate::store::pages::tickets::{self as pages, Ticket};
use crate::store::tickets::{self, Author, Step, Work};
use crate::store::trackers::{self, Issue};

/// Issues looked at to see whether they are still there.
const LOOKED_AT: i64 = 5;
/// An issue that was listened to so long after it changed said all there is: clocks differ.
const SETTLED: TimeDelta = TimeDelta::minutes(15);
/// How far to go on behind a list that is cut within one moment.
const STEP: TimeDelta = TimeDelta::minutes(1);

/// Takes over what changed since, as long as the turn has time for it. Returns from where to go on
/// the next time, where that was not all.
pub async fn changes(at: &At<'_>, since: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Broken> {
    let changed = at.api.changed(since).await?;
    for (place, there) in changed.issues.iter().enumerate() {
        // One at least, so that every turn gets further.
        if place > 0 && at.spent(HEARS) {
            return Ok(Some(there.updated.unwrap_or(since).max(since)));
        }
        let mut tx = at.begin().await?;
        let issue = trackers::known(&mut tx, at.tracker.id, &there.id).await?;
        tx.commit().await?;
        let Some(issue) = issue.filter(|issue| !settled(issue, there)) else { continue };
        match both(at, &issue, there).await {
            Err(Broken::There(Fault::Missing(_))) => lost(at, &issue).await?,
            other => other?,
        }
    }
    // A list that is cut within a moment would be cut there forever: what is behind it is found when
    // issues not heard of are looked at.
    Ok(changed.until.map(|until| if until > since { until } else { since + STEP }))
}

/// Whether all of this change was taken over: the issue was listened to long after it.
fn settled(issue: &Issue, there: &api::Issue) -> bool {
    issue.status.as_ref() == Some(&there.status)
        && there.updated.is_some_and(|at| at < issue.checked_at - SETTLED)
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
    trackers::steps(&mut tx, at.tracker, ticket.id, &there.status, ours).await?;
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
    if from != ticket.state {
        record(at, tx, ticket, from).await?;
    }
    Ok(from)
}

/// Puts on record that the tracker moved a ticket, as when somebody here does.
async fn record(at: &At<'_>, tx: &mut Tx, ticket: &Ticket, to: TicketState) -> Result<(), Broken> {
    let told =
        |state: TicketState| json!({ "state": state, "assignee": ticket.assignee, "due_at": ticket.due_at });
    let deed = Deed {
        actor: at.author.reference.clone(),
        actor_name: at.author.name.clone(),
        address: String::new(),
        action: "ticket.changed".into(),
        subject: format!("#{}", ticket.number),
        before: Some(told(ticket.state)),
        after: Some(told(to)),
    };
    Ok(audit::add(tx, &deed, at.now()).await?)
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
            name: format!("{} in {}", comment.author, at.tracker.name),
        };
        let work = Work { ticket: issue.ticket, author: &author, now: at.now() };
        tickets::comment(&mut tx, work, &comment.words).await?;
    }
    Ok(tx.commit().await?)
}

/// Looks whether issues that nothing was heard of are still there.
pub async fn look_for_lost(at: &At<'_>, before: DateTime<Utc>) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let unseen = trackers::stale(&mut tx, at.tracker.id, before, LOOKED_AT).await?;
    tx.commit().await?;
    for remote in unseen {
        if at.spent(HEARS) {
            break;
        }
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
