//! Trackers: where tickets are also worked on.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Call, known};
use super::super::problem::Problem;
use super::super::{Answer, listing, single};
use super::tickets;
use crate::desk::trackers::{self as desk, Wanted};
use crate::desk::webhooks::Means;
use crate::error::AppError;
use crate::model::{Area, Severity, StateNames, TrackerKind, TrackerRule, TrackerSpec};
use crate::store::Tx;
use crate::store::trackers as store;

/// The tracker's words for our states; empty is found out.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StateWords {
    #[schema(max_length = 100)]
    open: String,
    #[schema(max_length = 100)]
    in_progress: String,
    #[schema(max_length = 100)]
    done: String,
    #[schema(max_length = 100)]
    wont_fix: String,
}

/// Which tickets go there by themselves; null narrows nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GoesThere {
    /// This severity or worse.
    severity: Option<Severity>,
    area: Option<Area>,
    owner: Option<String>,
}

/// A tracker. Its token is not told.
#[derive(Debug, Serialize, ToSchema)]
struct Tracker {
    id: Uuid,
    name: String,
    kind: TrackerKind,
    #[schema(example = "https://acme.atlassian.net")]
    address: String,
    /// A project's key, `owner/repository`, or a table.
    #[schema(example = "SEC")]
    place: String,
    login: String,
    issue_type: String,
    states: StateWords,
    /// Null where tickets go there by hand alone.
    rule: Option<GoesThere>,
    /// Since when nothing is said or asked.
    paused_at: Option<DateTime<Utc>>,
    /// Why the last look failed.
    fault: Option<String>,
    fault_at: Option<DateTime<Utc>>,
}

impl Tracker {
    fn of(row: store::Tracker) -> Self {
        let states = row.spec.states;
        Self {
            id: row.id,
            name: row.name,
            kind: row.spec.kind,
            address: row.spec.address,
            place: row.spec.place,
            login: row.spec.login,
            issue_type: row.spec.issue_type,
            states: StateWords {
                open: states.open,
                in_progress: states.in_progress,
                done: states.done,
                wont_fix: states.wont_fix,
            },
            rule: row.rule.map(|rule| GoesThere {
                severity: rule.severity,
                area: rule.area,
                owner: rule.owner,
            }),
            paused_at: row.paused_at,
            fault: row.fault,
            fault_at: row.fault_at,
        }
    }
}

/// A tracker as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedTracker {
    #[schema(min_length = 1, max_length = 60, pattern = r"\S")]
    name: String,
    kind: TrackerKind,
    #[schema(format = "uri", max_length = 300)]
    address: String,
    #[schema(min_length = 1, max_length = 200)]
    place: String,
    /// The e-mail address or user the token belongs to; empty for a token that stands alone.
    #[serde(default)]
    #[schema(max_length = 200)]
    login: String,
    /// Token or password; left out in a change it stays, as long as the address does.
    #[serde(default)]
    #[schema(max_length = 4000)]
    secret: String,
    #[serde(default)]
    #[schema(max_length = 100)]
    issue_type: String,
    #[serde(default)]
    states: StateWords,
    #[serde(default)]
    rule: Option<GoesThere>,
}

impl From<WantedTracker> for Wanted {
    fn from(sent: WantedTracker) -> Self {
        let states = sent.states;
        Self {
            name: sent.name,
            spec: TrackerSpec {
                kind: sent.kind,
                address: sent.address,
                place: sent.place,
                login: sent.login,
                issue_type: sent.issue_type,
                states: StateNames {
                    open: states.open,
                    in_progress: states.in_progress,
                    done: states.done,
                    wont_fix: states.wont_fix,
                },
            },
            secret: sent.secret,
            rule: sent.rule.map(|rule| TrackerRule {
                severity: rule.severity,
                area: rule.area,
                owner: rule.owner,
            }),
        }
    }
}

async fn found(tx: &mut Tx, id: &str) -> Result<store::Tracker, Problem> {
    Ok(store::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this tracker"))?)
}

fn means(call: &Call) -> Means<'_> {
    Means { vault: &call.state.vault, guard: &call.state.guard }
}

/// List trackers
///
/// All of them, by name.
#[utoipa::path(
    get, path = "/api/v1/trackers", tag = "trackers", operation_id = "list_trackers",
    responses((status = 200, description = "Every tracker.", body = listing::Page<Tracker>)),
)]
pub async fn list(call: Call, uri: Uri) -> Answer {
    let mut tx = call.begin().await?;
    let all = store::list(&mut tx).await?;
    drop(tx);
    listing::whole(&uri, &all.into_iter().map(Tracker::of).collect::<Vec<_>>())
}

