//! The record of changes, newest first, and the same as a file.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use futures::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Fault, Frame, Visit, page, show};
use crate::error::AppError;
use crate::model::TenantId;
use crate::store::audit::{self, Entry, Filter};
use crate::store::{Store, StoreError};

const SIZE: u16 = 100;
const BATCH: u16 = 1_000;

/// What is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    after: String,
}

/// A line of the record.
pub struct Line {
    /// When, for machines.
    pub at: String,
    /// When, for people.
    pub when: String,
    /// Who.
    pub who: String,
    /// From where.
    pub address: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What changed.
    pub change: String,
}

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage {
    frame: Frame,
    asked: Asked,
    lines: Vec<Line>,
    next: Option<String>,
    file: String,
}

fn filter(asked: &Asked) -> Result<Filter, Fault> {
    let day = |field: &str, text: &str| -> Result<Option<DateTime<Utc>>, Fault> {
        if text.is_empty() {
            return Ok(None);
        }
        let day: NaiveDate = text.parse().map_err(|_| AppError::Invalid {
            field: field.into(),
            problem: "write a day as 2026-01-31".into(),
        })?;
        Ok(Some(day.and_time(NaiveTime::MIN).and_utc()))
    };
    let until = day("until", &asked.until)?.map(|until| until + chrono::TimeDelta::days(1));
    Ok(Filter { action: asked.action.clone(), text: asked.q.clone(), from: day("from", &asked.from)?, until })
}

fn key(text: &str) -> Result<Option<(DateTime<Utc>, Uuid)>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let parts = text
        .split_once('_')
        .and_then(|(at, id)| Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.parse().ok()?)));
    let wrong = || AppError::Invalid { field: "after".into(), problem: "it is no place in this list".into() };
    Ok(Some(parts.ok_or_else(wrong)?))
}

fn change(before: Option<&Value>, after: Option<&Value>) -> String {
    let said = |value: &Value| match value {
        Value::Object(all) => all
            .iter()
            .map(|(name, value)| {
                format!("{name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    match (before.map(said), after.map(said)) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (Some(before), None) => format!("was {before}"),
        (None, Some(after)) => after,
        (None, None) => String::new(),
    }
}

/// `GET /audit`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let now = (visit.now)();
    let (filter, after) = (filter(&asked)?, key(&asked.after)?);
    let mut tx = visit.begin().await?;
    let mut entries = audit::list(&mut tx, &filter, after, i64::from(SIZE) + 1).await?;
    drop(tx);
    let more = entries.len() > usize::from(SIZE);
    entries.truncate(usize::from(SIZE));
    let parts =
        [("q", asked.q.as_str()), ("action", &asked.action), ("from", &asked.from), ("until", &asked.until)];
    let next = entries.last().filter(|_| more).map(|last| {
        let place = format!("{}_{}", last.at.timestamp_micros(), last.id);
        let mut parts = parts.to_vec();
        parts.push(("after", &place));
        show::link("/audit", &parts)
    });
    let line = |one: Entry| Line {
        at: show::machine(one.at),
        when: show::ago(now, one.at),
        who: one.deed.actor_name,
        address: one.deed.address,
        change: change(one.deed.before.as_ref(), one.deed.after.as_ref()),
        action: one.deed.action,
        subject: one.deed.subject,
    };
    let file = show::link("/audit.ndjson", &parts);
    page(&AuditPage {
        frame: visit.frame("audit"),
        asked,
        lines: entries.into_iter().map(line).collect(),
        next,
        file,
    })
}

/// `GET /audit.ndjson`: the whole record that matches, an object a line, read as it is sent.
pub async fn file(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let filter = filter(&asked)?;
    let lines = batches(visit.state.store.clone(), visit.actor.tenant, filter);
    let name = "attachment; filename=\"parallax-audit.ndjson\"";
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CONTENT_DISPOSITION, name)];
    let response: Response = (headers, Body::from_stream(lines)).into_response();
    Ok(response)
}

type Place = Option<(DateTime<Utc>, Uuid)>;

fn batches(
    store: Store,
    tenant: TenantId,
    filter: Filter,
) -> impl futures::Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold(Some(None), move |place: Option<Place>| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let Some(place) = place else { return Ok(None) };
            let mut tx = store.begin(tenant).await?;
            let entries = audit::list(&mut tx, &filter, place, i64::from(BATCH)).await?;
            let Some(last) = entries.last() else { return Ok(None) };
            let next = (entries.len() == usize::from(BATCH)).then_some(Some((last.at, last.id)));
            let text = entries.iter().fold(String::new(), |text, one| text + &object(one).to_string() + "\n");
            Ok(Some((Bytes::from(text), next)))
        }
    })
}

fn object(entry: &Entry) -> Value {
    let deed = &entry.deed;
    json!({ "id": entry.id, "at": show::machine(entry.at), "actor": deed.actor, "actor_name": deed.actor_name,
        "address": deed.address, "action": deed.action, "subject": deed.subject, "before": deed.before,
        "after": deed.after })
}
