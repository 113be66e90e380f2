//! Tickets and trackers kept alike, against trackers that hold us to their public APIs: made once,
//! comments and states both ways, and what goes wrong on the way.

mod both_ways;
mod hostile;
mod lists;
mod setting;

use std::process::Stdio;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::auth::Vault;
use parallax::auth::vault::HouseKey;
use parallax::config::Reach;
use parallax::jobs::{Liaison, Outward};
use parallax::model::Permission::{Audit, Configure, Read, Ticket};
use parallax::model::TrackerKind;
use parallax::outgoing::Guard;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, now};
use super::support::people::Town;
use super::support::trackers::{Answers, Fake, Remote, github, jira, servicenow};

fn later(minutes: i64) -> DateTime<Utc> {
    now() + TimeDelta::minutes(minutes)
}

/// Connects a tracker: its id.
async fn connect(caller: &Caller, kind: TrackerKind, fake: &Fake, rule: &Value) -> String {
    let (place, login, secret) = match kind {
        TrackerKind::Jira => ("SEC", jira::LOGIN, jira::TOKEN),
        TrackerKind::GitHub => ("acme/app", "", github::TOKEN),
        TrackerKind::ServiceNow => ("incident", servicenow::LOGIN, servicenow::PASSWORD),
    };
    let body = json!({
        "name": "over there", "kind": kind, "address": fake.url(), "place": place, "login": login,
        "secret": secret, "rule": rule,
    });
    let made = caller.call("POST", "/api/v1/trackers", &[], Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains(secret), "a token is not told");
    made.json()["id"].as_str().expect("an id").to_owned()
}

struct Desk {
    town: Town,
    caller: Caller,
    connection: Uuid,
    fake: Fake,
    kind: TrackerKind,
    tracker: String,
}

impl Desk {
    async fn new(kind: TrackerKind, rule: Value) -> Self {
        let answers: Answers = match kind {
            TrackerKind::Jira => jira::answer,
            TrackerKind::GitHub => github::answer,
            TrackerKind::ServiceNow => servicenow::answer,
        };
        Self::over(kind, rule, answers).await
    }

    /// With a tracker that answers so.
    async fn over(kind: TrackerKind, rule: Value, answers: Answers) -> Self {
        let town = Town::over(Scratch::new().await).await;
        let connection = town.scratch.connection("production").await;
        let caller = Caller::with(&town, town.scratch.tenant, &[Read, Ticket, Configure, Audit]).await;
        let fake = Fake::start(answers).await;
        let tracker = connect(&caller, kind, &fake, &rule).await;
        Self { town, caller, connection, fake, kind, tracker }
    }

    fn liaison(&self, clock: fn() -> DateTime<Utc>) -> Liaison {
        let vault = Vault::new(HouseKey::new([7; 32]), Vec::new());
        let url = format!("http://{}/", self.town.address).parse().expect("an address");
        let (store, guard) = (self.town.scratch.store.clone(), Guard::new(Reach::Loopback));
        Liaison::new(Outward::new(store, vault, guard, &url, clock).expect("a client"))
    }

    async fn look(&self, clock: fn() -> DateTime<Utc>) {
        self.fake.held.lock().expect("a lock").ahead = clock() - now();
        self.liaison(clock).look_after_all(&CancellationToken::new()).await.expect("the job ends");
    }

    /// A run over functions of which the first `fixed` administer nothing.
    async fn run(&self, count: usize, fixed: usize) {
        let one = |number: usize| {
            let facts = json!({ "identity": { "name": "ops", "admin": number >= fixed }, "memory_mb": 128,
                                "tags": [{ "key": "team", "value": "red" }] });
            function(&format!("pay-{number}"), &facts.to_string())
        };
        let source = Planted { assets: (0..count).map(one).collect(), gaps: Vec::new() };
        self.town.scratch.run(self.connection, &source).await;
    }

    /// A ticket on the findings of ACC-02: its address.
    async fn ticket(&self) -> String {
        let found = self.caller.get("/api/v1/findings?control=ACC-02").await.items();
        let ids: Vec<_> = found.iter().map(|one| one["id"].clone()).collect();
        let body = json!({ "findings": ids });
        let opened = self.caller.call("POST", "/api/v1/tickets", &[], Some(&body)).await.json();
        format!("/api/v1/tickets/{}", opened["tickets"][0]["id"].as_str().expect("an id"))
    }

