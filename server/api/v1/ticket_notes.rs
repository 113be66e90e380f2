//! A ticket's story: what became of it and what was said, and where it is known elsewhere.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::body::Sent;
use super::super::call::{Asked, Call};
use super::super::once::Once;
use super::super::{Answer, listing, single};
use super::tickets::{Reference, TicketWhole, found, whole};
use crate::desk::tickets as desk;
use crate::store::pages::tickets;

/// A line of a ticket's story.
#[derive(Debug, Serialize, ToSchema)]
struct TicketNote {
    id: Uuid,
    at: DateTime<Utc>,
    /// `opened`, `findings`, `state`, `assigned`, `due`, `comment`, `reference` or `tracker`.
    kind: String,
    /// `person:…`, `token:…`, `rule` or `estate`.
    actor: String,
    actor_name: String,
    words: String,
}

/// How many, and from where.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
}

/// List a ticket's story
///
/// What became of it and what was said, the newest first.
#[utoipa::path(
    get, path = "/api/v1/tickets/{id}/notes", tag = "tickets", operation_id = "list_ticket_notes",
    params(("id" = Uuid, Path, description = "Id of the ticket."), Part),
    responses((status = 200, description = "A page of the story.", body = listing::Page<TicketNote>)),
)]
pub async fn notes(call: Call, uri: Uri, Path(id): Path<String>, Asked(asked): Asked<Part>) -> Answer {
    let (size, after) = (listing::size(asked.limit)?, listing::key::<Uuid>(asked.cursor.as_deref())?);
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    let story = tickets::notes(&mut tx, row.id, after, size).await?;
    drop(tx);
    let last = story.rows.last().filter(|_| story.more).map(|note| note.id);
    let note = |note: tickets::Note| TicketNote {
        id: note.id,
        at: note.at,
        kind: note.kind,
        actor: note.actor,
        actor_name: note.actor_name,
        words: note.words,
    };
    let rows: Vec<TicketNote> = story.rows.into_iter().map(note).collect();
    listing::answer(&uri, None, &rows, last)
}

/// Somebody's words.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    #[schema(min_length = 1, max_length = 10000, pattern = r"\S")]
    words: String,
}

/// Comment on a ticket
#[utoipa::path(
    post, path = "/api/v1/tickets/{id}/comments", tag = "tickets", operation_id = "comment_on_ticket",
    params(("id" = Uuid, Path, description = "Id of the ticket."),
           ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 200, pattern = "^[!-~]+$", description = "Sent twice, done once: remembered for a day.")),
    request_body = Comment,
    responses((status = 201, description = "The ticket as it is now.", body = TicketWhole)),
)]
pub async fn comment(
    call: Call,
    headers: HeaderMap,
    Path(id): Path<String>,
    Sent(sent): Sent<Comment>,
) -> Answer {
    let once = Once::of(&call, &headers, &format!("comments of {id}"), &sent)?;
    let mut tx = call.begin().await?;
    if let Some(answer) = once.earlier(&mut tx, &call).await? {
        return answer;
    }
    let row = found(&mut tx, &id).await?;
    desk::comment(&mut tx, &call.actor, &row, &sent.words, call.now()).await?;
    let row = found(&mut tx, &id).await?;
    let whole = whole(&mut tx, row, &call.state).await?;
    once.done(tx, &call, StatusCode::CREATED, &whole).await
}

/// Add a reference
///
/// Where the same work is known elsewhere; the same address again changes its label.
#[utoipa::path(
    put, path = "/api/v1/tickets/{id}/references", tag = "tickets", operation_id = "refer_ticket",
    params(("id" = Uuid, Path, description = "Id of the ticket.")),
    request_body = Reference,
    responses((status = 200, description = "The ticket as it is now.", body = TicketWhole)),
)]
pub async fn refer(call: Call, Path(id): Path<String>, Sent(sent): Sent<Reference>) -> Answer {
    let mut tx = call.begin().await?;
    let row = found(&mut tx, &id).await?;
    desk::refer(&mut tx, &call.actor, &row, sent.url(), sent.label(), call.now()).await?;
    let row = found(&mut tx, &id).await?;
    let whole = whole(&mut tx, row, &call.state).await?;
    tx.commit().await?;
    single::changed(StatusCode::OK, &whole)
}
