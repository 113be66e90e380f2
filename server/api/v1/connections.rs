//! Connections: what is read, and what could not be.

use axum::extract::Path;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::call::{Call, known};
use super::super::problem::Problem;
use super::super::{Answer, listing, single};
use super::connection_changes::TestTold;
use super::runs::Run;
use super::sources::SourceTold;
use crate::error::AppError;
use crate::model::{Permission, Provider};
use crate::store::Tx;
use crate::store::pages::connections;

/// Kinds of gaps told at most.
const MOST_GAPS: i64 = 500;

/// A connection. How it is reached is told only to those who may connect.
#[derive(Debug, Serialize, ToSchema)]
pub struct Connection {
    id: Uuid,
    name: String,
    provider: Option<Provider>,
    /// How often it is read, in seconds.
    interval_seconds: i64,
    /// Not read until somebody says so.
    paused: bool,
    /// When it is read next; null where it is paused or never was read.
    due_at: Option<DateTime<Utc>>,
    /// Its newest run; null before the first.
    last_run: Option<Run>,
    /// How it is reached; null for those who may not connect.
    source: Option<SourceTold>,
    /// Since when its secret is kept; null where it has none.
    secret_since: Option<DateTime<Utc>>,
    /// What its last test said; null for those who may not connect, and before the first.
    last_test: Option<TestTold>,
}

impl Connection {
    fn of(row: connections::Connection, last: Option<connections::Run>, call: &Call) -> Self {
        let connects = call.actor.may(Permission::Connect);
        let spec = Some(row.spec).filter(|_| connects).and_then(|spec| serde_json::from_value(spec).ok());
        let tested = row.tested.filter(|_| connects).and_then(|told| serde_json::from_value(told).ok());
        Self {
            id: row.id,
            name: row.name,
            provider: row.provider.parse().ok(),
            interval_seconds: row.interval_seconds,
            paused: row.paused,
            due_at: row.due_at,
            last_run: last.map(Run::of),
            source: spec.map(SourceTold::of),
            secret_since: row.kept_since,
            last_test: tested.map(TestTold::of),
        }
    }
}

/// A kind of gap: what could not be read, why, and what would help.
#[derive(Debug, Serialize, ToSchema)]
struct Gap {
    /// What could not be read.
    facet: String,
    /// The call.
    call: String,
    /// The source's error code.
    code: String,
    /// One of its messages.
    message: String,
    /// The permission that would help.
    permission: Option<String>,
    /// Whole assets are hidden, not just facts of theirs.
    hides_assets: bool,
    /// How many assets, or calls, it concerns.
    times: i64,
}

/// A connection as it is told.
pub async fn whole(tx: &mut Tx, call: &Call, id: Uuid) -> Result<Connection, Problem> {
    let found = connections::get(tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let last = connections::runs(tx, id, 1).await?.into_iter().next();
    Ok(Connection::of(found, last, call))
}

/// List connections
///
/// All of them, by name, each with its newest run.
#[utoipa::path(
    get, path = "/api/v1/connections", tag = "connections", operation_id = "list_connections",
    responses((status = 200, description = "Every connection.", body = listing::Page<Connection>)),
)]
pub async fn list(call: Call, uri: Uri) -> Answer {
    let mut tx = call.begin().await?;
    let all = connections::list(&mut tx).await?;
    let mut runs = connections::last_runs(&mut tx).await?;
    drop(tx);
    let rows: Vec<Connection> = all
        .into_iter()
        .map(|one| {
            let place = runs.iter().position(|run| run.connection == one.id);
            Connection::of(one, place.map(|place| runs.swap_remove(place)), &call)
        })
        .collect();
    listing::whole(&uri, &rows)
}

/// Read a connection
#[utoipa::path(
    get, path = "/api/v1/connections/{id}", tag = "connections", operation_id = "get_connection",
    params(("id" = Uuid, Path, description = "Id of the connection."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The connection.", body = Connection, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let told = whole(&mut tx, &call, known(&id)?).await?;
    drop(tx);
    single::answer(&headers, &told)
}

/// List a connection's gaps
///
/// What its last finished run could not read, the kinds that hide whole assets first; at most 500.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}/gaps", tag = "connections", operation_id = "list_gaps",
    params(("id" = Uuid, Path, description = "Id of the connection.")),
    responses((status = 200, description = "The gaps.", body = listing::Page<Gap>)),
)]
pub async fn gaps(call: Call, uri: Uri, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let mut tx = call.begin().await?;
    connections::get(&mut tx, id).await?.ok_or(AppError::NotFound("this connection"))?;
    let runs = connections::runs(&mut tx, id, 20).await?;
    let last = runs.iter().find(|run| matches!(run.state.as_str(), "done" | "failed"));
    let found = match last {
        Some(run) => connections::holes(&mut tx, &[run.id], MOST_GAPS).await?,
        None => Vec::new(),
    };
    drop(tx);
    let rows: Vec<Gap> = found
        .into_iter()
        .map(|hole| Gap {
            facet: hole.facet,
            call: hole.call,
            code: hole.code,
            message: hole.message,
            permission: hole.permission,
            hides_assets: hole.hides_assets,
            times: hole.times,
        })
        .collect();
    listing::whole(&uri, &rows)
}
