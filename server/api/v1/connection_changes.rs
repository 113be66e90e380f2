//! Connections made, changed, tested and removed by programs.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::body::Sent;
use super::super::call::{Asked, Call, known};
use super::super::once::Once;
use super::super::problem::{Document, Problem};
use super::super::{Answer, single};
use super::connections::{Connection, whole};
use super::sources::SourceSent;
use crate::desk::connections::{self as desk, Draft, Keeping, Lead, Made, Named};
use crate::model::{Tested, Try};
use crate::store::connections as store;

const fn usual() -> i64 {
    21_600
}

/// A connection to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSent {
    /// Unique among those that are not removed.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[A-Za-z0-9][A-Za-z0-9 ._/-]*$",
        example = "Production"
    )]
    name: String,
    /// How often it is read, in seconds; six hours without it.
    #[serde(default = "usual")]
    #[schema(minimum = 60, maximum = 2_592_000)]
    interval_seconds: i64,
    /// Not read until somebody says so.
    #[serde(default)]
    paused: bool,
    source: SourceSent,
}

/// Connect a source
///
/// Its first run is queued unless it is paused. An AWS role has to ask for the `external_id` that the
/// answer tells: pause the connection, make the role, test, resume.
#[utoipa::path(
    post, path = "/api/v1/connections", tag = "connections", operation_id = "create_connection",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    request_body = ConnectionSent,
    responses((status = 201, description = "The connection.", body = Connection, headers(("ETag" = String)))),
)]
pub async fn create(call: Call, headers: HeaderMap, Sent(sent): Sent<ConnectionSent>) -> Answer {
    let once = Once::of(&call, &headers, "connections", &sent)?;
    let (wish, secret) = sent.source.read()?;
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let named = Named { name: &sent.name, interval_seconds: sent.interval_seconds, paused: sent.paused };
    let (draft, made) = (Draft::fresh(call.now()), Made { named, wish: &wish, secret });
    let keeping = Keeping { vault: &call.state.vault, terms: &call.state.terms };
    let id = desk::add(&mut tx, &call.actor, keeping, &draft, made, call.now()).await?;
    let told = whole(&mut tx, &call, id).await?;
    once.done(tx, &call, StatusCode::CREATED, &told).await
}

/// A change of a connection; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionChange {
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9][A-Za-z0-9 ._/-]*$")]
    name: Option<String>,
    /// How often it is read, in seconds.
    #[serde(default)]
    #[schema(nullable = false, minimum = 60, maximum = 2_592_000)]
    interval_seconds: Option<i64>,
    /// Not read until somebody says so.
    #[serde(default)]
    #[schema(nullable = false)]
    paused: Option<bool>,
    /// Another way to reach the same kind of source, whole. A secret that is kept is sent nowhere but
    /// where it was given for: who changes the place gives it again.
    #[serde(default)]
    #[schema(nullable = false)]
    source: Option<SourceSent>,
}

/// Change a connection
#[utoipa::path(
    patch, path = "/api/v1/connections/{id}", tag = "connections", operation_id = "change_connection",
    params(("id" = Uuid, Path, description = "Id of the connection."),
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what you read: refused where it changed since.")),
    request_body = ConnectionChange,
    responses((status = 200, description = "The connection as it is now.", body = Connection, headers(("ETag" = String))),
              (status = 412, description = "It changed since you read it.", body = Document, content_type = "application/problem+json")),
)]
pub async fn change(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Sent(sent): Sent<ConnectionChange>,
) -> Answer {
    let id = known(&id)?;
    let mut tx = call.begin().await?;
    let connection = desk::get(&mut tx, id).await?;
    single::unchanged(&headers, &whole(&mut tx, &call, id).await?)?;
    make(&mut tx, &call, &connection, &sent).await?;
    let told = whole(&mut tx, &call, id).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &told)
}

