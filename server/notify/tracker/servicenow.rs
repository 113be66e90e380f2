//! Records of a table of ServiceNow (Table API), found by `correlation_id`.
//!
//! States are numbers there: those of incidents where nothing else is given. Resolving an incident
//! asks for a close code, given behind the number: `6/Solution provided`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::http::{Fault, Http};
use super::listed::{Listed, MOST_PAGES, moment, rows};
use super::{Changed, Comment, Draft, Issue, MOST_COMMENTS, MOST_ISSUES, Tracker};
use crate::model::{Severity, StateNames, TicketState, TrackerSpec};

/// Letters of a short description at most.
const MOST_TITLE: usize = 160;
/// Records of a page.
const PAGE: usize = 100;
/// What `correlation_display` says of all records of ours.
const OURS: &str = "Parallax";
/// What is read of a record.
const FIELDS: &str = "sys_id,number,state,sys_updated_on";
/// Numbers of an incident's states, and what they mean here.
const INCIDENT: [(&str, TicketState); 6] = [
    ("1", TicketState::Open),
    ("2", TicketState::InProgress),
    ("3", TicketState::InProgress),
    ("6", TicketState::Done),
    ("7", TicketState::Done),
    ("8", TicketState::WontFix),
];

/// A table.
pub struct ServiceNow {
    http: Http,
    table: String,
    states: StateNames,
}

impl ServiceNow {
    /// Of this tracker.
    pub fn new(http: Http, spec: &TrackerSpec) -> Self {
        let table = if spec.place.is_empty() { "incident".into() } else { spec.place.clone() };
        Self { http, table, states: spec.states.clone() }
    }

    fn path(&self) -> String {
        format!("api/now/table/{}", self.table)
    }

    fn read(&self, row: &Value) -> Result<Issue, Fault> {
        let text = |field: &str| row[field].as_str().map(str::to_owned);
        let unread = || Fault::Away("its record cannot be read".into());
        let id = text("sys_id").ok_or_else(unread)?;
        let status = text("state").unwrap_or_default();
        let url = format!("{}/{}.do?sys_id={id}", self.http.origin(), self.table);
        let key = text("number").unwrap_or_else(|| id.clone());
        let state = self.meaning(&status);
        let updated = moment(&row["sys_updated_on"]);
        Issue { id, key, url, status, state, updated }.kept().ok_or_else(unread)
    }

    fn meaning(&self, number: &str) -> Option<TicketState> {
        let given = TicketState::ALL
            .iter()
            .copied()
            .find(|state| self.states.of(*state).is_some_and(|name| name.split('/').next() == Some(number)));
        given.or_else(|| INCIDENT.iter().find(|(known, _)| *known == number).map(|(_, state)| *state))
    }

    /// What `read` makes of the records of a table that a query finds, page by page.
    async fn records<T: Send>(
        &self,
        (path, fields, query): (&str, &str, &str),
        most: usize,
        read: impl Fn(&Value) -> Result<Option<T>, Fault> + Send,
    ) -> Result<Listed<T>, Fault> {
        let (mut list, mut start) = (Listed::of(most, MOST_PAGES), 0_usize);
        loop {
            let (limit, offset) = (PAGE.min(most).to_string(), start.to_string());
            let asked = [
                ("sysparm_query", query),
                ("sysparm_fields", fields),
                ("sysparm_limit", limit.as_str()),
                ("sysparm_offset", offset.as_str()),
                ("sysparm_exclude_reference_link", "true"),
            ];
            let page = self.http.get(path, &asked).await?;
            let rows = rows(&page.body["result"]);
            start += rows.len();
            let found = rows.iter().take(most + 1).filter_map(|row| read(row).transpose());
            let found = found.collect::<Result<Vec<_>, _>>()?;
            if !list.page(found, page.read, rows.len() >= PAGE) {
                return Ok(list);
            }
        }
    }

    async fn issues(&self, query: &str, most: usize) -> Result<Listed<Issue>, Fault> {
        let path = self.path();
        self.records((path.as_str(), FIELDS, query), most, |row| self.read(row).map(Some)).await
    }

    async fn fields(&self, draft: &Draft) -> Result<Value, Fault> {
        let title = super::super::words::short(&draft.title, MOST_TITLE);
        let (impact, urgency) = match draft.severity {
            Severity::Critical => ("1", "1"),
            Severity::High => ("2", "1"),
            Severity::Medium => ("2", "2"),
            Severity::Low | Severity::Info => ("3", "3"),
        };
        let mut fields = json!({
            "short_description": title, "description": draft.text, "impact": impact, "urgency": urgency,
        });
        if let Some(due) = draft.due {
            fields["due_date"] = due.format("%Y-%m-%d %H:%M:%S").to_string().into();
        }
        if let Some(address) = &draft.assignee
            && let Some(user) = self.user(address).await?
        {
            fields["assigned_to"] = user.into();
        }
        Ok(fields)
    }

