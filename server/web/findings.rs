//! The findings: what fails, the most urgent first.

use askama::Template;
use axum::extract::Query;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::{Answer, Frame, Visit, page, show};
use crate::error::AppError;
use crate::model::{Area, Family, Severity};
use crate::rules;
use crate::score::Priority;
use crate::store::pages::findings::{self, Acceptance, Filter, Key, Listed};
use crate::store::{StoreError, Tx};

const SIZE: i64 = 50;
const STATES: &[(&str, &str)] =
    &[("", "Open"), ("stale", "Out of sight"), ("accepted", "Accepted"), ("resolved", "Resolved")];

/// What findings may be taken along as.
const FILES: &[(&str, &str)] = &[("csv", "CSV"), ("ocsf", "OCSF"), ("sarif", "SARIF"), ("asff", "ASFF")];

/// A finding in a list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// Its asset.
    pub asset: Uuid,
    /// Name of the asset.
    pub name: String,
    /// Where the asset is: platform, account and region.
    pub place: String,
    /// Code of the control.
    pub control: String,
    /// The defect.
    pub title: String,
    /// What was found.
    pub reason: String,
    /// Code of the severity.
    pub severity: &'static str,
    /// The severity as a word.
    pub severity_label: &'static str,
    /// Code of the family.
    pub family: &'static str,
    /// What raised it above its severity.
    pub raised: String,
    /// When it was opened, for machines.
    pub at: String,
    /// When it was opened, for people.
    pub when: String,
    /// Until when and by whom it is accepted; empty where it is not.
    pub accepted: String,
}

impl Line {
    /// From a row of the store.
    pub fn of(row: Listed, now: DateTime<Utc>) -> Self {
        let title = rules::find(&row.control)
            .map_or_else(|| row.control.clone(), |control| control.title().to_owned());
        Self {
            place: place(row.platform.label(), &row.account, &row.region),
            title,
            severity: row.severity.code(),
            severity_label: row.severity.label(),
            family: row.kind.family().code(),
            raised: Priority(row.priority).reasons().join(", "),
            at: show::machine(row.opened_at),
            when: show::ago(now, row.opened_at),
            accepted: row.acceptance.as_ref().map(acceptance).unwrap_or_default(),
            id: row.id,
            asset: row.asset,
            name: row.name,
            control: row.control,
            reason: show::capital(&row.reason),
        }
    }
}

/// `accepted until 2026-12-31 by Ann`.
fn acceptance(one: &Acceptance) -> String {
    format!("accepted until {} by {}", one.until.format("%Y-%m-%d"), one.by)
}

/// Platform, account and region in one line.
pub fn place(platform: &str, account: &str, region: &str) -> String {
    [platform, account, region].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// The most urgent findings.
pub async fn worst(tx: &mut Tx, most: i64, now: DateTime<Utc>) -> Result<Vec<Line>, StoreError> {
    let found = findings::list(tx, &Filter::default(), now, None, most).await?;
    Ok(found.rows.into_iter().map(|row| Line::of(row, now)).collect())
}

/// A choice in a filter.
pub struct Choice {
    /// Its value in the address.
    pub value: String,
    /// As people read it.
    pub label: String,
    /// It is the one chosen.
    pub chosen: bool,
}

/// The choices of a filter, with one that narrows nothing first.
pub fn choices<'a>(any: &str, all: impl Iterator<Item = (&'a str, &'a str)>, chosen: &str) -> Vec<Choice> {
    let first = Choice { value: String::new(), label: any.to_owned(), chosen: chosen.is_empty() };
    let rest = all.map(|(value, label)| Choice {
        value: value.into(),
        label: label.into(),
        chosen: value == chosen,
    });
    std::iter::once(first).chain(rest).collect()
}

fn some_id(text: &str) -> Result<Option<Uuid>, Fault> {
    if text.is_empty() { Ok(None) } else { Ok(Some(super::connection::known(text)?)) }
}

