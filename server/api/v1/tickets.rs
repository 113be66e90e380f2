//! Tickets: opened from findings, moved along, talked about; a ticket system's side of the house.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Asked, Call, known};
use super::super::once::Once;
use super::super::problem::Problem;
use super::super::{Answer, ApiState, listing, single};
use crate::desk::tickets::{self as desk, Wanted};
use crate::error::AppError;
use crate::model::{ExceptionKind, Severity, TicketState};
use crate::pipeline::exceptions;
use crate::rules;
use crate::store::pages::tickets::{self, Filter, Key};
use crate::store::{Tx, tickets as store};

/// A ticket (row).
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    id: Uuid,
    /// Counts within the tenant.
    number: i64,
    /// Code of the control its findings fail.
    #[schema(example = "ACC-02")]
    control: String,
    /// The defect.
    title: String,
    /// Owner of the assets, by tag; their account where no tag names one.
    owner: String,
    state: TicketState,
    /// The worst among its findings so far.
    severity: Severity,
    findings: i64,
    /// Findings that are not resolved.
    open_findings: i64,
    /// Id of the member who works on it.
    assignee: Option<Uuid>,
    /// Null where nobody works on it, or they have left.
    assignee_name: Option<String>,
    due_at: Option<DateTime<Utc>>,
    overdue: bool,
    opened_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    /// Its page in the dashboard.
    page: String,
}

impl Ticket {
    fn of(row: tickets::Ticket, state: &ApiState) -> Self {
        Self {
            title: super::findings::title(&row.control),
            overdue: row.overdue((state.now)()),
            page: state.link(&format!("/tickets/{}", row.id)),
            id: row.id,
            number: row.number,
            control: row.control,
            owner: row.owner,
            state: row.state,
            severity: row.severity,
            findings: row.findings,
            open_findings: row.open_findings,
            assignee: row.assignee,
            assignee_name: row.assignee_name,
            due_at: row.due_at,
            opened_at: row.opened_at,
            changed_at: row.changed_at,
            closed_at: row.closed_at,
        }
    }
}

/// Where the same work is known elsewhere.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// http or https.
    #[schema(format = "uri", max_length = 2000, example = "https://tracker.example.org/SEC-7")]
    url: String,
    /// Its name there; without it the host of the address.
    #[serde(default)]
    #[schema(max_length = 100)]
    label: String,
}

impl Reference {
    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name there.
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// A ticket with what to do.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketWhole {
    #[serde(flatten)]
    ticket: Ticket,
    /// Why it matters, in Markdown.
    why: String,
    /// What to do, in Markdown.
    remedy: String,
    references: Vec<Reference>,
    /// Where it may go from here.
    next_states: Vec<TicketState>,
}

/// What tickets may be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    #[param(inline)]
    state: Option<TicketState>,
    #[param(inline)]
    severity: Option<Severity>,
    /// Code of a control.
    control: Option<String>,
    owner: Option<String>,
    /// Id of a member.
    assignee: Option<Uuid>,
    /// Only those under way and past their due date.
    overdue: Option<bool>,
    /// Only those that changed since.
    changed_since: Option<DateTime<Utc>>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
    /// Only these fields of a row, separated by commas.
    fields: Option<String>,
}