    async fn user(&self, address: &str) -> Result<Option<String>, Fault> {
        let query = format!("email={}", address.replace('^', ""));
        let asked = [("sysparm_query", query.as_str()), ("sysparm_fields", "sys_id"), ("sysparm_limit", "1")];
        match self.http.get("api/now/table/sys_user", &asked).await {
            Ok(found) => Ok(found.body["result"][0]["sys_id"].as_str().map(str::to_owned)),
            // Who may not look for people gives records to nobody.
            Err(Fault::Refused(_) | Fault::Missing(_) | Fault::Invalid(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn patch(&self, id: &str, fields: &Value) -> Result<Value, Fault> {
        Ok(self.http.write(Method::PATCH, &format!("{}/{id}", self.path()), fields).await?.body)
    }
}

fn comment(row: &Value) -> Option<Comment> {
    let author = row["sys_created_by"].as_str().unwrap_or("somebody");
    Comment::of(row["sys_id"].as_str()?, author, row["value"].as_str().unwrap_or_default())
}

#[async_trait]
impl Tracker for ServiceNow {
    async fn check(&self) -> Result<String, Fault> {
        let asked = [("sysparm_limit", "1"), ("sysparm_fields", "sys_id")];
        self.http.get(&self.path(), &asked).await?;
        Ok(format!("the table {}", self.table))
    }

    async fn find(&self, mark: &str) -> Result<Option<Issue>, Fault> {
        Ok(self.issues(&format!("correlation_id={mark}"), 1).await?.rows.into_iter().next())
    }

    async fn create(&self, draft: &Draft) -> Result<Issue, Fault> {
        let mut fields = self.fields(draft).await?;
        fields["correlation_id"] = draft.mark.as_str().into();
        fields["correlation_display"] = OURS.into();
        let made = self.http.write(Method::POST, &self.path(), &fields).await?.body;
        self.read(&made["result"])
    }

    async fn update(&self, id: &str, draft: &Draft) -> Result<(), Fault> {
        let fields = self.fields(draft).await?;
        self.patch(id, &fields).await?;
        Ok(())
    }

    async fn get(&self, id: &str) -> Result<Issue, Fault> {
        let found = self.http.get(&format!("{}/{id}", self.path()), &[("sysparm_fields", FIELDS)]).await?;
        self.read(&found.body["result"])
    }

    async fn step(&self, id: &str, to: TicketState) -> Result<bool, Fault> {
        let usual = match to {
            TicketState::Open => "1",
            TicketState::InProgress => "2",
            TicketState::Done => "6/Solution provided",
            TicketState::WontFix => "8",
        };
        let (number, code) = match self.states.of(to).unwrap_or(usual).split_once('/') {
            Some((number, code)) => (number, code),
            None => (self.states.of(to).unwrap_or(usual), ""),
        };
        let mut fields = json!({ "state": number });
        if !code.is_empty() {
            fields["close_code"] = code.into();
            fields["close_notes"] = "Parallax: nothing it is about fails any more.".into();
        }
        let after = self.patch(id, &fields).await?;
        // A rule over there may have kept it where it was.
        Ok(after["result"]["state"] == number)
    }

    async fn say(&self, id: &str, words: &str) -> Result<String, Fault> {
        self.patch(id, &json!({ "comments": words })).await?;
        Ok(String::new())
    }

    async fn comments(&self, id: &str) -> Result<Vec<Comment>, Fault> {
        let query = format!("element_id={id}^elementINcomments,work_notes^ORDERBYsys_created_on");
        let fields = "sys_id,value,sys_created_by,sys_created_on";
        let of = ("api/now/table/sys_journal_field", fields, query.as_str());
        Ok(self.records(of, MOST_COMMENTS, |row| Ok(comment(row))).await?.rows)
    }

    async fn changed(&self, since: DateTime<Utc>) -> Result<Changed, Fault> {
        // In minutes from now: a moment would be read in the time zone of the account.
        let minutes = (self.http.now() - since).num_minutes().max(0) + 1;
        let query = format!(
            "correlation_display={OURS}^sys_updated_onRELATIVEGT@minute@ago@{minutes}^ORDERBYsys_updated_on"
        );
        Ok(Changed::of(self.issues(&query, MOST_ISSUES).await?, since))
    }
}