/// A part of the address as one of a closed list; empty is none.
pub fn one_of<T: std::str::FromStr<Err = String>>(field: &str, text: &str) -> Result<Option<T>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |problem| AppError::Invalid { field: field.into(), problem };
    Ok(Some(text.parse().map_err(wrong)?))
}

#[derive(Template)]
#[template(path = "pages/findings.html")]
struct FindingsPage {
    frame: Frame,
    lines: Vec<Line>,
    control: Option<(String, String)>,
    severities: Vec<Choice>,
    families: Vec<Choice>,
    areas: Vec<Choice>,
    states: Vec<Choice>,
    ticket: String,
    exception: String,
    narrowed: bool,
    further: bool,
    next: Option<String>,
    files: Vec<(String, &'static str)>,
}

/// What the address may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    severity: String,
    family: String,
    area: String,
    control: String,
    ticket: String,
    exception: String,
    after: String,
}

impl Asked {
    /// What it narrows to.
    pub fn filter(&self) -> Result<Filter, Fault> {
        if !STATES.iter().any(|(code, _)| *code == self.state) && self.state != "open" {
            let problem = "it is not one of open, stale, accepted, resolved".into();
            return Err(AppError::Invalid { field: "state".into(), problem }.into());
        }
        Ok(Filter {
            state: (!self.state.is_empty()).then(|| self.state.clone()),
            severity: one_of("severity", &self.severity)?,
            family: one_of("family", &self.family)?,
            area: one_of("area", &self.area)?,
            control: (!self.control.is_empty()).then(|| self.control.clone()),
            ticket: some_id(&self.ticket)?,
            exception: some_id(&self.exception)?,
            ..Filter::default()
        })
    }

    fn key(&self) -> Result<Option<Key>, Fault> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let parts = self.after.split_once('.');
        let key = parts
            .and_then(|(priority, id)| Some(Key { priority: priority.parse().ok()?, id: id.parse().ok()? }));
        let problem =
            || AppError::Invalid { field: "after".into(), problem: "it is no place in this list".into() };
        Ok(Some(key.ok_or_else(problem)?))
    }

    fn address(&self, after: &str) -> String {
        self.under("/findings", ("after", after))
    }

    fn under(&self, path: &str, more: (&str, &str)) -> String {
        let pairs = [
            ("state", self.state.as_str()),
            ("severity", &self.severity),
            ("family", &self.family),
            ("area", &self.area),
            ("control", &self.control),
            ("ticket", &self.ticket),
            ("exception", &self.exception),
            more,
        ];
        show::link(path, &pairs)
    }
}

/// `GET /findings`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let filter = asked.filter()?;
    let key = asked.key()?;
    let mut tx = visit.begin().await?;
    let found = findings::list(&mut tx, &filter, (visit.now)(), key, SIZE).await?;
    drop(tx);
    let last = found.rows.last().map(|row| format!("{}.{}", row.priority, row.id));
    let now = (visit.now)();
    let control = filter.control.as_ref().map(|code| {
        (
            code.clone(),
            rules::find(code).map_or("no control of this version", |control| control.title()).to_owned(),
        )
    });
    page(&FindingsPage {
        frame: visit.frame("findings"),
        next: last.filter(|_| found.more).map(|last| asked.address(&last)),
        lines: found.rows.into_iter().map(|row| Line::of(row, now)).collect(),
        control,
        severities: choices(
            "Any severity",
            Severity::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.severity,
        ),
        families: choices(
            "Both families",
            Family::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.family,
        ),
        areas: choices("Any area", Area::ALL.iter().map(|one| (one.code(), one.label())), &asked.area),
        states: choices("Open", STATES[1..].iter().copied(), asked.state.trim_start_matches("open")),
        narrowed: asked.address("") != "/findings",
        files: FILES
            .iter()
            .map(|(format, label)| (asked.under("/findings/export", ("format", format)), *label))
            .collect(),
        ticket: asked.ticket,
        exception: asked.exception,
        further: key.is_some(),
    })
}
