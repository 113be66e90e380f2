//! The record of changes.

use axum::http::Uri;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::call::{Asked, Call};
use super::super::{Answer, listing};
use crate::store::audit::{self, Filter};

/// A line of the record.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    id: Uuid,
    at: DateTime<Utc>,
    /// `person:<id>`, `token:<id>`, `provider:<id>`, `tracker:<id>`, `house` or `system`.
    actor: String,
    actor_name: String,
    /// From where; empty for the system.
    address: String,
    #[schema(example = "member.role_changed")]
    action: String,
    /// What it was done to.
    subject: String,
    /// What it was; null where there is nothing to tell.
    #[schema(value_type = Option<Object>)]
    before: Option<serde_json::Value>,
    /// What it became.
    #[schema(value_type = Option<Object>)]
    after: Option<serde_json::Value>,
}

/// What the record may be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// Actions that begin so, as `member.`.
    action: Option<String>,
    /// Part of the actor's name or of the subject.
    text: Option<String>,
    /// Not before.
    from: Option<DateTime<Utc>>,
    /// Before.
    until: Option<DateTime<Utc>>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
}

/// List the record of changes
///
/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", operation_id = "list_audit", params(Narrow),
    responses((status = 200, description = "A page of the record.", body = listing::Page<AuditEntry>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Narrow>) -> Answer {
    let size = listing::size(asked.limit)?;
    let before = listing::key::<(DateTime<Utc>, Uuid)>(asked.cursor.as_deref())?;
    let text = |part: Option<String>| part.unwrap_or_default().replace('\0', "\u{fffd}");
    let filter =
        Filter { action: text(asked.action), text: text(asked.text), from: asked.from, until: asked.until };
    let mut tx = call.begin().await?;
    let mut found = audit::list(&mut tx, &filter, before, size + 1).await?;
    drop(tx);
    let size = usize::try_from(size).unwrap_or(0);
    let more = found.len() > size;
    found.truncate(size);
    let last = found.last().filter(|_| more).map(|entry| (entry.at, entry.id));
    let rows: Vec<AuditEntry> = found
        .into_iter()
        .map(|entry| AuditEntry {
            id: entry.id,
            at: entry.at,
            actor: entry.deed.actor,
            actor_name: entry.deed.actor_name,
            address: entry.deed.address,
            action: entry.deed.action,
            subject: entry.deed.subject,
            before: entry.deed.before,
            after: entry.deed.after,
        })
        .collect();
    listing::answer(&uri, None, &rows, last)
}
