//! What a connection is called, how often it is read, and whether at all.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::findings::{Choice, choices};
use super::{Answer, Frame, Visit, page};
use crate::desk::connections as desk;
use crate::error::AppError;

const UNITS: [(&str, &str, i64); 3] =
    [("minutes", "minutes", 60), ("hours", "hours", 3_600), ("days", "days", 86_400)];

/// An interval as a form shows it.
pub struct Every {
    /// How many.
    pub number: i64,
    /// Of what.
    pub units: Vec<Choice>,
}

impl Every {
    /// In the largest unit that holds it whole.
    pub fn of(seconds: i64) -> Self {
        let whole = UNITS.iter().rev().find(|(_, _, unit)| seconds % unit == 0).unwrap_or(&UNITS[0]);
        let all = UNITS.iter().map(|(code, label, _)| (*code, *label));
        let units = choices("", all, whole.0).split_off(1);
        Self { number: (seconds / whole.2).max(1), units }
    }

    /// As a form sent it, in seconds.
    pub fn read(number: &str, unit: &str) -> Result<i64, AppError> {
        let wrong = || AppError::Invalid { field: "every".into(), problem: "write a whole number".into() };
        let number: i64 = number.trim().parse().map_err(|_| wrong())?;
        let unit = UNITS.iter().find(|(code, _, _)| *code == unit).ok_or_else(wrong)?;
        number.checked_mul(unit.2).ok_or_else(wrong)
    }
}

#[derive(Template)]
#[template(path = "pages/connection_settings.html")]
struct SettingsPage {
    frame: Frame,
    id: Uuid,
    name: String,
    every: Every,
    paused: bool,
}

/// `GET /connections/{id}/settings`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    drop(tx);
    page(&SettingsPage {
        frame: visit.frame("connections"),
        id: connection.id,
        every: Every::of(connection.interval_seconds),
        paused: connection.paused,
        name: connection.name,
    })
}

/// Name and interval as the form sends them.
#[derive(Debug, Deserialize)]
pub struct Sent {
    name: String,
    every: String,
    unit: String,
}

fn back(id: Uuid) -> Answer {
    Ok(Redirect::to(&format!("/connections/{id}")).into_response())
}

/// `POST /connections/{id}/settings`.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let seconds = Every::read(&sent.every, &sent.unit)?;
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    desk::rename(&mut tx, &visit.actor, &connection, &sent.name, seconds, (visit.now)()).await?;
    tx.commit().await?;
    back(connection.id)
}

/// Hold back, or let be read.
#[derive(Debug, Deserialize)]
pub struct Hold {
    paused: bool,
}

/// `POST /connections/{id}/pause`.
pub async fn pause(visit: Visit, Path(id): Path<String>, Form(sent): Form<Hold>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    desk::pause(&mut tx, &visit.actor, &connection, sent.paused, (visit.now)()).await?;
    tx.commit().await?;
    back(connection.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_reads_back_in_its_own_unit() {
        for (seconds, number, unit) in
            [(900, "15", "minutes"), (21_600, "6", "hours"), (86_400, "1", "days"), (5_400, "90", "minutes")]
        {
            let every = Every::of(seconds);
            let chosen = every.units.iter().find(|one| one.chosen).expect("a unit");
            assert_eq!((every.number.to_string().as_str(), chosen.value.as_str()), (number, unit));
            assert_eq!(Every::read(number, unit).expect("a number"), seconds);
        }
        assert!(Every::read("9223372036854775807", "days").is_err() && Every::read("6", "weeks").is_err());
    }
}
