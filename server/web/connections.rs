//! The connections: what is read, when it was last read, and what could not be.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Answer, Frame, Visit, page, show};
use crate::store::pages::connections::{self, Connection, Run};

/// A run in a list.
pub struct RunLine {
    /// Its id.
    pub id: Uuid,
    /// Its state as a word.
    pub state: &'static str,
    /// A class for the word.
    pub look: &'static str,
    /// It waits or works.
    pub live: bool,
    /// Asked for, for machines.
    pub at: String,
    /// Asked for, for people.
    pub when: String,
    /// How long it took or has taken.
    pub took: String,
    /// Assets seen.
    pub seen: String,
    /// Assets new or changed.
    pub changed: String,
    /// Gaps met.
    pub gaps: String,
    /// Why it failed.
    pub fault: Option<String>,
}

impl RunLine {
    /// From a row of the store.
    pub fn of(run: &Run, now: DateTime<Utc>) -> Self {
        let (state, look) = match run.state.as_str() {
            "queued" => ("Waiting", "low"),
            "running" => ("Reading", "serverless"),
            "done" if run.gap_count > 0 => ("Done, with gaps", "medium"),
            "done" => ("Done", "low"),
            "failed" => ("Failed", "critical"),
            _ => ("Interrupted", "high"),
        };
        let took = run.started_at.map(|started| show::span(run.finished_at.unwrap_or(now) - started));
        Self {
            id: run.id,
            state,
            look,
            live: matches!(run.state.as_str(), "queued" | "running"),
            at: show::machine(run.queued_at),
            when: show::ago(now, run.queued_at),
            took: took.unwrap_or_else(|| "–".into()),
            seen: show::number(run.assets_seen),
            changed: show::number(run.assets_changed),
            gaps: show::number(run.gap_count),
            fault: run.fault.clone(),
        }
    }
}

/// A connection in a list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Who runs the source.
    pub provider: &'static str,
    /// What is read of it.
    pub reach: String,
    /// How often it is read.
    pub every: String,
    /// When it is read next, for people; empty where that is not known.
    pub next: String,
    /// Not read until somebody says so.
    pub paused: bool,
    /// Not read any more, since then.
    pub removed: Option<String>,
    /// The newest run.
    pub last: Option<RunLine>,
}

impl Line {
    /// From rows of the store.
    pub fn of(connection: &Connection, last: Option<&Run>, now: DateTime<Utc>) -> Self {
        Self {
            id: connection.id,
            name: connection.name.clone(),
            provider: provider(&connection.provider),
            reach: reach(&connection.spec),
            every: show::span(TimeDelta::seconds(connection.interval_seconds)),
            next: connection.due_at.map_or_else(String::new, |due| show::soon(now, due)),
            paused: connection.paused,
            removed: connection.removed_at.map(show::moment),
            last: last.map(|run| RunLine::of(run, now)),
        }
    }
}

fn provider(code: &str) -> &'static str {
    code.parse::<crate::model::Provider>().map_or("Unknown", |provider| provider.label())
}

/// What a connection's spec says it reads, in a line.
fn reach(spec: &Value) -> String {
    let list = |name: &str| -> Vec<&str> {
        spec[name].as_array().map(|all| all.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    };
    match spec["source"].as_str() {
        Some("aws") if list("regions").is_empty() => "every enabled region".into(),
        Some("aws") => list("regions").join(", "),
        Some("azure") => list("subscriptions").join(", "),
        Some("registry") => spec["address"].as_str().unwrap_or("").into(),
        _ => String::new(),
    }
}

#[derive(Template)]
#[template(path = "pages/connections.html")]
struct ConnectionsPage {
    frame: Frame,
    lines: Vec<Line>,
    removed: Vec<Removed>,
}

/// A connection that is not read any more and keeps its history.
struct Removed {
    id: Uuid,
    name: String,
    when: String,
}

/// `GET /connections`.
pub async fn show(visit: Visit) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let all = connections::list(&mut tx).await?;
    let runs = connections::last_runs(&mut tx).await?;
    let removed = connections::removed(&mut tx).await?;
    drop(tx);
    let line = |one: &Connection| Line::of(one, runs.iter().find(|run| run.connection == one.id), now);
    let gone = |(id, name, at)| Removed { id, name, when: show::ago(now, at) };
    page(&ConnectionsPage {
        frame: visit.frame("connections"),
        lines: all.iter().map(line).collect(),
        removed: removed.into_iter().map(gone).collect(),
    })
}