/// List tickets
///
/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/tickets", tag = "tickets", operation_id = "list_tickets", params(Narrow),
    responses((status = 200, description = "A page of tickets.", body = listing::Page<Ticket>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Narrow>) -> Answer {
    let size = listing::size(asked.limit)?;
    let text = |part: &Option<String>| part.as_ref().map(|text| text.replace('\0', "\u{fffd}"));
    let filter = Filter {
        under_way: false,
        state: asked.state,
        severity: asked.severity,
        control: text(&asked.control),
        owner: text(&asked.owner),
        assignee: asked.assignee,
        due_before: asked.overdue.unwrap_or_default().then(|| call.now()),
        changed_since: asked.changed_since,
    };
    let mut tx = call.begin().await?;
    let found = tickets::list(&mut tx, &filter, listing::key::<Key>(asked.cursor.as_deref())?, size).await?;
    drop(tx);
    let last = found.rows.last().filter(|_| found.more).map(|row| Key { number: row.number });
    let rows: Vec<Ticket> = found.rows.into_iter().map(|row| Ticket::of(row, &call.state)).collect();
    listing::answer(&uri, asked.fields.as_deref(), &rows, last)
}

pub async fn found(tx: &mut Tx, id: &str) -> Result<tickets::Ticket, Problem> {
    Ok(tickets::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this ticket"))?)
}

pub async fn whole(tx: &mut Tx, row: tickets::Ticket, state: &ApiState) -> Result<TicketWhole, Problem> {
    let references = tickets::references(tx, row.id).await?;
    let control = rules::find(&row.control);
    let section = |heading| control.and_then(|one| one.section(heading)).unwrap_or("").to_owned();
    Ok(TicketWhole {
        why: section("Why it matters"),
        remedy: section("What to do"),
        references: references.into_iter().map(|(url, label)| Reference { url, label }).collect(),
        next_states: row.state.next().to_vec(),
        ticket: Ticket::of(row, state),
    })
}

/// Read a ticket
///
/// With what to do. Its findings: `/api/v1/findings?ticket=…`.
#[utoipa::path(
    get, path = "/api/v1/tickets/{id}", tag = "tickets", operation_id = "get_ticket",
    params(("id" = Uuid, Path, description = "Id of the ticket."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The ticket.", body = TicketWhole, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let whole = whole(&mut tx, row, &call.state).await?;
    drop(tx);
    single::answer(&headers, &whole)
}

/// Findings to work on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingsToGather {
    /// Ids of findings.
    #[schema(min_items = 1, max_items = 500)]
    findings: Vec<Uuid>,
}

/// What became, or would become, of a ticket.
#[derive(Debug, Serialize, ToSchema)]
struct GatheredTicket {
    /// Null where it would be opened.
    id: Option<Uuid>,
    number: Option<i64>,
    /// It is new.
    opened: bool,
    /// Findings that come into it.
    added: i64,
    control: String,
    owner: String,
}

/// Findings brought into tickets.
#[derive(Debug, Serialize, ToSchema)]
struct GatheredTickets {
    tickets: Vec<GatheredTicket>,
    /// Findings left where they are: resolved, in a ticket already, or not there.
    left_out: i64,
}

async fn would(tx: &mut Tx, ids: &[Uuid]) -> Result<GatheredTickets, Problem> {
    let preview = store::preview(tx, ids).await?;
    let tickets = preview.groups.into_iter().map(|group| GatheredTicket {
        id: group.ticket.map(|(id, _)| id),
        number: group.ticket.map(|(_, number)| number),
        opened: group.ticket.is_none(),
        added: i64::try_from(group.findings.len()).unwrap_or(i64::MAX),
        control: group.control,
        owner: group.owner,
    });
    Ok(GatheredTickets {
        tickets: tickets.collect(),
        left_out: i64::try_from(preview.left_out).unwrap_or(i64::MAX),
    })
}

/// Preview tickets
///
/// Which tickets these findings would come into; nothing is done.
#[utoipa::path(
    post, path = "/api/v1/tickets/preview", tag = "tickets", operation_id = "preview_tickets",
    request_body = FindingsToGather,
    responses((status = 200, description = "What would be done.", body = GatheredTickets)),
)]
pub async fn preview(call: Call, Sent(sent): Sent<FindingsToGather>) -> Answer {
    let ids = desk::some(sent.findings)?;
    let mut tx = call.begin().await?;
    let would = would(&mut tx, &ids).await?;
    drop(tx);
    single::changed(StatusCode::OK, &would)
}

