//! Runs: how reading a connection went, and starting one.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::call::{Asked, Call, known};
use super::super::once::Once;
use super::super::problem::Problem;
use super::super::{Answer, listing, single};
use crate::auth::audit::Change;
use crate::error::AppError;
use crate::store::pages::connections;
use crate::store::runs::{self, Reads};

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    id: Uuid,
    connection_id: Uuid,
    /// `queued`, `running`, `done`, `failed` or `interrupted`.
    state: String,
    /// What it is doing, or did last.
    phase: String,
    assets_seen: i64,
    /// Assets new or changed.
    assets_changed: i64,
    gaps: i64,
    /// Why it failed.
    fault: Option<String>,
    /// How often a worker took it up.
    attempts: i32,
    queued_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// When the whole reading began that it builds on: it asks again only about what may have changed since.
    /// `null` where it reads everything itself, as a run that somebody starts does.
    builds_on: Option<DateTime<Utc>>,
}

impl Run {
    /// From a row of the store.
    pub fn of(row: connections::Run) -> Self {
        Self {
            id: row.id,
            connection_id: row.connection,
            state: row.state,
            phase: row.phase,
            assets_seen: row.assets_seen,
            assets_changed: row.assets_changed,
            gaps: row.gap_count,
            fault: row.fault,
            attempts: row.attempts,
            queued_at: row.queued_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            builds_on: row.since,
        }
    }
}

/// How many.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Newest {
    /// 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// List a connection's runs
///
/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/runs", tag = "connections", operation_id = "list_runs",
    params(("id" = Uuid, Path, description = "Id of the connection."), Newest),
    responses((status = 200, description = "The runs.", body = listing::Page<Run>)),
)]
pub async fn list(call: Call, uri: Uri, Path(id): Path<String>, Asked(asked): Asked<Newest>) -> Answer {
    let (id, size) = (known(&id)?, listing::size(asked.limit)?);
    let mut tx = call.begin().await?;
    connections::get(&mut tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let found = connections::runs(&mut tx, id, size).await?;
    drop(tx);
    let rows: Vec<Run> = found.into_iter().map(Run::of).collect();
    listing::whole(&uri, &rows)
}

/// Read a run
#[utoipa::path(
    get, path = "/api/v1/runs/{id}", tag = "connections", operation_id = "get_run",
    params(("id" = Uuid, Path, description = "Id of the run."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The run.", body = Run, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let found = connections::run(&mut tx, known(&id)?).await?.ok_or(AppError::NotFound("this run"))?;
    drop(tx);
    single::answer(&headers, &Run::of(found))
}

/// Start a run
///
/// It reads everything anew. Answers 201 with a new run, or 200 with the one that waits or works already: that
/// one reads everything too, or another that does follows it.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/runs", tag = "connections", operation_id = "start_run",
    params(("id" = Uuid, Path, description = "Id of the connection."),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    responses((status = 201, description = "The new run.", body = Run),
              (status = 200, description = "The run that is under way.", body = Run)),
)]
pub async fn start(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let once = Once::of(&call, &headers, &format!("runs of {id}"), &())?;
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let connection = connections::get(&mut tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let (status, run) = match runs::enqueue(&mut tx, id, Reads::Everything, call.now()).await? {
        Some(run) => {
            let change = Change { action: "run.started", subject: connection.name, ..Change::default() };
            call.record(&mut tx, change).await?;
            (StatusCode::CREATED, connections::run(&mut tx, run).await?)
        }
        None => (StatusCode::OK, connections::runs(&mut tx, id, 1).await?.pop()),
    };
    let run = run.ok_or_else(|| Problem::from(AppError::Conflict("the run has just ended".into())))?;
    once.done(tx, &call, status, &Run::of(run)).await
}
