//! One run: how far it has come while it works, what it met once it has ended.

use askama::Template;
use axum::extract::Path;
use uuid::Uuid;

use super::connection::known;
use super::connections::RunLine;
use super::{Answer, Frame, Visit, page, picture, show};
use crate::error::AppError;
use crate::store::pages::connections::{self, Hole, Run};

struct Progress {
    line: RunLine,
    phase: String,
    bar: Option<String>,
    count: String,
    attempt: Option<i32>,
    builds_on: Option<String>,
}

impl Progress {
    fn of(run: &Run, now: chrono::DateTime<chrono::Utc>) -> Self {
        let phase = match (run.state.as_str(), run.phase.as_str()) {
            ("queued", _) => "Waiting for a worker".to_owned(),
            (_, "") => String::new(),
            (_, phase) => show::capital(phase),
        };
        let count = match run.total {
            Some(total) if total > 0 => format!("{} of {}", show::number(run.done), show::number(total)),
            _ if run.done > 0 => show::number(run.done),
            _ => String::new(),
        };
        Self {
            line: RunLine::of(run, now),
            phase,
            bar: run.total.filter(|total| *total > 0).map(|total| picture::bar(run.done, total)),
            count,
            attempt: (run.attempts > 1).then_some(run.attempts),
            builds_on: run.since.map(|since| show::ago(now, since)),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/run.html")]
struct RunPage {
    frame: Frame,
    id: Uuid,
    connection: Uuid,
    name: String,
    progress: Progress,
    holes: Vec<Hole>,
}

#[derive(Template)]
#[template(path = "parts/progress.html")]
struct Fragment {
    progress: Progress,
}

/// `GET /runs/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    let run = connections::run(&mut tx, id).await?.ok_or(AppError::NotFound("this run"))?;
    let holes = connections::holes(&mut tx, &[id], 200).await?;
    drop(tx);
    page(&RunPage {
        frame: visit.frame("connections"),
        id,
        connection: run.connection,
        progress: Progress::of(&run, (visit.now)()),
        name: run.connection_name,
        holes,
    })
}

/// `GET /runs/{id}/progress`: the part of the page that moves.
pub async fn progress(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    let run = connections::run(&mut tx, id).await?.ok_or(AppError::NotFound("this run"))?;
    drop(tx);
    page(&Fragment { progress: Progress::of(&run, (visit.now)()) })
}