    async fn patch(&self, path: &str, body: Value) {
        let reply = self.caller.call("PATCH", path, &[], Some(&body)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    async fn comment(&self, path: &str, words: &str) {
        let body = json!({ "words": words });
        let reply = self.caller.call("POST", &format!("{path}/comments"), &[], Some(&body)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    async fn state(&self, path: &str) -> String {
        self.caller.get(path).await.json()["state"].as_str().expect("a state").to_owned()
    }

    async fn story(&self, path: &str) -> Vec<String> {
        let notes = self.caller.get(&format!("{path}/notes")).await.items();
        notes.iter().map(|note| note["words"].as_str().expect("words").to_owned()).collect()
    }

    async fn tracker(&self) -> Value {
        self.caller.get(&format!("/api/v1/trackers/{}", self.tracker)).await.json()
    }

    fn issue(&self) -> Remote {
        let all = self.fake.issues();
        assert_eq!(all.len(), 1, "made once: {all:?}");
        all[0].clone()
    }

    /// The tracker's word for a state of ours.
    fn word(&self, state: &str) -> &'static str {
        match (self.kind, state) {
            (TrackerKind::Jira, "open") => "To Do",
            (TrackerKind::Jira, "in_progress") => "In Progress",
            (TrackerKind::Jira, "done") => "Done",
            (TrackerKind::Jira, _) => "Won't Do",
            (TrackerKind::GitHub, "open" | "in_progress") => "open",
            (TrackerKind::GitHub, "done") => "completed",
            (TrackerKind::GitHub, _) => "not_planned",
            (TrackerKind::ServiceNow, "open") => "1",
            (TrackerKind::ServiceNow, "in_progress") => "2",
            (TrackerKind::ServiceNow, "done") => "6",
            (TrackerKind::ServiceNow, _) => "8",
        }
    }

    fn said(&self) -> Vec<String> {
        self.issue().comments.iter().map(|(_, _, words)| words.to_string()).collect()
    }

    /// What somebody over there says, in the form the tracker keeps it in.
    fn words(&self, text: &str) -> Value {
        match self.kind {
            TrackerKind::Jira => json!({ "type": "doc", "version": 1, "content": [
                { "type": "paragraph", "content": [{ "type": "text", "text": text }] }] }),
            TrackerKind::GitHub | TrackerKind::ServiceNow => json!(text),
        }
    }

    async fn end(self) {
        assert_eq!(self.fake.breaches(), Vec::<String>::new(), "the documented form was broken");
        if self.kind == TrackerKind::GitHub {
            assert_eq!(self.described().await, Vec::<String>::new());
        }
        self.town.scratch.end().await;
    }

    /// Holds every call and answer to GitHub's own OpenAPI description.
    async fn described(&self) -> Vec<String> {
        let python =
            std::env::var("PARALLAX_TEST_SMTP").expect("./dev test names a python with jsonschema_rs");
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let mut child = tokio::process::Command::new(python)
            .args([format!("{fixtures}/check_github.py"), format!("{fixtures}/github_issues.json")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python starts");
        let calls = self.fake.calls();
        let calls = calls.iter().filter(|call| call.path.contains("/issues") && call.status != 502);
        let calls: Vec<Value> = calls
            .map(|call| {
                let query: serde_json::Map<String, Value> =
                    call.query.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                json!({ "method": call.method, "path": call.path, "query": query, "request": call.request,
                        "status": call.status, "response": call.response })
            })
            .collect();
        assert!(calls.len() > 3, "there is something to hold");
        let mut input = child.stdin.take().expect("its input");
        input.write_all(json!(calls).to_string().as_bytes()).await.expect("written");
        drop(input);
        let output = child.wait_with_output().await.expect("it ends");
        serde_json::from_slice(&output.stdout).expect("what breaks it")
    }
}

async fn once(kind: TrackerKind, making: &'static str) {
    let desk = Desk::new(kind, json!({ "severity": "high" })).await;
    desk.run(2, 0).await;
    let path = desk.ticket().await;
    // It is made, and whoever made it never learns of it.
    desk.fake.lose_the_answer_of(making);
    desk.look(now).await;
    assert_eq!(desk.fake.issues().len(), 1, "{kind:?}: a rule sent it there by itself");
    assert!(desk.tracker().await["fault"].is_string());
    futures::future::join_all((0..3).map(|_| desk.look(|| later(10)))).await;
    desk.look(|| later(20)).await;
    desk.issue();
    assert_eq!(desk.caller.get(&path).await.json()["references"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.tracker().await["fault"], Value::Null);
    // The same with a comment.
    desk.comment(&path, "said once").await;
    desk.fake.lose_the_answer_of(if kind == TrackerKind::ServiceNow { "PATCH" } else { making });
    for clock in [|| later(30), || later(40), || later(50)] as [fn() -> DateTime<Utc>; 3] {
        desk.look(clock).await;
    }
    let said = desk.said();
    assert_eq!(said.iter().filter(|words| words.contains("said once")).count(), 1, "{said:?}");
    desk.end().await;
}

#[tokio::test]
async fn an_issue_is_made_once_also_when_a_worker_dies_between() {
    once(TrackerKind::GitHub, "POST /repos/acme/app/issues").await;
    once(TrackerKind::Jira, "POST /rest/api/3/issue").await;
    once(TrackerKind::ServiceNow, "POST /api/now/table/incident").await;
}

#[tokio::test]
async fn where_both_moved_what_fails_is_decided_here_and_the_rest_there() {
    let desk = Desk::new(TrackerKind::Jira, json!({})).await;
    desk.run(2, 0).await;
    let path = desk.ticket().await;
    desk.look(now).await;
    let issue = desk.issue();
    desk.patch(&path, json!({ "state": "in_progress" })).await;
    desk.fake.change(issue.id, |one| one.status = "Won't Do".into());
    desk.look(|| later(2)).await;
    assert_eq!((desk.state(&path).await.as_str(), desk.issue().status.as_str()), ("wont_fix", "Won't Do"));
    desk.fake.change(issue.id, |one| one.status = "To Do".into());
    desk.look(|| later(4)).await;
    desk.run(2, 2).await;
    desk.fake.change(issue.id, |one| one.status = "In Progress".into());
    desk.look(|| later(6)).await;
    assert_eq!((desk.state(&path).await.as_str(), desk.issue().status.as_str()), ("done", "Done"));
    // It was heard before ours was told, so this is said and not that both moved at once.
    let said = format!("SEC-{} is In Progress there, but nothing fails any more: it stays done", issue.id);
    let story = desk.story(&path).await;
    assert_eq!(story.iter().filter(|words| **words == said).count(), 1, "{story:?}");
    assert!(!story.iter().any(|words| words.contains("what fails here decided")), "{story:?}");
    desk.end().await;
}