/// Read a tracker
#[utoipa::path(
    get, path = "/api/v1/trackers/{id}", tag = "trackers", operation_id = "get_tracker",
    params(("id" = Uuid, Path, description = "Id of the tracker."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The tracker.", body = Tracker, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    drop(tx);
    single::answer(&headers, &Tracker::of(row))
}

/// Connect a tracker
#[utoipa::path(
    post, path = "/api/v1/trackers", tag = "trackers", operation_id = "connect_tracker",
    request_body = WantedTracker,
    responses((status = 201, description = "The new tracker.", body = Tracker)),
)]
pub async fn make(call: Call, Sent(sent): Sent<WantedTracker>) -> Answer {
    let mut tx = call.begin().await?;
    let id = desk::save(&mut tx, &call.actor, means(&call), None, &sent.into(), call.now()).await?;
    let made = Tracker::of(found(&mut tx, &id.to_string()).await?);
    tx.commit().await?;
    single::changed(StatusCode::CREATED, &made)
}

/// Replace a tracker's settings
#[utoipa::path(
    put, path = "/api/v1/trackers/{id}", tag = "trackers", operation_id = "replace_tracker",
    params(("id" = Uuid, Path, description = "Id of the tracker.")),
    request_body = WantedTracker,
    responses((status = 200, description = "The tracker as it is now.", body = Tracker)),
)]
pub async fn replace(call: Call, Path(id): Path<String>, Sent(sent): Sent<WantedTracker>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    desk::save(&mut tx, &call.actor, means(&call), Some(&row), &sent.into(), call.now()).await?;
    let after = Tracker::of(found(&mut tx, &id).await?);
    tx.commit().await?;
    single::changed(StatusCode::OK, &after)
}

/// Remove a tracker
///
/// Its issues stay where they are.
#[utoipa::path(
    delete, path = "/api/v1/trackers/{id}", tag = "trackers", operation_id = "remove_tracker",
    params(("id" = Uuid, Path, description = "Id of the tracker.")),
    responses((status = 200, description = "The tracker as it was.", body = Tracker)),
)]
pub async fn remove(call: Call, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    desk::delete(&mut tx, &call.actor, &row, call.now()).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &Tracker::of(row))
}

/// How a look at a tracker went.
#[derive(Debug, Serialize, ToSchema)]
struct CheckedTracker {
    works: bool,
    /// As whom and where, or what is wrong.
    said: String,
}

/// Check a tracker
///
/// Logs in and looks at the place.
#[utoipa::path(
    post, path = "/api/v1/trackers/{id}/check", tag = "trackers", operation_id = "check_tracker",
    params(("id" = Uuid, Path, description = "Id of the tracker.")),
    responses((status = 200, description = "How it went.", body = CheckedTracker)),
)]
pub async fn check(call: Call, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let said = desk::check(tx, means(&call), &row, call.state.now).await?;
    let works = said.is_ok();
    let (Ok(said) | Err(said)) = said;
    single::changed(StatusCode::OK, &CheckedTracker { works, said })
}

/// Where a ticket is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendTicket {
    /// Id of a tracker.
    tracker: Uuid,
}

/// A ticket as a tracker knows it.
#[derive(Debug, Serialize, ToSchema)]
struct TicketElsewhere {
    /// Id of the tracker.
    tracker: Uuid,
    name: String,
    /// `wanted` until it is made there, `there`, or `lost` where it was deleted there.
    state: String,
    /// Its name there.
    key: Option<String>,
    url: Option<String>,
    /// What the tracker said last, in its own words.
    status: Option<String>,
    /// Why the tracker does not take it.
    fault: Option<String>,
}

/// Send a ticket to a tracker
///
/// It is made there once; where it is there already, nothing happens.
#[utoipa::path(
    post, path = "/api/v1/tickets/{id}/trackers", tag = "trackers", operation_id = "send_ticket",
    params(("id" = Uuid, Path, description = "Id of the ticket.")),
    request_body = SendTicket,
    responses((status = 202, description = "Where the ticket is known.", body = listing::Page<TicketElsewhere>)),
)]
pub async fn send(call: Call, uri: Uri, Path(id): Path<String>, Sent(sent): Sent<SendTicket>) -> Answer {
    let mut tx = call.begin().await?;
    let ticket = tickets::found(&mut tx, &id).await?;
    desk::send(&mut tx, &call.actor, &ticket, sent.tracker, call.now()).await?;
    let known = store::of_ticket(&mut tx, ticket.id).await?;
    tx.commit().await?;
    let elsewhere = |one: store::Known| TicketElsewhere {
        tracker: one.tracker,
        name: one.name,
        state: one.state,
        key: one.key,
        url: one.url,
        status: one.status,
        fault: one.fault,
    };
    let rows: Vec<TicketElsewhere> = known.into_iter().map(elsewhere).collect();
    let mut answer = listing::whole(&uri, &rows)?;
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}
