//! Issues of a repository on GitHub (REST, version 2022-11-28).
//!
//! Its issues are open or closed: in progress is open there. It has no due date and knows people by
//! login alone, so both stand in the text. Labels are given once: what people make of them is theirs.

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use reqwest::header::{HeaderMap, LINK};
use serde_json::{Value, json};
use url::Url;

use super::http::{Fault, Http, Yes};
use super::listed::{Listed, MOST_PAGES, moment};
use super::{Changed, Comment, Draft, Issue, MOST_COMMENTS, MOST_ISSUES, Tracker};
use crate::model::{TicketState, TrackerSpec};

/// Pages looked through for a mark: it was made a moment ago, if it was.
const PAGES_FOR_A_MARK: usize = 3;
/// What all issues of ours are labelled.
const LABEL: &str = "parallax";

/// A repository.
pub struct GitHub {
    http: Http,
    place: String,
}

impl GitHub {
    /// Of this tracker.
    pub fn new(http: Http, spec: &TrackerSpec) -> Self {
        Self { http, place: format!("repos/{}", spec.place.trim_matches('/')) }
    }

    /// What `read` makes of the rows of pages from `first`, at most so many of them, from so many pages.
    async fn pages<T: Send>(
        &self,
        first: Url,
        (most, most_pages): (usize, usize),
        read: impl Fn(&Value) -> Option<T> + Send,
    ) -> Result<Listed<T>, Fault> {
        let mut list = Listed::of(most, most_pages);
        let mut next = Some(first);
        while let Some(url) = next.take() {
            let Yes { body, headers, read: bytes } = self.http.page(url).await?;
            let Value::Array(rows) = body else { return Err(Fault::Away("its list is none".into())) };
            // One without rows has nothing behind it, whatever it points to.
            let following = following(&headers).filter(|_| !rows.is_empty());
            if list.page(rows.iter().filter_map(&read), bytes, following.is_some()) {
                next = following;
            }
        }
        Ok(list)
    }
}

/// The address behind `rel="next"` of a `Link` header.
fn following(headers: &HeaderMap) -> Option<Url> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    Url::parse(next.split(['<', '>']).nth(1)?).ok()
}

fn issue(row: &Value) -> Option<Issue> {
    // A pull request is listed as an issue too.
    if row.get("pull_request").is_some_and(|part| !part.is_null()) {
        return None;
    }
    let number = row["number"].as_i64()?;
    let open = row["state"].as_str()? == "open";
    let planned = row["state_reason"].as_str() != Some("not_planned");
    let (status, state) = match (open, planned) {
        (true, _) => ("open", TicketState::Open),
        (false, true) => ("closed", TicketState::Done),
        (false, false) => ("closed as not planned", TicketState::WontFix),
    };
    let issue = Issue {
        id: number.to_string(),
        key: format!("#{number}"),
        url: row["html_url"].as_str().unwrap_or_default().to_owned(),
        status: status.into(),
        state: Some(state),
        updated: moment(&row["updated_at"]),
    };
    issue.kept()
}

fn comment(row: &Value) -> Option<Comment> {
    let id = row["id"].as_i64()?.to_string();
    let author = row["user"]["login"].as_str().unwrap_or("somebody");
    Comment::of(&id, author, row["body"].as_str().unwrap_or_default())
}

fn read(body: &Value) -> Result<Issue, Fault> {
    issue(body).ok_or_else(|| Fault::Away("its issue cannot be read".into()))
}

fn text(draft: &Draft) -> String {
    // What looks like a mention would call somebody who has nothing to do with it.
    format!("{}\n\n<!-- {} -->", draft.text.replace('@', "@\u{200b}"), draft.mark)
}

#[async_trait]
impl Tracker for GitHub {
    async fn check(&self) -> Result<String, Fault> {
        let repository = self.http.get(&self.place, &[]).await?.body;
        let name = repository["full_name"].as_str().unwrap_or_default();
        if repository["has_issues"] == false {
            return Err(Fault::Refused(format!("{name} has its issues switched off")));
        }
        if repository["permissions"]["push"] == false {
            return Err(Fault::Refused(format!(
                "the token may not write to {name}: labels would be missing"
            )));
        }
        Ok(name.to_owned())
    }

