//! An exception in the making: what it would do, then doing it. What was not looked at is not made.

use askama::Template;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::connection::known;
use super::fault::Fault;
use super::findings::{Choice, Line, choices, one_of};
use super::{Answer, Frame, Visit, page, show};
use crate::desk::exceptions::{self as desk, Terms};
use crate::error::AppError;
use crate::model::{ExceptionKind, ExceptionScope, Family, Kind, Platform};
use crate::pipeline::exceptions::{self as pipeline, Preview};
use crate::rules;
use crate::store::Tx;
use crate::store::exceptions::{self as store, Subject};
use crate::store::pages::connections;

/// Days an exception is proposed to last.
const PROPOSED: u64 = 90;

/// The form, as a page, a button or a link sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    finding: Vec<Uuid>,
    ticket: String,
    control: String,
    connection: String,
    account: String,
    region: String,
    family: String,
    kind: String,
    platform: String,
    tag: String,
    name: String,
    why: String,
    reason: String,
    until: String,
    looked: String,
}

impl Sent {
    /// What is to be accepted.
    async fn subject(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<Subject, Fault> {
        let subject = if self.control.is_empty() {
            let mut findings = self.finding.clone();
            if !self.ticket.is_empty() {
                findings = desk::of_ticket(tx, known(&self.ticket)?, now).await?;
            }
            Subject::Findings(findings)
        } else {
            Subject::Control { control: self.control.clone(), scope: self.scope()? }
        };
        Ok(desk::checked(tx, subject).await?)
    }

    fn scope(&self) -> Result<ExceptionScope, Fault> {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let wrong = |field: &str, problem: String| AppError::Invalid { field: field.into(), problem };
        let tag = match some(&self.tag) {
            None => None,
            Some(tag) => {
                let pair = tag.split_once('=').ok_or_else(|| wrong("tag", "write key=value".into()))?;
                Some((pair.0.trim().to_owned(), pair.1.trim().to_owned()))
            }
        };
        Ok(ExceptionScope {
            connection: some(&self.connection).map(|id| known(&id)).transpose()?,
            account: some(&self.account),
            region: some(&self.region),
            family: one_of("family", &self.family)?,
            kind: one_of("kind", &self.kind)?,
            platform: one_of("platform", &self.platform)?,
            tag,
            name: some(&self.name)
                .map(|name| name.parse())
                .transpose()
                .map_err(|problem| wrong("name", problem))?,
        })
    }

    fn terms(&self) -> Result<Terms, Fault> {
        let wrong =
            |_| AppError::Invalid { field: "until".into(), problem: "write a day as 2026-12-31".into() };
        let day: NaiveDate = self.until.parse().map_err(wrong)?;
        let missing = || AppError::Invalid { field: "kind of reason".into(), problem: "choose one".into() };
        Ok(Terms {
            kind: one_of("kind of reason", &self.why)?.ok_or_else(missing)?,
            reason: self.reason.clone(),
            until: end_of(day),
        })
    }
}

/// The end of a day in UTC.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default()).and_utc()
}

/// Tells one subject from another.
fn mark(subject: &Subject) -> String {
    let digest = Sha256::digest(format!("{subject:?}"));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    format!("{:016x}", u64::from_be_bytes(first))
}

struct Told {
    count: i64,
    findings: String,
    assets: String,
    severities: Vec<String>,
    moves: Vec<String>,
    lines: Vec<Line>,
    more: bool,
}

fn told(preview: Preview, now: DateTime<Utc>) -> Told {
    let count = preview.count();
    let severity = |(severity, count): &(crate::model::Severity, i64)| {
        format!("{} {}", show::number(*count), severity.label().to_lowercase())
    };
    let about = if preview.exact { "" } else { "about " };
    let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    Told {
        count,
        findings: show::many(count, "finding", "findings"),
        assets: show::many(preview.assets, "asset", "assets"),
        severities: preview.severities.iter().map(severity).collect(),
        moves: preview
            .moves
            .iter()
            .map(|one| {
                format!("{}: {} to {about}{}", one.family.label(), shown(one.before), shown(one.after))
            })
            .collect(),
        more: count > i64::try_from(preview.findings.len()).unwrap_or(i64::MAX),
        lines: preview.findings.into_iter().map(|row| Line::of(row, now)).collect(),
    }
}

