//! One tracker: how it is reached, which tickets go there, whether it works; and making one.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::fault::Fault;
use super::findings::{Choice, choices, one_of};
use super::{Answer, Frame, Visit, page, show};
use crate::desk::trackers::{self as desk, Wanted};
use crate::desk::webhooks::Means;
use crate::error::AppError;
use crate::model::{Area, Severity, StateNames, TrackerKind, TrackerRule, TrackerSpec};
use crate::store::Tx;
use crate::store::trackers::{self, Tracker};

/// A tracker as a form shows it.
pub struct Fields {
    name: String,
    kinds: Vec<Choice>,
    address: String,
    place: String,
    login: String,
    issue_type: String,
    states: StateNames,
    by_rule: bool,
    severities: Vec<Choice>,
    areas: Vec<Choice>,
    owner: String,
}

impl Fields {
    /// Those of a tracker, or of a new one.
    pub fn of(tracker: Option<&Tracker>) -> Self {
        let rule = tracker.and_then(|one| one.rule.clone()).unwrap_or_default();
        let spec = |pick: fn(&TrackerSpec) -> &String| {
            tracker.map(|one| pick(&one.spec).clone()).unwrap_or_default()
        };
        let kind = tracker.map_or(TrackerKind::Jira, |one| one.spec.kind);
        let kind_choice = |one: &TrackerKind| Choice {
            value: one.code().into(),
            label: one.label().into(),
            chosen: *one == kind,
        };
        Self {
            name: tracker.map(|one| one.name.clone()).unwrap_or_default(),
            kinds: TrackerKind::ALL.iter().map(kind_choice).collect(),
            address: spec(|spec| &spec.address),
            place: spec(|spec| &spec.place),
            login: spec(|spec| &spec.login),
            issue_type: spec(|spec| &spec.issue_type),
            states: tracker.map(|one| one.spec.states.clone()).unwrap_or_default(),
            by_rule: tracker.is_some_and(|one| one.rule.is_some()),
            severities: choices(
                "Any",
                Severity::ALL.iter().map(|one| (one.code(), one.label())),
                rule.severity.map_or("", Severity::code),
            ),
            areas: choices(
                "Any",
                Area::ALL.iter().map(|one| (one.code(), one.label())),
                rule.area.map_or("", Area::code),
            ),
            owner: rule.owner.unwrap_or_default(),
        }
    }
}

/// A tracker as a form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    name: String,
    kind: String,
    address: String,
    place: String,
    login: String,
    secret: String,
    issue_type: String,
    state_open: String,
    state_in_progress: String,
    state_done: String,
    state_wont_fix: String,
    by_rule: String,
    severity: String,
    area: String,
    owner: String,
}

impl Sent {
    fn read(self) -> Result<Wanted, Fault> {
        let kind = one_of("kind", &self.kind)?
            .ok_or_else(|| AppError::Invalid { field: "kind".into(), problem: "choose one".into() })?;
        let rule = TrackerRule {
            severity: one_of("severity", &self.severity)?,
            area: one_of("area", &self.area)?,
            owner: Some(self.owner.trim().to_owned()).filter(|owner| !owner.is_empty()),
        };
        Ok(Wanted {
            name: self.name,
            spec: TrackerSpec {
                kind,
                address: self.address,
                place: self.place,
                login: self.login,
                issue_type: self.issue_type,
                states: StateNames {
                    open: self.state_open,
                    in_progress: self.state_in_progress,
                    done: self.state_done,
                    wont_fix: self.state_wont_fix,
                },
            },
            secret: self.secret,
            rule: Some(rule).filter(|_| !self.by_rule.is_empty()),
        })
    }
}

/// A tracker in a list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What runs it, and where in it tickets go.
    pub place: String,
    /// Which tickets go there.
    pub goes: &'static str,
    /// How it stands: word and look.
    pub state: (String, &'static str),
}

