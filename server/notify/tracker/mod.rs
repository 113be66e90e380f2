//! Trackers behind one interface: an issue is made once, told of what changes here, and asked what
//! changed there. What is told when is decided elsewhere; nothing is kept here.
//!
//! Each issue carries a mark made of our ticket's id, each comment of ours one made of its note's:
//! by these a worker that takes up another's work finds what that one had done already.

mod adf;
mod github;
mod http;
mod jira;
mod listed;
mod servicenow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Client;
use uuid::Uuid;

use crate::model::{Severity, TicketState, TrackerKind, TrackerSpec};
use crate::outgoing::Guard;
pub use http::Fault;
use listed::Listed;

/// Issues read at one look at most; the rest comes with the next.
const MOST_ISSUES: usize = 1_000;
/// Comments of an issue read at most.
const MOST_COMMENTS: usize = 500;
/// Letters of a comment that are taken over.
const MOST_WORDS: usize = 10_000;
/// Letters of a name: of an id, a key, a status, a person.
const MOST_NAME: usize = 100;
/// Letters of an address.
const MOST_ADDRESS: usize = 2_000;
/// How the mark of a comment begins.
const COMMENT_MARK: &str = "[parallax:";
/// Letters of the mark of a comment: its beginning, an id, a bracket.
const COMMENT_MARK_LENGTH: usize = 43;

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
    /// When it changed last, by the tracker's clock.
    pub updated: Option<DateTime<Utc>>,
}

impl Issue {
    /// As it may be kept: without what the database cannot hold, and bounded. None where its id is none.
    fn kept(self) -> Option<Self> {
        let leads = self.url.starts_with("https://") || self.url.starts_with("http://");
        // A part of an address leads elsewhere.
        let whole = if leads && self.url.len() <= MOST_ADDRESS { self.url.as_str() } else { "" };
        let url = kept(whole, MOST_ADDRESS);
        let (key, status) = (kept(&self.key, MOST_NAME), kept(&self.status, MOST_NAME));
        is_id(&self.id).then_some(Self { key, url, status, ..self })
    }
}

/// Issues that changed, the longest ago first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The issues.
    pub issues: Vec<Issue>,
    /// Where there are more than these: what changed before this moment is all among them.
    pub until: Option<DateTime<Utc>>,
}

impl Changed {
    /// From a list of what changed since, the longest ago first.
    fn of(list: Listed<Issue>, since: DateTime<Utc>) -> Self {
        let end = list.rows.last().and_then(|one| one.updated);
        Self { until: list.cut.then(|| end.unwrap_or(since)), issues: list.rows }
    }
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

impl Comment {
    /// As it may be kept, from its parts. None where its id is none.
    fn of(id: &str, author: &str, words: &str) -> Option<Self> {
        let (author, words) = (kept(author, MOST_NAME), said(words));
        is_id(id).then(|| Self { id: id.to_owned(), author, words })
    }
}

/// A text from there as it may be kept: without NUL, which the database cannot hold, and bounded.
fn kept(text: &str, most: usize) -> String {
    text.chars().take(most).map(|letter| if letter == '\0' { '\u{fffd}' } else { letter }).collect()
}

/// What is taken over of a comment. Ours is known by its mark, which stands at its end.
fn said(text: &str) -> String {
    let mut words = kept(text, MOST_WORDS);
    if text.chars().nth(MOST_WORDS).is_some()
        && let Some(at) = text.rfind(COMMENT_MARK)
    {
        words.push('\n');
        words.push_str(&kept(&text[at..], COMMENT_MARK_LENGTH));
    }
    words
}

/// Whether a tracker may call something so: it stands in addresses, and we know it again by it.
fn is_id(id: &str) -> bool {
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
    !id.is_empty() && id.len() <= MOST_NAME && id.chars().all(plain)
}

/// The mark of a ticket: one word that trackers can search for.
pub fn mark(ticket: Uuid) -> String {
    format!("parallax-{}", ticket.simple())
}

/// The line that closes a comment of ours.
pub fn comment_mark(note: Uuid) -> String {
    format!("{COMMENT_MARK}{}]", note.simple())
}

/// Whether these words are ours, whoever posted them.
pub fn is_ours(words: &str) -> bool {
    words.contains(COMMENT_MARK)
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
    async fn changed(&self, since: DateTime<Utc>) -> Result<Changed, Fault>;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(id: &str, url: &str) -> Issue {
        let status = "do\0ne".repeat(100);
        Issue { id: id.into(), key: "K\0".into(), url: url.into(), status, state: None, updated: None }
    }

    #[test]
    fn what_comes_from_there_is_bounded_and_holds_no_nul() {
        let long = "1".repeat(MOST_NAME + 1);
        for id in ["", "1\0", "../2", "a b", long.as_str()] {
            assert_eq!(issue(id, "https://a/").kept(), None, "{id:?}");
            assert_eq!(Comment::of(id, "ann", "words"), None, "{id:?}");
        }
        let read = issue("10001", "javascript:alert(1)").kept().expect("an issue");
        assert_eq!((read.key.as_str(), read.url.as_str()), ("K\u{fffd}", ""));
        assert!(read.status.chars().count() == MOST_NAME && !read.status.contains('\0'));
        let comment = Comment::of("7", "an\0n", &"w\0".repeat(MOST_WORDS)).expect("a comment");
        assert_eq!(comment.words.chars().count(), MOST_WORDS);
        assert!(!comment.words.contains('\0') && comment.author == "an\u{fffd}n");
    }

    #[test]
    fn a_long_comment_of_ours_is_still_known_as_ours() {
        let mark = comment_mark(Uuid::from_u128(7));
        assert_eq!(mark.len(), COMMENT_MARK_LENGTH);
        let comment = Comment::of("7", "bot", &format!("{}\n{mark}", "w".repeat(20_000))).expect("a comment");
        assert!(is_ours(&comment.words) && comment.words.contains(&mark));
    }
}