#[derive(Template)]
#[template(path = "pages/exception_new.html")]
struct NewPage {
    frame: Frame,
    title: String,
    sent: Sent,
    chosen: Vec<Uuid>,
    looked: String,
    told: Told,
    first_look: bool,
    connections: Vec<Choice>,
    families: Vec<Choice>,
    kinds: Vec<Choice>,
    platforms: Vec<Choice>,
    whys: Vec<Choice>,
    until: String,
    last_day: String,
    first_day: String,
}

async fn look(visit: &Visit, sent: Sent, first_look: bool) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let subject = sent.subject(&mut tx, now).await?;
    let preview = pipeline::preview(&mut tx, &subject, now).await?;
    let longest = store::longest(&mut tx).await?;
    let all = connections::list(&mut tx).await?;
    drop(tx);
    let names: Vec<(String, String)> = all.into_iter().map(|one| (one.id.to_string(), one.name)).collect();
    let proposed = now.date_naive().checked_add_days(Days::new(PROPOSED)).unwrap_or(now.date_naive());
    let last_day = (now + longest - TimeDelta::days(1)).date_naive();
    let chosen = match &subject {
        Subject::Findings(ids) => ids.clone(),
        Subject::Control { .. } => Vec::new(),
    };
    page(&NewPage {
        frame: visit.frame("exceptions"),
        title: rules::find(&sent.control)
            .map_or_else(|| "Accept findings".to_owned(), |one| one.title().to_owned()),
        looked: mark(&subject),
        chosen,
        told: told(preview, now),
        first_look,
        connections: choices(
            "Any connection",
            names.iter().map(|(id, name)| (id.as_str(), name.as_str())),
            &sent.connection,
        ),
        families: choices(
            "Both families",
            Family::ALL.iter().map(|one| (one.code(), one.label())),
            &sent.family,
        ),
        kinds: choices("Any kind", Kind::ALL.iter().map(|one| (one.code(), one.label())), &sent.kind),
        platforms: choices(
            "Any platform",
            Platform::ALL.iter().map(|one| (one.code(), one.label())),
            &sent.platform,
        ),
        whys: choices(
            "Choose one",
            ExceptionKind::ALL.iter().map(|one| (one.code(), one.label())),
            &sent.why,
        ),
        until: if sent.until.is_empty() { proposed.min(last_day).to_string() } else { sent.until.clone() },
        last_day: last_day.to_string(),
        first_day: now.date_naive().to_string(),
        sent,
    })
}

/// `GET /exceptions/new`: for one finding, a ticket's, or a control.
pub async fn show(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    if sent.control.is_empty() && sent.finding.is_empty() && sent.ticket.is_empty() {
        return Ok(Redirect::to("/findings").into_response());
    }
    look(&visit, sent, true).await
}

/// `POST /exceptions/preview`: changes nothing; a form because a list of findings is long.
pub async fn preview(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    look(&visit, sent, true).await
}

/// `POST /exceptions`.
pub async fn make(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let subject = sent.subject(&mut tx, now).await?;
    if sent.looked != mark(&subject) {
        drop(tx);
        return look(&visit, sent, false).await;
    }
    let id = desk::make(&mut tx, &visit.actor, subject, &sent.terms()?, now).await?;
    tx.commit().await?;
    pipeline::settle_small(&visit.state.store, visit.actor.tenant, id, visit.now).await?;
    Ok(Redirect::to(&format!("/exceptions/{id}")).into_response())
}
