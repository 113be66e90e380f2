//! Work on tickets: opened from findings, moved along the legal path, given to somebody, talked about.

use chrono::{DateTime, Utc};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{Refusal, exceptions, invalid};
use crate::auth::Actor;
use crate::auth::audit::{self, Change};
use crate::error::AppError;
use crate::model::{ExceptionKind, Permission, TicketPolicy, TicketState};
use crate::store::Tx;
use crate::store::exceptions::Subject;
use crate::store::pages::tickets::Ticket;
use crate::store::people::members;
use crate::store::tickets::{self, Author, Gathered, Step, Work};

/// Findings gathered by one request at most.
pub const MOST_FINDINGS: usize = 500;
/// Letters of a comment or a reason at most.
const MOST_WORDS: usize = 10_000;
/// Letters of a reference's label at most.
const MOST_LABEL: usize = 100;
/// Rules of a tenant at most.
const MOST_RULES: usize = 20;
/// Days in which anything is to be resolved at most.
const MOST_DAYS: u16 = 3_650;

/// A change somebody wants; what is not named stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Another state.
    pub state: Option<TicketState>,
    /// Why; needed where something that still fails is closed.
    pub why: String,
    /// A member by id, or nobody.
    pub assignee: Option<Option<Uuid>>,
    /// Another due date, or none.
    pub due_at: Option<Option<DateTime<Utc>>>,
    /// With done: what still fails is accepted, for this kind of reason and until then. The reason
    /// is the one of the change.
    pub accept: Option<(ExceptionKind, DateTime<Utc>)>,
}

fn author(actor: &Actor) -> Author {
    Author { reference: actor.reference(), name: actor.name.clone() }
}

/// These findings as a list that can be gathered.
pub fn some(ids: Vec<Uuid>) -> Result<Vec<Uuid>, Refusal> {
    let mut ids = ids;
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > MOST_FINDINGS {
        return Err(invalid("findings", format!("choose 1 to {MOST_FINDINGS}")));
    }
    Ok(ids)
}

/// Gathers findings into tickets, one for each cause and owner.
pub async fn open(
    tx: &mut Tx,
    actor: &Actor,
    ids: Vec<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Gathered>, Refusal> {
    let ids = some(ids)?;
    let policy = tickets::policy(tx).await?;
    let done = tickets::gather(tx, &ids, &author(actor), &policy, now).await?;
    for one in &done {
        let action = if one.opened { "ticket.opened" } else { "ticket.added_to" };
        let after = Some(json!({ "findings": one.added }));
        let change = Change { action, subject: format!("#{}", one.number), before: None, after };
        audit::record(tx, actor, change, now).await?;
    }
    Ok(done)
}

/// Makes a change, all of it or nothing: the caller commits. Returns the exception it made, if it did.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    ticket: &Ticket,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, Refusal> {
    let author = author(actor);
    let work = Work { ticket: ticket.id, author: &author, now };
    let why = wanted.why.trim();
    if why.chars().count() > MOST_WORDS {
        return Err(invalid("reason", format!("write at most {MOST_WORDS} letters")));
    }
    let exception = accept(tx, actor, ticket, wanted, now).await?;
    if let Some(state) = wanted.state.filter(|state| *state != ticket.state) {
        go(tx, work, ticket, state, why).await?;
    }
    if let Some(person) = wanted.assignee.filter(|person| *person != ticket.assignee) {
        let member = match person {
            None => None,
            Some(person) => {
                let all = members::list(tx).await?;
                let found = all.into_iter().find(|one| one.person == person);
                Some(found.ok_or_else(|| invalid("assignee", "nobody of this id belongs here"))?)
            }
        };
        tickets::assign(tx, work, member.as_ref().map(|one| (one.person, one.name.as_str()))).await?;
    }
    if let Some(at) = wanted.due_at.filter(|at| *at != ticket.due_at) {
        tickets::due(tx, work, at).await?;
    }
    let before = json!({ "state": ticket.state, "assignee": ticket.assignee, "due_at": ticket.due_at });
    let after = json!({
        "state": wanted.state.unwrap_or(ticket.state),
        "assignee": wanted.assignee.unwrap_or(ticket.assignee),
        "due_at": wanted.due_at.unwrap_or(ticket.due_at),
    });
    if before != after {
        let subject = format!("#{}", ticket.number);
        let change = Change { action: "ticket.changed", subject, before: Some(before), after: Some(after) };
        audit::record(tx, actor, change, now).await?;
    }
    Ok(exception)
}

