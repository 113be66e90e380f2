//! One ticket: what fails, what to do, its story, and what may be done with it.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use chrono::{NaiveDate, NaiveTime};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::tickets::Line;
use super::{Answer, Fault, Frame, Visit, findings, page, prose, show};
use crate::desk::tickets::{self as desk, Wanted};
use crate::desk::trackers as there;
use crate::error::AppError;
use crate::model::TicketState;
use crate::rules;
use crate::store::Tx;
use crate::store::pages::findings::{self as found, Filter};
use crate::store::pages::tickets::{self, Ticket};
use crate::store::people::members;
use crate::store::trackers;

/// Findings and lines of the story shown.
const SHOWN: i64 = 20;

struct Told {
    who: String,
    words: String,
    said: bool,
    at: String,
    moment: String,
    when: String,
}

#[derive(Template)]
#[template(path = "pages/ticket.html")]
struct TicketPage {
    frame: Frame,
    line: Line,
    opened: String,
    due_on: String,
    findings: Vec<findings::Line>,
    more: bool,
    todo: String,
    story: Vec<Told>,
    references: Vec<(String, String)>,
    elsewhere: Vec<trackers::Known>,
    sendable: Vec<(Uuid, String)>,
    next: &'static [TicketState],
    members: Vec<(Uuid, String, bool)>,
}

async fn one(tx: &mut Tx, id: &str) -> Result<Ticket, Fault> {
    Ok(tickets::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this ticket"))?)
}

/// `GET /tickets/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let ticket = one(&mut tx, &id).await?;
    let filter = Filter { ticket: Some(ticket.id), ..Filter::default() };
    let failing = found::list(&mut tx, &filter, now, None, SHOWN).await?;
    let story = tickets::notes(&mut tx, ticket.id, None, SHOWN).await?;
    let references = tickets::references(&mut tx, ticket.id).await?;
    let all = members::list(&mut tx).await?;
    let elsewhere = trackers::of_ticket(&mut tx, ticket.id).await?;
    let mut sendable: Vec<(Uuid, String)> =
        trackers::list(&mut tx).await?.into_iter().map(|one| (one.id, one.name)).collect();
    sendable.retain(|(id, _)| !elsewhere.iter().any(|one| one.tracker == *id && one.state != "lost"));
    drop(tx);
    let told = |note: tickets::Note| Told {
        said: note.kind == "comment",
        who: note.actor_name,
        words: note.words,
        at: show::machine(note.at),
        moment: show::moment(note.at),
        when: show::ago(now, note.at),
    };
    let control = rules::find(&ticket.control);
    page(&TicketPage {
        frame: visit.frame("tickets"),
        opened: show::ago(now, ticket.opened_at),
        due_on: ticket.due_at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default(),
        findings: failing.rows.into_iter().map(|row| findings::Line::of(row, now)).collect(),
        more: failing.more,
        todo: prose::html(control.and_then(|one| one.section("What to do")).unwrap_or("")),
        story: story.rows.into_iter().map(told).collect(),
        references,
        elsewhere,
        sendable,
        next: ticket.state.next(),
        members: all
            .into_iter()
            .map(|one| (one.person, one.name, ticket.assignee == Some(one.person)))
            .collect(),
        line: Line::of(ticket, now),
    })
}

/// Does one thing to a ticket, and shows it again.
async fn change(visit: &Visit, id: &str, wanted: &Wanted) -> Answer {
    let mut tx = visit.begin().await?;
    let ticket = one(&mut tx, id).await?;
    desk::change(&mut tx, &visit.actor, &ticket, wanted, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/tickets/{}", ticket.id)).into_response())
}

/// Another state.
#[derive(Debug, Deserialize)]
pub struct Step {
    state: String,
    #[serde(default)]
    reason: String,
}

/// `POST /tickets/{id}/state`.
pub async fn step(visit: Visit, Path(id): Path<String>, Form(sent): Form<Step>) -> Answer {
    let wrong = |problem| AppError::Invalid { field: "state".into(), problem };
    let state = Some(sent.state.parse().map_err(wrong)?);
    change(&visit, &id, &Wanted { state, why: sent.reason, ..Wanted::default() }).await
}

/// A member, or nobody.
#[derive(Debug, Deserialize)]
pub struct Given {
    person: String,
}

/// `POST /tickets/{id}/assignee`.
pub async fn assign(visit: Visit, Path(id): Path<String>, Form(sent): Form<Given>) -> Answer {
    let wrong =
        |_| AppError::Invalid { field: "person".into(), problem: "nobody of this id belongs here".into() };
    let person = if sent.person.is_empty() { None } else { Some(sent.person.parse().map_err(wrong)?) };
    change(&visit, &id, &Wanted { assignee: Some(person), ..Wanted::default() }).await
}

/// A day, or none.
#[derive(Debug, Deserialize)]
pub struct Due {
    day: String,
}

/// `POST /tickets/{id}/due`: the end of that day in UTC.
pub async fn due(visit: Visit, Path(id): Path<String>, Form(sent): Form<Due>) -> Answer {
    let wrong = |_| AppError::Invalid { field: "day".into(), problem: "write a day as 2026-12-31".into() };
    let end = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
    let at = match sent.day.as_str() {
        "" => None,
        day => Some(day.parse::<NaiveDate>().map_err(wrong)?.and_time(end).and_utc()),
    };
    change(&visit, &id, &Wanted { due_at: Some(at), ..Wanted::default() }).await
}

/// Somebody's words.
#[derive(Debug, Deserialize)]
pub struct Words {
    words: String,
}

/// `POST /tickets/{id}/comments`.
pub async fn comment(visit: Visit, Path(id): Path<String>, Form(sent): Form<Words>) -> Answer {
    let mut tx = visit.begin().await?;
    let ticket = one(&mut tx, &id).await?;
    desk::comment(&mut tx, &visit.actor, &ticket, &sent.words, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/tickets/{}", ticket.id)).into_response())
}

/// A tracker.
#[derive(Debug, Deserialize)]
pub struct There {
    tracker: String,
}

/// `POST /tickets/{id}/trackers`.
pub async fn send(visit: Visit, Path(id): Path<String>, Form(sent): Form<There>) -> Answer {
    let mut tx = visit.begin().await?;
    let ticket = one(&mut tx, &id).await?;
    there::send(&mut tx, &visit.actor, &ticket, known(&sent.tracker)?, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/tickets/{}", ticket.id)).into_response())
}

/// Where the same work is known elsewhere.
#[derive(Debug, Deserialize)]
pub struct Elsewhere {
    url: String,
    #[serde(default)]
    label: String,
}

/// `POST /tickets/{id}/references`.
pub async fn refer(visit: Visit, Path(id): Path<String>, Form(sent): Form<Elsewhere>) -> Answer {
    let mut tx = visit.begin().await?;
    let ticket = one(&mut tx, &id).await?;
    desk::refer(&mut tx, &visit.actor, &ticket, &sent.url, &sent.label, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/tickets/{}", ticket.id)).into_response())
}
