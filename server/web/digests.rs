//! The digests of a tenant, and making one.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use chrono::{NaiveTime, Weekday};
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::findings::{Choice, choices};
use super::{Answer, Frame, Visit, page, show};
use crate::desk::digests as desk;
use crate::error::AppError;
use crate::queue::{Every, Schedule};
use crate::store::digests::{self, Digest};

/// How often, as the form spells it.
const EVERY: &[(&str, &str)] = &[
    ("working_day", "Monday to Friday"),
    ("mon", "Every Monday"),
    ("tue", "Every Tuesday"),
    ("wed", "Every Wednesday"),
    ("thu", "Every Thursday"),
    ("fri", "Every Friday"),
    ("sat", "Every Saturday"),
    ("sun", "Every Sunday"),
    ("first_working_day", "The month's first working day"),
    ("month", "A day of the month"),
];

/// A schedule as a form shows it.
pub struct Fields {
    /// How often.
    pub every: Vec<Choice>,
    /// The day of the month, where it is one.
    pub day: u32,
    /// The time of day.
    pub at: String,
    /// The time zone.
    pub zone: String,
    /// Every zone there is.
    pub zones: Vec<&'static str>,
}

impl Fields {
    /// Those of a schedule; without one a weekday morning in UTC.
    pub fn of(schedule: Option<&Schedule>) -> Self {
        let (chosen, day) = match schedule.map_or(Every::WorkingDay, |one| one.every) {
            Every::Day => (String::new(), 1),
            Every::WorkingDay => ("working_day".into(), 1),
            Every::Week { day } => (day.to_string().to_lowercase(), 1),
            Every::Month { day } => ("month".into(), day),
            Every::FirstWorkingDay => ("first_working_day".into(), 1),
        };
        Self {
            every: choices("Every day", EVERY.iter().copied(), &chosen),
            day,
            at: schedule.map_or_else(|| "08:00".into(), |one| one.at.format("%H:%M").to_string()),
            zone: schedule.map_or_else(|| "UTC".into(), |one| one.zone.name().to_owned()),
            zones: chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect(),
        }
    }
}

/// A schedule as a form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    /// The digest's name; where it has one already, empty.
    pub name: String,
    every: String,
    day: String,
    at: String,
    zone: String,
    heartbeat: String,
}

impl Sent {
    /// The schedule, and whether it comes also when there is no news.
    pub fn read(&self) -> Result<(Schedule, bool), Fault> {
        let invalid =
            |field: &str, problem: &str| AppError::Invalid { field: field.into(), problem: problem.into() };
        let every = match self.every.as_str() {
            "" => Every::Day,
            "working_day" => Every::WorkingDay,
            "first_working_day" => Every::FirstWorkingDay,
            "month" => {
                let day = self.day.parse().ok().filter(|day| (1..=28).contains(day));
                Every::Month { day: day.ok_or_else(|| invalid("day", "choose 1 to 28: every month has it"))? }
            }
            other => {
                let day: Weekday = other.parse().map_err(|_| invalid("every", "it is no day we know"))?;
                Every::Week { day }
            }
        };
        let at = NaiveTime::parse_from_str(&self.at, "%H:%M");
        let at = at.map_err(|_| invalid("at", "write a time such as 08:00"))?;
        let zone = self.zone.trim().parse();
        let zone = zone.map_err(|_| invalid("zone", "write a time zone such as Europe/Berlin"))?;
        Ok((Schedule { every, at, zone }, !self.heartbeat.is_empty()))
    }
}

struct Line {
    id: Uuid,
    name: String,
    words: String,
    next: String,
}

#[derive(Template)]
#[template(path = "pages/digests.html")]
struct DigestsPage {
    frame: Frame,
    lines: Vec<Line>,
    fields: Fields,
}

/// `GET /digests`.
pub async fn show(visit: Visit) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let all = digests::list(&mut tx).await?;
    drop(tx);
    let line = |one: Digest| Line {
        next: if one.paused { "paused".into() } else { format!("in {}", show::span(one.next_at - now)) },
        words: one.schedule.words(),
        id: one.id,
        name: one.name,
    };
    let lines = all.into_iter().map(line).collect();
    page(&DigestsPage { frame: visit.frame("digests"), lines, fields: Fields::of(None) })
}

/// `POST /digests`.
pub async fn make(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let (schedule, heartbeat) = sent.read()?;
    let mut tx = visit.begin().await?;
    let id = desk::save(&mut tx, &visit.actor, &sent.name, &schedule, heartbeat, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/digests/{id}")).into_response())
}