/// Closing with an exception: what still fails is accepted for a time.
async fn accept(
    tx: &mut Tx,
    actor: &Actor,
    ticket: &Ticket,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, Refusal> {
    let Some((kind, until)) = wanted.accept else { return Ok(None) };
    if wanted.state != Some(TicketState::Done) {
        return Err(invalid("accept", "goes with the state done only"));
    }
    if !actor.may(Permission::Accept) {
        return Err(AppError::Forbidden("accepting findings takes the permission accept".into()).into());
    }
    let findings = exceptions::of_ticket(tx, ticket.id, now).await?;
    let terms = exceptions::Terms { kind, reason: wanted.why.clone(), until };
    Ok(Some(exceptions::make(tx, actor, Subject::Findings(findings), &terms, now).await?))
}

async fn go(tx: &mut Tx, work: Work<'_>, ticket: &Ticket, to: TicketState, why: &str) -> Result<(), Refusal> {
    if !ticket.state.next().contains(&to) {
        let ways: Vec<_> = ticket.state.next().iter().map(|state| state.code()).collect();
        let problem = format!("a ticket that is {} goes to {} only", ticket.state, ways.join(", "));
        return Err(AppError::Conflict(problem).into());
    }
    if to.asks_why(ticket.open_findings) && why.is_empty() {
        let problem = if to == TicketState::Done {
            format!("{} of its findings still fail: say why it is done", ticket.open_findings)
        } else {
            "say why it is left as it is".to_owned()
        };
        return Err(invalid("reason", problem));
    }
    match tickets::step(tx, work, ticket.state, to, why).await? {
        Step::Done => Ok(()),
        Step::Elsewhere => {
            Err(AppError::Conflict("somebody changed this ticket just now; read it again".into()).into())
        }
        Step::Another(number) => {
            Err(AppError::Conflict(format!("#{number} is under way for the same cause and owner")).into())
        }
    }
}

/// Adds somebody's words.
pub async fn comment(
    tx: &mut Tx,
    actor: &Actor,
    ticket: &Ticket,
    words: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let words = words.trim();
    if words.is_empty() || words.chars().count() > MOST_WORDS || words.contains('\0') {
        return Err(invalid("words", format!("write 1 to {MOST_WORDS} letters")));
    }
    let author = author(actor);
    tickets::comment(tx, Work { ticket: ticket.id, author: &author, now }, words).await?;
    let subject = format!("#{}", ticket.number);
    let change = Change { action: "ticket.commented", subject, ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Notes where the same work is known elsewhere.
pub async fn refer(
    tx: &mut Tx,
    actor: &Actor,
    ticket: &Ticket,
    url: &str,
    label: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let read = Url::parse(url.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 2_000);
    let Some(url) = read else {
        return Err(invalid("url", "write an address that begins with https:// or http://"));
    };
    let host: String = url.host_str().unwrap_or_default().chars().take(MOST_LABEL).collect();
    let label = if label.trim().is_empty() { host.as_str() } else { label.trim() };
    if label.chars().count() > MOST_LABEL || label.contains('\0') {
        return Err(invalid("label", "write at most 100 letters"));
    }
    let author = author(actor);
    tickets::refer(tx, Work { ticket: ticket.id, author: &author, now }, url.as_str(), label).await?;
    let change = Change {
        action: "ticket.referred",
        subject: format!("#{}", ticket.number),
        before: None,
        after: Some(json!({ "url": url.as_str() })),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Replaces the tenant's policy and applies new rules to what fails already.
pub async fn decide(
    tx: &mut Tx,
    actor: &Actor,
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<Vec<Gathered>, Refusal> {
    let days = policy.days;
    for (field, days) in
        [("critical", days.critical), ("high", days.high), ("medium", days.medium), ("low", days.low)]
    {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(invalid(field, format!("choose 1 to {MOST_DAYS} days")));
        }
    }
    if policy.rules.len() > MOST_RULES {
        return Err(invalid("rules", format!("at most {MOST_RULES}")));
    }
    let before = tickets::policy(tx).await?;
    tickets::set_policy(tx, policy).await?;
    let change = Change {
        action: "ticket.policy_changed",
        subject: "tickets".into(),
        before: Some(json!(before)),
        after: Some(json!(policy)),
    };
    audit::record(tx, actor, change, now).await?;
    Ok(tickets::apply(tx, policy, now).await?)
}