    async fn find(&self, mark: &str) -> Result<Option<Issue>, Fault> {
        let query = [("labels", LABEL), ("state", "all"), ("sort", "created"), ("direction", "desc")];
        let mut url = self.http.at(&format!("{}/issues", self.place), &query)?;
        url.query_pairs_mut().append_pair("per_page", "100");
        let marked = |row: &Value| {
            let has = row["body"].as_str().is_some_and(|body| body.contains(mark));
            if has { issue(row) } else { None }
        };
        Ok(self.pages(url, (1, PAGES_FOR_A_MARK), marked).await?.rows.into_iter().next())
    }

    async fn create(&self, draft: &Draft) -> Result<Issue, Fault> {
        let labels: Vec<&str> =
            std::iter::once(LABEL).chain(draft.labels.iter().map(String::as_str)).collect();
        let body = json!({ "title": draft.title, "body": text(draft), "labels": labels });
        read(&self.http.write(Method::POST, &format!("{}/issues", self.place), &body).await?.body)
    }

    async fn update(&self, id: &str, draft: &Draft) -> Result<(), Fault> {
        let body = json!({ "title": draft.title, "body": text(draft) });
        self.http.write(Method::PATCH, &format!("{}/issues/{id}", self.place), &body).await?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Issue, Fault> {
        read(&self.http.get(&format!("{}/issues/{id}", self.place), &[]).await?.body)
    }

    async fn step(&self, id: &str, to: TicketState) -> Result<bool, Fault> {
        let body = match to {
            TicketState::Open | TicketState::InProgress => json!({ "state": "open" }),
            TicketState::Done => json!({ "state": "closed", "state_reason": "completed" }),
            TicketState::WontFix => json!({ "state": "closed", "state_reason": "not_planned" }),
        };
        self.http.write(Method::PATCH, &format!("{}/issues/{id}", self.place), &body).await?;
        Ok(true)
    }

    async fn say(&self, id: &str, words: &str) -> Result<String, Fault> {
        let body = json!({ "body": words.replace('@', "@\u{200b}") });
        let said =
            self.http.write(Method::POST, &format!("{}/issues/{id}/comments", self.place), &body).await?;
        Ok(said.body["id"].as_i64().map(|id| id.to_string()).unwrap_or_default())
    }

    async fn comments(&self, id: &str) -> Result<Vec<Comment>, Fault> {
        // Half as many as may be: a comment may be long.
        let url = self.http.at(&format!("{}/issues/{id}/comments", self.place), &[("per_page", "50")])?;
        Ok(self.pages(url, (MOST_COMMENTS, MOST_PAGES), comment).await?.rows)
    }

    async fn changed(&self, since: DateTime<Utc>) -> Result<Changed, Fault> {
        let after = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let query = [
            ("labels", LABEL),
            ("state", "all"),
            ("since", after.as_str()),
            ("sort", "updated"),
            ("direction", "asc"),
            ("per_page", "100"),
        ];
        let url = self.http.at(&format!("{}/issues", self.place), &query)?;
        Ok(Changed::of(self.pages(url, (MOST_ISSUES, MOST_PAGES), issue).await?, since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn the_next_page_is_found_among_links() {
        let mut headers = HeaderMap::new();
        let links = "<https://api.github.com/a?page=1>; rel=\"prev\", <https://api.github.com/a?page=3>; rel=\"next\"";
        headers.insert(LINK, HeaderValue::from_static(links));
        assert_eq!(following(&headers).map(String::from).as_deref(), Some("https://api.github.com/a?page=3"));
        headers.insert(LINK, HeaderValue::from_static("nonsense"));
        assert_eq!(following(&headers), None);
    }

    #[test]
    fn an_issue_is_open_closed_or_not_planned_and_never_a_pull_request() {
        let row = |state, reason: Value| json!({ "number": 7, "state": state, "state_reason": reason, "html_url": "u" });
        let state = |row: Value| issue(&row).and_then(|one| one.state);
        assert_eq!(state(row("open", Value::Null)), Some(TicketState::Open));
        assert_eq!(state(row("open", json!("reopened"))), Some(TicketState::Open));
        assert_eq!(state(row("closed", json!("completed"))), Some(TicketState::Done));
        assert_eq!(state(row("closed", json!("not_planned"))), Some(TicketState::WontFix));
        let mut pull = row("open", Value::Null);
        pull["pull_request"] = json!({ "url": "u" });
        assert_eq!(issue(&pull), None);
        assert_eq!((issue(&Value::Null), issue(&json!({ "number": "x" }))), (None, None));
    }
}
