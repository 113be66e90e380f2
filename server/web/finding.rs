//! One finding: what was found, on which facts, what to do, and its life so far.

use askama::Template;
use axum::extract::Path;
use uuid::Uuid;

use super::connection::known;
use super::findings::Line;
use super::{Answer, Frame, Visit, page, prose, show};
use crate::error::AppError;
use crate::model::Evidence;
use crate::rules;
use crate::store::pages::{findings, tickets};

struct Step {
    what: &'static str,
    at: String,
    moment: String,
    when: String,
    run: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "pages/finding.html")]
struct FindingPage {
    frame: Frame,
    line: Line,
    native_id: String,
    state: &'static str,
    look: &'static str,
    evidence: Vec<Evidence>,
    why: String,
    todo: String,
    reopened: i32,
    steps: Vec<Step>,
    ticket: Option<(Uuid, i64)>,
    workable: bool,
    acceptance: Option<(Uuid, String)>,
}

/// `GET /findings/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let whole = findings::get(&mut tx, id, now).await?.ok_or(AppError::NotFound("this finding"))?;
    let ticket = tickets::of_finding(&mut tx, id).await?;
    drop(tx);
    let section = |heading: &str| {
        let control = rules::find(&whole.listed.control);
        prose::html(control.and_then(|control| control.section(heading)).unwrap_or(""))
    };
    let (word, look) = match whole.listed.state.as_str() {
        "open" => ("Open", "fail"),
        "accepted" => ("Accepted", "accepted"),
        "stale" => ("Out of sight: it failed when the asset could last be read", "unknown"),
        _ => ("Resolved", "pass"),
    };
    let step = |step: &findings::Step| Step {
        what: if step.event == "returned" {
            "Open again: its exception ended"
        } else {
            show::event(&step.event)
        },
        at: show::machine(step.at),
        moment: show::moment(step.at),
        when: show::ago(now, step.at),
        run: step.run,
    };
    page(&FindingPage {
        frame: visit.frame("findings"),
        why: section("Why it matters"),
        todo: section("What to do"),
        steps: whole.events.iter().map(step).collect(),
        native_id: whole.listed.native_id.clone(),
        evidence: whole.evidence,
        state: word,
        look,
        reopened: whole.reopened,
        workable: matches!(whole.listed.state.as_str(), "open" | "stale"),
        acceptance: whole.listed.acceptance.clone().map(|one| (one.exception, one.reason)),
        ticket,
        line: Line::of(whole.listed, now),
    })
}