impl Line {
    /// From what is known of it.
    pub fn of(one: &Tracker, now: chrono::DateTime<chrono::Utc>) -> Self {
        let state = match (&one.paused_at, &one.fault) {
            (Some(_), _) => ("Paused".to_owned(), "low"),
            (None, Some(_)) => ("Does not work".to_owned(), "critical"),
            (None, None) if one.quiet_until > now => ("Wants us to wait".to_owned(), "medium"),
            (None, None) => ("Well".to_owned(), "low"),
        };
        Self {
            id: one.id,
            name: one.name.clone(),
            place: format!("{} · {} at {}", one.spec.kind.label(), one.spec.place, one.spec.address),
            goes: if one.rule.is_some() { "by rule and by hand" } else { "by hand" },
            state,
        }
    }
}

#[derive(Template)]
#[template(path = "pages/tracker.html")]
struct TrackerPage {
    frame: Frame,
    line: Option<Line>,
    fields: Fields,
    paused: bool,
    fault: Option<(String, String)>,
    checked: Option<Result<String, String>>,
}

async fn one(tx: &mut Tx, id: &str) -> Result<Tracker, Fault> {
    Ok(trackers::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this tracker"))?)
}

fn shown(visit: &Visit, tracker: Option<&Tracker>, checked: Option<Result<String, String>>) -> Answer {
    let now = (visit.now)();
    let fault = tracker.and_then(|one| Some((one.fault.clone()?, show::ago(now, one.fault_at?))));
    page(&TrackerPage {
        frame: visit.frame("integrations"),
        line: tracker.map(|one| Line::of(one, now)),
        fields: Fields::of(tracker),
        paused: tracker.is_some_and(|one| one.paused_at.is_some()),
        fault,
        checked,
    })
}

fn means(visit: &Visit) -> Means<'_> {
    Means { vault: &visit.state.house.vault, guard: &visit.state.house.guard }
}

/// `GET /integrations/trackers/new`.
pub async fn ask(visit: Visit) -> Answer {
    shown(&visit, None, None)
}

/// `POST /integrations/trackers`.
pub async fn make(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let wanted = sent.read()?;
    let mut tx = visit.begin().await?;
    let id = desk::save(&mut tx, &visit.actor, means(&visit), None, &wanted, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/integrations/trackers/{id}")).into_response())
}

/// `GET /integrations/trackers/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let tracker = one(&mut tx, &id).await?;
    drop(tx);
    shown(&visit, Some(&tracker), None)
}

fn back(tracker: &Tracker) -> Answer {
    Ok(Redirect::to(&format!("/integrations/trackers/{}", tracker.id)).into_response())
}

/// `POST /integrations/trackers/{id}`.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let mut tx = visit.begin().await?;
    let tracker = one(&mut tx, &id).await?;
    let wanted = sent.read()?;
    desk::save(&mut tx, &visit.actor, means(&visit), Some(&tracker), &wanted, (visit.now)()).await?;
    tx.commit().await?;
    back(&tracker)
}

/// `POST /integrations/trackers/{id}/check`: logs in and says how that went.
pub async fn check(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let tracker = one(&mut tx, &id).await?;
    let said = desk::check(tx, means(&visit), &tracker, visit.now).await?;
    shown(&visit, Some(&tracker), Some(said))
}

/// Pause, or not.
#[derive(Debug, Deserialize)]
pub struct Hold {
    paused: bool,
}

/// `POST /integrations/trackers/{id}/pause`.
pub async fn pause(visit: Visit, Path(id): Path<String>, Form(sent): Form<Hold>) -> Answer {
    let mut tx = visit.begin().await?;
    let tracker = one(&mut tx, &id).await?;
    desk::pause(&mut tx, &visit.actor, &tracker, sent.paused, (visit.now)()).await?;
    tx.commit().await?;
    back(&tracker)
}

/// `POST /integrations/trackers/{id}/remove`.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let tracker = one(&mut tx, &id).await?;
    desk::delete(&mut tx, &visit.actor, &tracker, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/integrations").into_response())
}