/// Open tickets
///
/// One for each control and owner among the findings; where one is under way for the same, the
/// findings come into it. 201 where at least one is new.
#[utoipa::path(
    post, path = "/api/v1/tickets", tag = "tickets", operation_id = "open_tickets",
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    request_body = FindingsToGather,
    responses((status = 201, description = "At least one ticket is new.", body = GatheredTickets),
              (status = 200, description = "None is new.", body = GatheredTickets)),
)]
pub async fn open(call: Call, headers: HeaderMap, Sent(sent): Sent<FindingsToGather>) -> Answer {
    let once = Once::of(&call, &headers, "tickets", &sent)?;
    let ids = desk::some(sent.findings)?;
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let mut told = would(&mut tx, &ids).await?;
    let done = desk::open(&mut tx, &call.actor, ids, call.now()).await?;
    told.tickets.clear();
    for one in &done {
        let row = tickets::get(&mut tx, one.id).await?.ok_or(AppError::NotFound("this ticket"))?;
        told.tickets.push(GatheredTicket {
            id: Some(one.id),
            number: Some(one.number),
            opened: one.opened,
            added: one.added,
            control: row.control,
            owner: row.owner,
        });
    }
    let status = if done.iter().any(|one| one.opened) { StatusCode::CREATED } else { StatusCode::OK };
    once.done(tx, &call, status, &told).await
}

/// What still fails is accepted for a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketAcceptance {
    kind: ExceptionKind,
    /// To come, and within the tenant's longest time.
    until: DateTime<Utc>,
}

/// A change of a ticket; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "null takes away, absent leaves (RFC 7396)")]
pub struct TicketChange {
    #[serde(default)]
    #[schema(nullable = false)]
    state: Option<TicketState>,
    /// Why: needed for `wont_fix`, and for `done` while findings still fail.
    #[serde(default)]
    #[schema(max_length = 10000)]
    reason: String,
    /// With the state `done`: an exception for what still fails, with `reason` as its reason. Takes the
    /// scope `accept` as well.
    #[serde(default)]
    #[schema(nullable = false)]
    accept: Option<TicketAcceptance>,
    /// Id of a member, or null for nobody.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<Uuid>)]
    assignee: Option<Option<Uuid>>,
    /// A moment, or null for none.
    #[serde(default, deserialize_with = "named")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    due_at: Option<Option<DateTime<Utc>>>,
}

/// Tells null from nothing said.
#[expect(clippy::option_option, reason = "null takes away, absent leaves (RFC 7396)")]
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Change a ticket
///
/// Along the legal path: what is closed is opened again before anything else.
#[utoipa::path(
    patch, path = "/api/v1/tickets/{id}", tag = "tickets", operation_id = "change_ticket",
    params(("id" = Uuid, Path, description = "Id of the ticket."),
           ("If-Match" = Option<String>, Header, description = "The `ETag` of what you read: refused where it changed since.")),
    request_body = TicketChange,
    responses((status = 200, description = "The ticket as it is now.", body = TicketWhole, headers(("ETag" = String))),
              (status = 412, description = "It changed since you read it.", body = super::super::problem::Document, content_type = "application/problem+json")),
)]
pub async fn change(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Sent(sent): Sent<TicketChange>,
) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let before = whole(&mut tx, row.clone(), &call.state).await?;
    single::unchanged(&headers, &before)?;
    let wanted = Wanted {
        state: sent.state,
        why: sent.reason.replace('\0', "\u{fffd}"),
        assignee: sent.assignee,
        due_at: sent.due_at,
        accept: sent.accept.map(|one| (one.kind, one.until)),
    };
    let exception = desk::change(&mut tx, &call.actor, &row, &wanted, call.now()).await?;
    tx.commit().await?;
    if let Some(exception) = exception {
        exceptions::settle_small(&call.state.store, call.actor.tenant, exception, call.state.now).await?;
    }
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let after = whole(&mut tx, row, &call.state).await?;
    drop(tx);
    single::changed(StatusCode::OK, &after)
}