async fn make(
    tx: &mut crate::store::Tx,
    call: &Call,
    connection: &store::Connection,
    sent: &ConnectionChange,
) -> Result<(), Problem> {
    let (actor, now) = (&call.actor, call.now());
    if let Some(source) = &sent.source {
        let (wish, secret) = source.read()?;
        let keeping = Keeping { vault: &call.state.vault, terms: &call.state.terms };
        let lead = Lead { wish: &wish, secret };
        desk::lead(tx, actor, keeping, connection, lead, now).await?;
    }
    let name = sent.name.as_deref().unwrap_or(&connection.name);
    let interval = sent.interval_seconds.unwrap_or(connection.interval_seconds);
    if sent.name.is_some() || sent.interval_seconds.is_some() {
        desk::rename(tx, actor, connection, name, interval, now).await?;
    }
    if let Some(paused) = sent.paused {
        desk::pause(tx, actor, connection, paused, now).await?;
    }
    Ok(())
}

/// What becomes of what was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum History {
    /// Its assets are gone, its findings resolved; both can still be looked up.
    Keep,
    /// All of it is deleted.
    Erase,
}

/// How a connection is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Removal {
    /// What becomes of what was read through it.
    #[param(inline)]
    history: History,
}

/// Remove a connection
///
/// It is not read again, and its secret is deleted at once. What was read is put away, or erased, by
/// the next worker that comes to it.
#[utoipa::path(
    delete, path = "/api/v1/connections/{id}", tag = "connections", operation_id = "remove_connection",
    params(("id" = Uuid, Path, description = "Id of the connection."), Removal,
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what you read: refused where it changed since.")),
    responses((status = 204, description = "It is removed."),
              (status = 412, description = "It changed since you read it.", body = Document, content_type = "application/problem+json")),
)]
pub async fn remove(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Asked(asked): Asked<Removal>,
) -> Answer {
    let id = known(&id)?;
    let mut tx = call.begin().await?;
    let connection = desk::get(&mut tx, id).await?;
    single::unchanged(&headers, &whole(&mut tx, &call, id).await?)?;
    let erase = matches!(asked.history, History::Erase);
    desk::remove(&mut tx, &call.actor, &connection, erase, call.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// One call of a test.
#[derive(Debug, Serialize, ToSchema)]
struct TriedCall {
    /// The call, as the source names it.
    call: String,
    /// What it was tried on; empty for the source itself.
    on: String,
    /// `works`, `denied`, `failed` or `untried`.
    result: &'static str,
    /// What came of it, or the source's own code.
    said: String,
    /// The permission that would help.
    permission: Option<String>,
}

impl TriedCall {
    fn of(one: Try) -> Self {
        Self {
            call: one.call,
            on: one.on,
            result: one.went.code(),
            said: one.said,
            permission: one.permission,
        }
    }
}

/// What a test said.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestTold {
    at: DateTime<Utc>,
    /// Everything that was tried works.
    works: bool,
    /// Why nothing, or nothing more, could be tried.
    fault: Option<String>,
    /// The permissions that are missing.
    missing: Vec<String>,
    calls: Vec<TriedCall>,
}

impl TestTold {
    /// From what was kept.
    pub fn of(tested: Tested) -> Self {
        Self {
            at: tested.at,
            works: tested.is_whole(),
            missing: tested.missing().into_iter().map(str::to_owned).collect(),
            fault: tested.fault,
            calls: tested.tries.into_iter().map(TriedCall::of).collect(),
        }
    }
}

/// Test a connection
///
/// Each kind of call a run would make is tried once, where there is something to try it on; nothing
/// is read that is kept, but what the test said.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/test", tag = "connections", operation_id = "test_connection",
    params(("id" = Uuid, Path, description = "Id of the connection.")),
    responses((status = 200, description = "What it said.", body = TestTold, headers(("ETag" = String)))),
)]
pub async fn test(call: Call, Path(id): Path<String>) -> Answer {
    let (state, id) = (&call.state, known(&id)?);
    let done = desk::test_kept(&state.store, &state.vault, &state.terms, &call.actor, id, state.now).await?;
    single::changed(StatusCode::OK, &TestTold::of(done))
}
