//! One connection: its runs, what it cannot read, and the button that starts a run.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use uuid::Uuid;

use super::connect::report::Report;
use super::connections::{Line, RunLine};
use super::{Answer, Frame, Visit, page, show};
use crate::auth::audit::Change;
use crate::error::AppError;
use crate::model::Permission;
use crate::store::pages::connections::{self, Hole};
use crate::store::runs::{self, Reads};

#[derive(Template)]
#[template(path = "pages/connection.html")]
struct ConnectionPage {
    frame: Frame,
    line: Line,
    runs: Vec<RunLine>,
    holes: Vec<Hole>,
    read: bool,
    report: Option<Report>,
    /// Since when its secret is kept.
    kept_since: Option<String>,
    external_id: Option<String>,
}

/// `GET /connections/{id}`.
pub async fn look(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let connection = connections::get(&mut tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let runs = connections::runs(&mut tx, id, 30).await?;
    let last = runs.iter().find(|run| matches!(run.state.as_str(), "done" | "failed")).map(|run| run.id);
    let holes = match last {
        Some(run) => connections::holes(&mut tx, &[run], 100).await?,
        None => Vec::new(),
    };
    drop(tx);
    page(&ConnectionPage {
        frame: visit.frame("connections"),
        line: Line::of(&connection, runs.first(), now),
        runs: runs.iter().map(|run| RunLine::of(run, now)).collect(),
        holes,
        read: last.is_some(),
        report: Report::kept(connection.tested.as_ref(), now),
        kept_since: connection.kept_since.map(show::moment),
        external_id: connection.spec["credentials"]["assume_role"]["external_id"]
            .as_str()
            .filter(|_| visit.actor.may(Permission::Connect))
            .map(str::to_owned),
    })
}

/// An id out of an address; one that is none names nothing.
pub fn known(text: &str) -> Result<Uuid, AppError> {
    text.parse().map_err(|_| AppError::NotFound("this address"))
}

/// `POST /connections/{id}/runs`: starts a run, or leads to the one that waits or works already.
pub async fn run_now(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    let connection = connections::get(&mut tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let run = if let Some(run) = runs::enqueue(&mut tx, id, Reads::Everything, (visit.now)()).await? {
        let change = Change { action: "run.started", subject: connection.name, ..Change::default() };
        visit.record(&mut tx, change).await?;
        run
    } else {
        let newest = connections::runs(&mut tx, id, 1).await?;
        newest.first().map(|run| run.id).ok_or_else(|| AppError::Conflict("the run has just ended".into()))?
    };
    tx.commit().await?;
    Ok(Redirect::to(&format!("/runs/{run}")).into_response())
}

/// `GET /connections/{id}/runs`: a reload of what the button led to.
pub async fn back(Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    Ok(Redirect::to(&format!("/connections/{id}")).into_response())
}
