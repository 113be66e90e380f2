//! What happened here is told there: an issue is made once, then kept like its ticket.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{At, Broken, TELLS, hear};
use crate::model::TicketState;
use crate::notify::tracker::{self as api, Draft, Fault};
use crate::rules;
use crate::store::pages::findings::{self, Filter};
use crate::store::pages::tickets::{self as pages, Note, Ticket};
use crate::store::people::members;
use crate::store::tickets::{self, Work};
use crate::store::trackers::{self, Issue};

/// Findings named in an issue.
const NAMED: i64 = 20;
/// Lines of a story told at one turn.
const NOTES: i64 = 50;

/// Tells what is to be told of tickets, at most so many, as long as the turn has time for it.
pub async fn all(at: &At<'_>, most: i64) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let waiting = trackers::to_tell(&mut tx, at.tracker.id, most, at.now()).await?;
    tx.commit().await?;
    for (place, issue) in waiting.into_iter().enumerate() {
        // One at least: the others are still due.
        if place > 0 && at.spent(TELLS) {
            break;
        }
        let mut tx = at.begin().await?;
        trackers::begin(&mut tx, at.tracker, &issue).await?;
        tx.commit().await?;
        match one(at, &issue).await {
            Ok(()) => {}
            Err(Broken::There(Fault::Missing(_))) if issue.remote_id.is_some() => {
                hear::lost(at, &issue).await?;
            }
            // One ticket that is not taken keeps no other waiting; a login that is refused shows when we ask.
            Err(Broken::There(fault @ (Fault::Invalid(_) | Fault::Missing(_) | Fault::Refused(_)))) => {
                let mut tx = at.begin().await?;
                trackers::put_off(&mut tx, at.tracker, &issue, &fault.to_string(), at.now()).await?;
                tx.commit().await?;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

async fn one(at: &At<'_>, issue: &Issue) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let Some(ticket) = pages::get(&mut tx, issue.ticket).await? else { return Ok(()) };
    let (draft, digest) = draft(at, &mut tx, &ticket).await?;
    let Some(remote) = &issue.remote_id else {
        // What was said before is not said there.
        let last = pages::notes(&mut tx, ticket.id, None, 1).await?.rows.first().map(|note| note.id);
        tx.commit().await?;
        let made = made(at, &draft).await?;
        adopt(at, &ticket, &made, last).await?;
        let same = made.state == Some(ticket.state) || ticket.state == TicketState::Open;
        let status = if same { made.status } else { step(at, &ticket, &made.id, &made.status).await? };
        let mut tx = at.begin().await?;
        trackers::steps(&mut tx, at.tracker, ticket.id, &status, ticket.state).await?;
        trackers::told(&mut tx, at.tracker, issue, &digest, last, true).await?;
        return Ok(tx.commit().await?);
    };
    let notes = pages::notes_since(&mut tx, ticket.id, issue.told_note, NOTES).await?;
    tx.commit().await?;
    if issue.told.as_deref() != Some(&digest) {
        at.api.update(remote, &draft).await?;
    }
    if issue.told_state != Some(ticket.state) {
        moved(at, issue, &ticket, remote).await?;
    }
    say(at, issue, remote, &notes.rows).await?;
    let last = notes.rows.last().map(|note| note.id);
    let mut tx = at.begin().await?;
    trackers::told(&mut tx, at.tracker, issue, &digest, last, !notes.more).await?;
    Ok(tx.commit().await?)
}

/// The issue of a ticket: the one that carries its mark, or else a new one. A worker that died
/// between making and noting left it there with its mark.
async fn made(at: &At<'_>, draft: &Draft) -> Result<api::Issue, Broken> {
    match at.api.find(&draft.mark).await? {
        Some(found) => Ok(found),
        None => Ok(at.api.create(draft).await?),
    }
}

/// The issue is the ticket's from now on; the story up to `last` is not told there.
async fn adopt(at: &At<'_>, ticket: &Ticket, made: &api::Issue, last: Option<Uuid>) -> Result<(), Broken> {
    let mut tx = at.begin().await?;
    let parts = (made.id.as_str(), made.key.as_str(), made.url.as_str(), made.status.as_str());
    trackers::adopt(&mut tx, at.tracker, ticket.id, parts, last, at.now()).await?;
    let work = Work { ticket: ticket.id, author: &at.author, now: at.now() };
    let label = format!("{} in {}", made.key, at.tracker.name);
    tickets::refer(&mut tx, work, &made.url, &label.chars().take(100).collect::<String>()).await?;
    Ok(tx.commit().await?)
}

/// Our ticket moved. Where theirs moved too, ours goes only where it is the truth of findings.
async fn moved(at: &At<'_>, issue: &Issue, ticket: &Ticket, remote: &str) -> Result<(), Broken> {
    let there = at.api.get(remote).await?;
    let both = issue.status.as_deref() != Some(&there.status) && there.state != Some(ticket.state);
    if both && !truth(ticket, there.state) {
        // Taken over when the tracker's change is heard, which it is from here at once.
        return hear::heard(at, issue, &there).await;
    }
    let status = if there.state == Some(ticket.state) {
        there.status
    } else {
        step(at, ticket, remote, &there.status).await?
    };
    if both {
        let words = format!("{} was moved there at the same time; what fails here decided", there.key);
        let mut tx = at.begin().await?;
        let work = Work { ticket: ticket.id, author: &at.author, now: at.now() };
        tickets::remark(&mut tx, work, &words).await?;
        tx.commit().await?;
    }
    let mut tx = at.begin().await?;
    trackers::steps(&mut tx, at.tracker, ticket.id, &status, ticket.state).await?;
    Ok(tx.commit().await?)
}

/// Whether a ticket's state says what fails and what does not, against what the tracker says.
pub fn truth(ticket: &Ticket, there: Option<TicketState>) -> bool {
    match ticket.state {
        TicketState::Done => ticket.open_findings == 0,
        TicketState::Open | TicketState::InProgress => {
            ticket.open_findings > 0 && there == Some(TicketState::Done)
        }
        TicketState::WontFix => false,
    }
}

/// Moves the issue; what it says of itself afterwards. Where no way leads there, the story says so.
async fn step(at: &At<'_>, ticket: &Ticket, remote: &str, before: &str) -> Result<String, Broken> {
    if at.api.step(remote, ticket.state).await? {
        return Ok(at.api.get(remote).await?.status);
    }
    let mut tx = at.begin().await?;
    let work = Work { ticket: ticket.id, author: &at.author, now: at.now() };
    let words = format!("no way leads to {} there: it stays {before}", ticket.state.label().to_lowercase());
    tickets::remark(&mut tx, work, &words).await?;
    tx.commit().await?;
    Ok(before.to_owned())
}

/// Says what was said here and how the state changed, the oldest first; nothing that came from there.
async fn say(at: &At<'_>, issue: &Issue, remote: &str, notes: &[Note]) -> Result<(), Broken> {
    let ours: Vec<&Note> = notes
        .iter()
        .filter(|note| matches!(note.kind.as_str(), "comment" | "state") && note.actor != at.author.reference)
        .collect();
    if ours.is_empty() {
        return Ok(());
    }
    // A worker before us may have said some of it and died.
    let said = if issue.attempts > 0 { at.api.comments(remote).await? } else { Vec::new() };
    for note in ours {
        let mark = api::comment_mark(note.id);
        if said.iter().any(|comment| comment.words.contains(&mark)) {
            continue;
        }
        at.begin().await?.commit().await?;
        let words = format!("{} in Parallax: {}\n{mark}", note.actor_name, note.words);
        at.api.say(remote, &words).await?;
    }
    Ok(())
}

/// A ticket as it is written there, and a digest of that.
async fn draft(at: &At<'_>, tx: &mut crate::store::Tx, ticket: &Ticket) -> Result<(Draft, String), Broken> {
    let filter = Filter { ticket: Some(ticket.id), ..Filter::default() };
    let failing = findings::list(tx, &filter, at.now(), None, NAMED).await?;
    let assignee = match ticket.assignee {
        None => None,
        Some(person) => members::list(tx).await?.into_iter().find(|one| one.person == person),
    };
    let control = rules::find(&ticket.control);
    let title = control.map_or_else(|| ticket.control.clone(), |one| one.title().to_owned());
    let base = &at.means.base;
    let mut text = vec![format!(
        "{} of {} findings fail. Ticket #{} in Parallax: {base}/tickets/{}",
        ticket.open_findings, ticket.findings, ticket.number, ticket.id
    )];
    for one in &failing.rows {
        text.push(format!("- {}: {} {base}/findings/{}", one.name, one.reason, one.id));
    }
    if failing.more {
        text.push(format!("- and more: {base}/findings?ticket={}", ticket.id));
    }
    text.push(control.and_then(|one| one.section("What to do")).unwrap_or_default().trim().to_owned());
    if let Some(due) = ticket.due_at {
        text.push(format!("Due {}.", due.format("%Y-%m-%d")));
    }
    if let Some(name) = &ticket.assignee_name {
        text.push(format!("With {name}."));
    }
    let owner = if ticket.owner.is_empty() { String::new() } else { format!(" ({})", ticket.owner) };
    let draft = Draft {
        mark: api::mark(ticket.id),
        title: format!("{}: {title}{owner}", ticket.control),
        text: text.join("\n\n").replace("\n\n- ", "\n- "),
        severity: ticket.severity,
        labels: vec![format!("severity-{}", ticket.severity), ticket.control.clone()],
        due: ticket.due_at,
        assignee: assignee.map(|one| one.email),
    };
    let digest = Sha256::digest(format!("{draft:?}"));
    let digest = digest.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    Ok((draft, digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;
    use chrono::DateTime;
    use uuid::Uuid;

    fn ticket(state: TicketState, open_findings: i64) -> Ticket {
        let at = DateTime::UNIX_EPOCH;
        Ticket {
            id: Uuid::nil(),
            number: 1,
            control: "ACC-02".into(),
            owner: String::new(),
            state,
            severity: Severity::High,
            findings: 2,
            open_findings,
            assignee: None,
            assignee_name: None,
            due_at: None,
            opened_at: at,
            changed_at: at,
            closed_at: None,
        }
    }

    #[test]
    fn what_fails_is_decided_here_and_the_rest_there() {
        use TicketState::{Done, InProgress, Open, WontFix};
        assert!(truth(&ticket(Done, 0), Some(InProgress)), "nothing fails any more");
        assert!(!truth(&ticket(Done, 1), Some(InProgress)), "somebody said so here");
        assert!(truth(&ticket(Open, 2), Some(Done)), "it still fails");
        assert!(!truth(&ticket(Open, 2), Some(WontFix)), "left as it is: a decision");
        assert!(!truth(&ticket(InProgress, 2), Some(Open)) && !truth(&ticket(WontFix, 2), Some(Open)));
    }
}
