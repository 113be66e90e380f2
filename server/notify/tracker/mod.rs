//! Trackers behind one interface: an issue is made once, told of what changes here, and asked what
//! changed there. What is told when is decided elsewhere; nothing is kept here.
//!
//! Each issue carries a mark made of our ticket's id, each comment of ours one made of its note's:
//! by these a worker that takes up another's work finds what that one had done already.

mod adf;
mod github;
mod http;
mod jira;
mod servicenow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Client;
use uuid::Uuid;

use crate::model::{Severity, TicketState, TrackerKind, TrackerSpec};
use crate::outgoing::Guard;
pub use http::Fault;

/// Issues read at one look at most; the rest comes with the next.
const MOST_ISSUES: usize = 1_000;
/// Comments of an issue read at most.
const MOST_COMMENTS: usize = 500;

/// A ticket of ours as it is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its mark.
    pub mark: String,
    /// One line.
    pub title: String,
    /// What it is about, in Markdown of the plainest kind: paragraphs, `- ` lists, bare links.
    pub text: String,
    /// How bad it is.
    pub severity: Severity,
    /// Words to find it by.
    pub labels: Vec<String>,
    /// When it is due.
    pub due: Option<DateTime<Utc>>,
    /// Address of who works on it; the tracker's own name for them where it has none by address.
    pub assignee: Option<String>,
}

/// An issue as the tracker tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// As its API names it.
    pub id: String,
    /// As its people name it.
    pub key: String,
    /// Its page.
    pub url: String,
    /// Where it stands, in its own words.
    pub status: String,
    /// What that means here; none where nobody can tell.
    pub state: Option<TicketState>,
}

/// A comment as the tracker tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// As its API names it.
    pub id: String,
    /// Who said it.
    pub author: String,
    /// What was said.
    pub words: String,
}

/// The mark of a ticket: one word that trackers can search for.
pub fn mark(ticket: Uuid) -> String {
    format!("parallax-{}", ticket.simple())
}

/// The line that closes a comment of ours.
pub fn comment_mark(note: Uuid) -> String {
    format!("[parallax:{}]", note.simple())
}

/// Whether these words are ours, whoever posted them.
pub fn is_ours(words: &str) -> bool {
    words.contains("[parallax:")
}

/// What every tracker can do.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// Logs in and looks at the place; says as whom and where.
    async fn check(&self) -> Result<String, Fault>;
    /// The issue that carries a mark.
    async fn find(&self, mark: &str) -> Result<Option<Issue>, Fault>;
    /// Makes an issue.
    async fn create(&self, draft: &Draft) -> Result<Issue, Fault>;
    /// Writes what changed into an issue.
    async fn update(&self, id: &str, draft: &Draft) -> Result<(), Fault>;
    /// An issue as it is now.
    async fn get(&self, id: &str) -> Result<Issue, Fault>;
    /// Moves an issue to the state that ours means there. False where no way leads there.
    async fn step(&self, id: &str, to: TicketState) -> Result<bool, Fault>;
    /// Says something; returns what the comment is called there.
    async fn say(&self, id: &str, words: &str) -> Result<String, Fault>;
    /// What was said, the oldest first.
    async fn comments(&self, id: &str) -> Result<Vec<Comment>, Fault>;
    /// Issues of ours that changed since, paged and bounded.
    async fn changed(&self, since: DateTime<Utc>) -> Result<Vec<Issue>, Fault>;
}

/// Opens a tracker; `secret` is its token or password.
pub fn open(
    spec: &TrackerSpec,
    secret: &str,
    guard: &Guard,
    client: &Client,
    now: fn() -> DateTime<Utc>,
) -> Result<Box<dyn Tracker>, Fault> {
    let http = http::Http::new(spec, secret, guard, client, now)?;
    Ok(match spec.kind {
        TrackerKind::Jira => Box::new(jira::Jira::new(http, spec)),
        TrackerKind::GitHub => Box::new(github::GitHub::new(http, spec)),
        TrackerKind::ServiceNow => Box::new(servicenow::ServiceNow::new(http, spec)),
    })
}
