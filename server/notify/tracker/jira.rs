//! Issues of a project of Jira Cloud (REST v3): documents for text, transitions for states.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::http::{Fault, Http};
use super::listed::{Listed, MOST_PAGES, moment, rows};
use super::{Changed, Comment, Draft, Issue, MOST_COMMENTS, MOST_ISSUES, Tracker, adf};
use crate::model::{StateNames, TicketState, TrackerSpec};

/// Letters of a summary at most.
const MOST_SUMMARY: usize = 255;
/// Issues of a page.
const PAGE: usize = 100;
/// What all issues of ours are labelled.
const LABEL: &str = "parallax";
/// Words that tell a state that gives up from one that ends well.
const GIVING_UP: [&str; 6] = ["won't", "wont", "declin", "reject", "cancel", "duplicate"];

/// A project.
pub struct Jira {
    http: Http,
    project: String,
    issue_type: String,
    states: StateNames,
}

impl Jira {
    /// Of this tracker.
    pub fn new(http: Http, spec: &TrackerSpec) -> Self {
        let issue_type = if spec.issue_type.is_empty() { "Task" } else { &spec.issue_type };
        Self { http, project: spec.place.clone(), issue_type: issue_type.into(), states: spec.states.clone() }
    }

    fn read(&self, row: &Value) -> Result<Issue, Fault> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let unread = || Fault::Away("its issue cannot be read".into());
        let (Some(id), Some(key)) = (text(&row["id"]), text(&row["key"])) else { return Err(unread()) };
        let status = text(&row["fields"]["status"]["name"]).unwrap_or_default();
        let category = row["fields"]["status"]["statusCategory"]["key"].as_str().unwrap_or_default();
        let state = self.states.meaning(&status).or_else(|| meaning(&status, category));
        let url = format!("{}/browse/{key}", self.http.origin());
        let updated = moment(&row["fields"]["updated"]);
        Issue { id, key, url, status, state, updated }.kept().ok_or_else(unread)
    }

    /// Every issue a query finds, page by page.
    async fn search(&self, jql: &str, most: usize) -> Result<Listed<Issue>, Fault> {
        let (mut list, mut token) = (Listed::of(most, MOST_PAGES), None::<String>);
        loop {
            let mut body =
                json!({ "jql": jql, "fields": ["status", "updated"], "maxResults": PAGE.min(most) });
            if let Some(token) = &token {
                body["nextPageToken"] = json!(token);
            }
            let page = self.http.write(Method::POST, "rest/api/3/search/jql", &body).await?;
            let rows = rows(&page.body["issues"]);
            let issues =
                rows.iter().take(most + 1).map(|row| self.read(row)).collect::<Result<Vec<_>, _>>()?;
            let next = page.body["nextPageToken"].as_str().map(str::to_owned);
            let more = next.is_some() && page.body["isLast"] != true && !rows.is_empty();
            if !list.page(issues, page.read, more) {
                return Ok(list);
            }
            token = next;
        }
    }

    async fn fields(&self, draft: &Draft) -> Result<Value, Fault> {
        let summary = super::super::words::short(&draft.title.replace(['\n', '\r'], " "), MOST_SUMMARY);
        let mut fields = json!({ "summary": summary, "description": adf::document(&draft.text) });
        if let Some(due) = draft.due {
            fields["duedate"] = due.format("%Y-%m-%d").to_string().into();
        }
        if let Some(address) = &draft.assignee
            && let Some(account) = self.account(address).await?
        {
            fields["assignee"] = json!({ "accountId": account });
        }
        Ok(fields)
    }

    /// The account of somebody who may be given issues here.
    async fn account(&self, address: &str) -> Result<Option<String>, Fault> {
        let query = [("project", self.project.as_str()), ("query", address), ("maxResults", "2")];
        let found = self.http.get("rest/api/3/user/assignable/search", &query).await;
        match found {
            Ok(found) => Ok(found.body[0]["accountId"].as_str().map(str::to_owned)),
            // Who may not look for people gives issues to nobody.
            Err(Fault::Refused(_) | Fault::Missing(_) | Fault::Invalid(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Sends fields; where the project's screens lack the due date or the assignee, without it.
    async fn send(&self, method: Method, path: &str, mut fields: Value) -> Result<Value, Fault> {
        let mut spared = vec!["duedate", "assignee"];
        loop {
            let sent = self.http.write(method.clone(), path, &json!({ "fields": &fields })).await;
            let Err(Fault::Invalid(words)) = &sent else { return Ok(sent?.body) };
            let Some(place) = spared.iter().position(|field| words.contains(field)) else {
                return Ok(sent?.body);
            };
            if let Some(fields) = fields.as_object_mut() {
                fields.remove(spared.remove(place));
            }
        }
    }
}

fn comment(row: &Value) -> Option<Comment> {
    let author = row["author"]["displayName"].as_str().unwrap_or("somebody");
    Comment::of(row["id"].as_str()?, author, &adf::text(&row["body"]))
}

fn meaning(status: &str, category: &str) -> Option<TicketState> {
    match category {
        "new" => Some(TicketState::Open),
        "indeterminate" => Some(TicketState::InProgress),
        "done" if gives_up(status) => Some(TicketState::WontFix),
        "done" => Some(TicketState::Done),
        _ => None,
    }
}

fn gives_up(status: &str) -> bool {
    let status = status.to_lowercase();
    GIVING_UP.iter().any(|word| status.contains(word))
}

/// A string of JQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[async_trait]
impl Tracker for Jira {
    async fn check(&self) -> Result<String, Fault> {
        let me = self.http.get("rest/api/3/myself", &[]).await?.body;
        let project = self.http.get(&format!("rest/api/3/project/{}", self.project), &[]).await?.body;
        let wanted = "CREATE_ISSUES,EDIT_ISSUES,ADD_COMMENTS,TRANSITION_ISSUES";
        let query = [("projectKey", self.project.as_str()), ("permissions", wanted)];
        let may = self.http.get("rest/api/3/mypermissions", &query).await?.body;
        let lacks: Vec<&str> =
            wanted.split(',').filter(|one| may["permissions"][*one]["havePermission"] != true).collect();
        if !lacks.is_empty() {
            return Err(Fault::Refused(format!("the account lacks {}", lacks.join(", "))));
        }
        let name = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        Ok(format!("{} in {}", name(&me, "displayName"), name(&project, "name")))
    }

    async fn find(&self, mark: &str) -> Result<Option<Issue>, Fault> {
        let jql = format!("project = {} AND labels = {}", quoted(&self.project), quoted(mark));
        Ok(self.search(&jql, 2).await?.rows.into_iter().next())
    }

    async fn create(&self, draft: &Draft) -> Result<Issue, Fault> {
        let mut fields = self.fields(draft).await?;
        fields["project"] = json!({ "key": self.project });
        fields["issuetype"] = json!({ "name": self.issue_type });
        // A label holds no spaces.
        let labels = [LABEL, &draft.mark].into_iter().chain(draft.labels.iter().map(String::as_str));
        fields["labels"] = labels.map(|label| label.replace(char::is_whitespace, "-")).collect();
        let made = self.send(Method::POST, "rest/api/3/issue", fields).await?;
        let id = made["id"].as_str().ok_or_else(|| Fault::Away("its issue cannot be read".into()))?;
        self.get(id).await
    }

    async fn update(&self, id: &str, draft: &Draft) -> Result<(), Fault> {
        let fields = self.fields(draft).await?;
        self.send(Method::PUT, &format!("rest/api/3/issue/{id}"), fields).await?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Issue, Fault> {
        let found = self.http.get(&format!("rest/api/3/issue/{id}"), &[("fields", "status,updated")]).await?;
        self.read(&found.body)
    }

    async fn step(&self, id: &str, to: TicketState) -> Result<bool, Fault> {
        let path = format!("rest/api/3/issue/{id}/transitions");
        let found = self.http.get(&path, &[]).await?.body;
        let ways: Vec<&Value> = found["transitions"].as_array().into_iter().flatten().collect();
        let leads = |way: &Value| {
            let status = way["to"]["name"].as_str().unwrap_or_default();
            match self.states.of(to) {
                Some(name) => status.eq_ignore_ascii_case(name),
                None => {
                    meaning(status, way["to"]["statusCategory"]["key"].as_str().unwrap_or_default())
                        == Some(to)
                }
            }
        };
        // Where nothing there means "won't fix", it is closed like what is done.
        let closed = |way: &Value| {
            to == TicketState::WontFix && way["to"]["statusCategory"]["key"].as_str() == Some("done")
        };
        let way = ways.iter().find(|way| leads(way)).or_else(|| ways.iter().find(|way| closed(way)));
        let Some(way) = way.and_then(|way| way["id"].as_str()) else { return Ok(false) };
        self.http.write(Method::POST, &path, &json!({ "transition": { "id": way } })).await?;
        Ok(true)
    }

    async fn say(&self, id: &str, words: &str) -> Result<String, Fault> {
        let body = json!({ "body": adf::document(words) });
        let said = self.http.write(Method::POST, &format!("rest/api/3/issue/{id}/comment"), &body).await?;
        Ok(said.body["id"].as_str().unwrap_or_default().to_owned())
    }

    async fn comments(&self, id: &str) -> Result<Vec<Comment>, Fault> {
        let path = format!("rest/api/3/issue/{id}/comment");
        let (mut list, mut start) = (Listed::of(MOST_COMMENTS, MOST_PAGES), 0_usize);
        loop {
            let from = start.to_string();
            let query = [("startAt", from.as_str()), ("maxResults", "100"), ("orderBy", "created")];
            let page = self.http.get(&path, &query).await?;
            let rows = rows(&page.body["comments"]);
            start += rows.len();
            let total =
                page.body["total"].as_u64().and_then(|total| usize::try_from(total).ok()).unwrap_or(0);
            let more = !rows.is_empty() && start < total;
            if !list.page(rows.iter().filter_map(comment), page.read, more) {
                return Ok(list.rows);
            }
        }
    }

    async fn changed(&self, since: DateTime<Utc>) -> Result<Changed, Fault> {
        // In minutes from now: a moment would be read in the time zone of the account.
        let minutes = (self.http.now() - since).num_minutes().max(0) + 1;
        let jql = format!(
            "project = {} AND labels = {} AND updated >= \"-{minutes}m\" ORDER BY updated ASC",
            quoted(&self.project),
            quoted(LABEL)
        );
        Ok(Changed::of(self.search(&jql, MOST_ISSUES).await?, since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_by_its_category_and_its_name() {
        assert_eq!(meaning("To Do", "new"), Some(TicketState::Open));
        assert_eq!(meaning("In Review", "indeterminate"), Some(TicketState::InProgress));
        assert_eq!(meaning("Done", "done"), Some(TicketState::Done));
        assert_eq!(meaning("Won't do", "done"), Some(TicketState::WontFix));
        assert_eq!(meaning("Odd", "undefined"), None);
    }

    #[test]
    fn nothing_breaks_out_of_a_query() {
        assert_eq!(quoted(r#"A" OR project = "B\"#), r#""A\" OR project = \"B\\""#);
    }
}
