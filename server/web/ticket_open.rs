//! Tickets out of chosen findings: first what would be done, then doing it.

use askama::Template;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form;
use serde::Deserialize;
use uuid::Uuid;

use super::{Answer, Frame, Visit, page, show};
use crate::desk::tickets as desk;
use crate::rules;
use crate::store::tickets;

/// Chosen findings.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    finding: Vec<Uuid>,
}

struct Line {
    control: String,
    title: String,
    owner: String,
    findings: String,
    ticket: Option<(Uuid, i64)>,
}

#[derive(Template)]
#[template(path = "pages/ticket_open.html")]
struct OpenPage {
    frame: Frame,
    lines: Vec<Line>,
    findings: Vec<Uuid>,
    left_out: String,
    new: usize,
}

/// `POST /tickets/preview`: changes nothing; a form because a list of findings is long.
pub async fn preview(visit: Visit, Form(sent): Form<Chosen>) -> Answer {
    let findings = desk::some(sent.finding)?;
    let mut tx = visit.begin().await?;
    let told = tickets::preview(&mut tx, &findings).await?;
    drop(tx);
    let line = |group: tickets::Group| Line {
        title: rules::find(&group.control).map_or_else(String::new, |one| one.title().to_owned()),
        findings: show::many(i64::try_from(group.findings.len()).unwrap_or(i64::MAX), "finding", "findings"),
        control: group.control,
        owner: group.owner,
        ticket: group.ticket,
    };
    let lines: Vec<Line> = told.groups.into_iter().map(line).collect();
    let left_out = i64::try_from(told.left_out).unwrap_or(i64::MAX);
    page(&OpenPage {
        frame: visit.frame("tickets"),
        new: lines.iter().filter(|line| line.ticket.is_none()).count(),
        lines,
        findings,
        left_out: if left_out == 0 { String::new() } else { show::many(left_out, "finding", "findings") },
    })
}

/// `POST /tickets`.
pub async fn open(visit: Visit, Form(sent): Form<Chosen>) -> Answer {
    let mut tx = visit.begin().await?;
    let done = desk::open(&mut tx, &visit.actor, sent.finding, (visit.now)()).await?;
    tx.commit().await?;
    let place = match done.as_slice() {
        [one] => format!("/tickets/{}", one.id),
        _ => "/tickets".to_owned(),
    };
    Ok(Redirect::to(&place).into_response())
}
