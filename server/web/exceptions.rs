//! The exceptions: what is accepted, until when, and what is over.

use askama::Template;
use axum::extract::{Form, Query};
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::findings::{Choice, choices, one_of};
use super::{Answer, Frame, Visit, page, show};
use crate::desk::exceptions as desk;
use crate::error::AppError;
use crate::model::ExceptionState;
use crate::rules;
use crate::store::exceptions as store;
use crate::store::pages::exceptions::{self, Exception, Filter, Key, MOST_COUNTED};

const SIZE: i64 = 50;
const STATES: &[(&str, &str)] =
    &[("expiring", "Ends within 14 days"), ("expired", "Expired"), ("revoked", "Taken back"), ("all", "All")];

/// An exception in a list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// The defect it accepts, or how many findings.
    pub title: String,
    /// Code of the control; empty where findings were chosen.
    pub control: String,
    /// Where it holds.
    pub scope: String,
    /// Why, as a word.
    pub kind: &'static str,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// Where it stands, as a word.
    pub state: &'static str,
    /// A class for the word.
    pub look: &'static str,
    /// It holds.
    pub holds: bool,
    /// The day it ends.
    pub until: String,
    /// How far away that is, or how long ago.
    pub when: String,
    /// Findings accepted under it.
    pub findings: String,
}

impl Line {
    /// From a row of the store.
    pub fn of(row: &Exception, now: DateTime<Utc>) -> Self {
        let state = row.state(now);
        let title = match &row.control {
            Some(code) => rules::find(code).map_or_else(|| code.clone(), |one| one.title().to_owned()),
            None => show::many(row.chosen, "chosen finding", "chosen findings"),
        };
        let ended = row.revoked_at.unwrap_or(row.until);
        Self {
            id: row.id,
            title,
            control: row.control.clone().unwrap_or_default(),
            scope: if row.control.is_some() {
                row.scope.words(row.connection_name.as_deref())
            } else {
                String::new()
            },
            kind: row.kind.label(),
            reason: row.reason.clone(),
            by: row.made_by_name.clone(),
            state: state.label(),
            look: match state {
                ExceptionState::Active => "low",
                ExceptionState::Expiring => "medium",
                ExceptionState::Expired | ExceptionState::Revoked => "info",
            },
            holds: row.holds(now),
            until: row.until.format("%Y-%m-%d").to_string(),
            when: if row.holds(now) {
                format!("in {}", show::span(row.until - now))
            } else {
                show::ago(now, ended)
            },
            findings: counted(row.findings),
        }
    }
}

/// `12 findings`, or `more than 1,000 findings`.
fn counted(findings: i64) -> String {
    if findings > MOST_COUNTED {
        format!("more than {} findings", show::number(MOST_COUNTED))
    } else {
        show::many(findings, "finding", "findings")
    }
}

#[derive(Template)]
#[template(path = "pages/exceptions.html")]
struct ExceptionsPage {
    frame: Frame,
    lines: Vec<Line>,
    states: Vec<Choice>,
    control: String,
    narrowed: bool,
    next: Option<String>,
    days: i64,
}

/// What the address may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    control: String,
    after: String,
}

impl Asked {
    fn filter(&self) -> Result<Filter, Fault> {
        let state = match self.state.as_str() {
            "" => Some(ExceptionState::Active),
            "all" => None,
            other => one_of("state", other)?,
        };
        Ok(Filter { state, control: (!self.control.is_empty()).then(|| self.control.clone()) })
    }

    fn key(&self) -> Result<Option<Key>, Fault> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let key = self.after.split_once('.').and_then(|(until, id)| {
            let until = DateTime::from_timestamp_micros(until.parse().ok()?)?;
            Some(Key { until, id: id.parse().ok()? })
        });
        let problem =
            || AppError::Invalid { field: "after".into(), problem: "it is no place in this list".into() };
        Ok(Some(key.ok_or_else(problem)?))
    }

    fn address(&self, after: &str) -> String {
        let pairs = [("state", self.state.as_str()), ("control", &self.control), ("after", after)];
        show::link("/exceptions", &pairs)
    }
}

/// `GET /exceptions`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let (filter, key, now) = (asked.filter()?, asked.key()?, (visit.now)());
    let mut tx = visit.begin().await?;
    let found = exceptions::list(&mut tx, &filter, now, key, SIZE).await?;
    let days = store::longest(&mut tx).await?.num_days();
    drop(tx);
    let last = found.rows.last().filter(|_| found.more);
    page(&ExceptionsPage {
        frame: visit.frame("exceptions"),
        next: last.map(|row| asked.address(&format!("{}.{}", row.until.timestamp_micros(), row.id))),
        lines: found.rows.iter().map(|row| Line::of(row, now)).collect(),
        states: choices("Active", STATES.iter().copied(), &asked.state),
        narrowed: asked.address("") != "/exceptions",
        control: asked.control,
        days,
    })
}

/// How long anything may be accepted.
#[derive(Debug, Deserialize)]
pub struct Longest {
    days: i32,
}

/// `POST /exceptions/policy`: what holds already stays.
pub async fn decide(visit: Visit, Form(sent): Form<Longest>) -> Answer {
    let mut tx = visit.begin().await?;
    desk::decide(&mut tx, &visit.actor, sent.days, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/exceptions").into_response())
}
