//! Tickets and trackers kept alike, against trackers that hold us to their public APIs: made once,
//! comments and states both ways, and what goes wrong on the way.

use std::process::Stdio;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::auth::Vault;
use parallax::auth::vault::HouseKey;
use parallax::config::Reach;
use parallax::jobs::Liaison;
use parallax::model::Permission::{Audit, Configure, Read, Ticket};
use parallax::model::{Role, TrackerKind};
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
        let town = Town::over(Scratch::new().await).await;
        let connection = town.scratch.connection("production").await;
        let caller = Caller::with(&town, town.scratch.tenant, &[Read, Ticket, Configure, Audit]).await;
        let (answers, place, login, secret): (Answers, &str, &str, &str) = match kind {
            TrackerKind::Jira => (jira::answer, "SEC", jira::LOGIN, jira::TOKEN),
            TrackerKind::GitHub => (github::answer, "acme/app", "", github::TOKEN),
            TrackerKind::ServiceNow => {
                (servicenow::answer, "incident", servicenow::LOGIN, servicenow::PASSWORD)
            }
        };
        let fake = Fake::start(answers).await;
        let body = json!({
            "name": "over there", "kind": kind, "address": fake.url(), "place": place, "login": login,
            "secret": secret, "rule": rule,
        });
        let made = caller.call("POST", "/api/v1/trackers", &[], Some(&body)).await;
        assert_eq!(made.status, 201, "{made:?}");
        assert!(!made.text.contains(secret), "a token is not told");
        let tracker = made.json()["id"].as_str().expect("an id").to_owned();
        Self { town, caller, connection, fake, kind, tracker }
    }

    fn liaison(&self, clock: fn() -> DateTime<Utc>) -> Liaison {
        let vault = Vault::new(HouseKey::new([7; 32]), Vec::new());
        let url = format!("http://{}/", self.town.address).parse().expect("an address");
        let guard = Guard::new(Reach::Loopback);
        Liaison::new(self.town.scratch.store.clone(), vault, guard, &url, clock).expect("a client")
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

/// A ticket that was sent to a tracker: its address.
async fn sent(desk: &Desk) -> String {
    let check =
        desk.caller.call("POST", &format!("/api/v1/trackers/{}/check", desk.tracker), &[], None).await.json();
    assert_eq!(check["works"], true, "{check}");
    desk.run(3, 0).await;
    let path = desk.ticket().await;
    let ann = desk.town.member(desk.town.scratch.tenant, "ann@example.org", Role::Analyst).await;
    desk.patch(&path, json!({ "assignee": ann })).await;
    desk.look(now).await;
    assert!(desk.fake.issues().is_empty(), "nothing goes there by itself without a rule");
    let body = json!({ "tracker": desk.tracker });
    let sent = desk.caller.call("POST", &format!("{path}/trackers"), &[], Some(&body)).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    for _ in 0..3 {
        desk.look(|| later(2)).await;
    }
    let issue = desk.issue();
    assert!(issue.title.contains("ACC-02") && issue.text.to_string().contains("/findings/"), "{issue:?}");
    let ticket = desk.caller.get(&path).await.json();
    let url = ticket["references"][0]["url"].as_str().expect("a reference");
    assert!(
        url.starts_with("http")
            && ticket["references"][0]["label"]
                .as_str()
                .is_some_and(|label| label.ends_with("in over there"))
    );
    match desk.kind {
        TrackerKind::Jira => assert_eq!(issue.fields["assignee"]["accountId"], "a-ann"),
        TrackerKind::ServiceNow => {
            assert_eq!(issue.fields["assigned_to"], "5137153cc611227c000bbd1bd8cd2005");
            assert!(issue.fields["due_date"].is_string() && issue.fields["urgency"] == "1");
        }
        TrackerKind::GitHub => assert!(issue.labels.contains(&"severity-critical".to_owned())),
    }
    path
}

async fn talked_about(desk: &Desk, path: &str) {
    let issue = desk.issue();
    // From here to there.
    desk.comment(path, "looking into it").await;
    desk.patch(path, json!({ "state": "in_progress" })).await;
    desk.look(|| later(4)).await;
    assert_eq!(desk.issue().status, desk.word("in_progress"));
    let said = desk.said();
    assert!(said.iter().filter(|words| words.contains("looking into it")).count() == 1, "{said:?}");

    // From there to here; what we said ourselves does not come back.
    desk.fake.say(issue.id, desk.words("which role is it?"));
    desk.look(|| later(6)).await;
    desk.look(|| later(8)).await;
    let story = desk.story(path).await;
    assert_eq!(story.iter().filter(|words| *words == "which role is it?").count(), 1, "{story:?}");
    assert_eq!(
        story.iter().filter(|words| words.contains("looking into it")).count(),
        1,
        "no echo: {story:?}"
    );
    let count = desk.issue().comments.len();
    desk.look(|| later(10)).await;
    assert_eq!(desk.issue().comments.len(), count, "and nothing is said twice there");
}

async fn moved(desk: &Desk, path: &str) {
    let issue = desk.issue();
    // Closed there while something fails: it stays here, and the story says so.
    desk.fake.change(issue.id, |one| one.status = desk.word("done").into());
    desk.look(|| later(12)).await;
    assert_eq!(desk.state(path).await, "in_progress");
    assert!(
        desk.story(path).await[0].contains("still fail: it stays open here"),
        "{:?}",
        desk.story(path).await
    );
    // Left as it is over there: a decision, taken over.
    desk.fake.change(issue.id, |one| one.status = desk.word("open").into());
    desk.look(|| later(14)).await;
    desk.fake.change(issue.id, |one| one.status = desk.word("wont_fix").into());
    desk.look(|| later(16)).await;
    assert_eq!(desk.state(path).await, "wont_fix");
    desk.fake.change(issue.id, |one| one.status = desk.word("open").into());
    desk.look(|| later(18)).await;
    assert_eq!(desk.state(path).await, "open");

    // Resolved here: done there. Back here: open there.
    desk.run(3, 3).await;
    desk.look(|| later(20)).await;
    assert_eq!((desk.state(path).await.as_str(), desk.issue().status.as_str()), ("done", desk.word("done")));
    desk.run(3, 1).await;
    desk.look(|| later(22)).await;
    assert_eq!((desk.state(path).await.as_str(), desk.issue().status.as_str()), ("open", desk.word("open")));
}

async fn there_and_back(kind: TrackerKind) {
    let desk = Desk::new(kind, Value::Null).await;
    let path = sent(&desk).await;
    talked_about(&desk, &path).await;
    moved(&desk, &path).await;
    desk.end().await;
}

#[tokio::test]
async fn a_ticket_and_its_github_issue_go_together() {
    there_and_back(TrackerKind::GitHub).await;
}

#[tokio::test]
async fn a_ticket_and_its_jira_issue_go_together() {
    there_and_back(TrackerKind::Jira).await;
}

#[tokio::test]
async fn a_ticket_and_its_servicenow_record_go_together() {
    there_and_back(TrackerKind::ServiceNow).await;
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
async fn a_tracker_that_wants_us_to_wait_is_left_alone_and_one_that_refuses_is_told_of() {
    let desk = Desk::new(TrackerKind::GitHub, json!({})).await;
    desk.run(1, 0).await;
    let path = desk.ticket().await;
    let reset = (now() + TimeDelta::minutes(30)).timestamp().to_string();
    desk.fake.trouble("GET", 403, vec![("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", reset)]);
    desk.look(now).await;
    let calls = desk.fake.calls().len();
    desk.look(|| later(20)).await;
    assert_eq!(desk.fake.calls().len(), calls, "it is left alone until then");
    assert_eq!(desk.tracker().await["fault"], Value::Null, "nothing is wrong");
    desk.look(|| later(31)).await;
    let issue = desk.issue();
    desk.fake.trouble("GET", 429, vec![("retry-after", "600".into())]);
    desk.look(|| later(40)).await;
    desk.look(|| later(45)).await;
    assert_eq!(desk.fake.calls().iter().filter(|call| call.status == 429).count(), 1);

    desk.fake.trouble("GET", 401, Vec::new());
    desk.look(|| later(60)).await;
    let fault = desk.tracker().await["fault"].clone();
    assert!(fault.as_str().is_some_and(|words| words.contains("401")), "{fault}");
    desk.look(|| later(70)).await;
    assert_eq!(desk.tracker().await["fault"], Value::Null, "it works again");

    desk.fake.delete(issue.id);
    desk.comment(&path, "anybody there?").await;
    desk.look(|| later(80)).await;
    assert!(
        desk.story(&path).await[0].contains("is not in over there any more"),
        "{:?}",
        desk.story(&path).await
    );
    desk.look(|| later(90)).await;
    assert!(desk.fake.issues().is_empty(), "what was deleted is not made again by itself");
    let body = json!({ "tracker": desk.tracker });
    desk.caller.call("POST", &format!("{path}/trackers"), &[], Some(&body)).await;
    desk.look(|| later(100)).await;
    assert_eq!(desk.fake.issues().len(), 1, "but when somebody sends it anew");
    desk.end().await;
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
    let story = desk.story(&path).await;
    assert!(
        story
            .iter()
            .any(|words| words.contains("it stays done") || words.contains("what fails here decided")),
        "{story:?}"
    );
    desk.end().await;
}

#[tokio::test]
async fn a_tracker_is_set_up_with_care() {
    let desk = Desk::new(TrackerKind::Jira, Value::Null).await;
    let path = format!("/api/v1/trackers/{}", desk.tracker);
    let body = json!({ "name": "over there", "kind": "jira", "address": desk.fake.url(), "place": "SEC", "login": "a@example.org" });
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    for (wrong, field) in [
        (with("address", json!("http://169.254.169.254")), "address"),
        (with("address", json!("https://ann:pw@example.org")), "address"),
        (with("place", json!("SEC/../x")), "place"),
        (with("place", json!("")), "place"),
        (with("login", json!("nobody")), "login"),
        (with("name", json!("")), "name"),
        (with("address", json!("http://127.0.0.1:1")), "secret"),
    ] {
        let reply = desk.caller.call("PUT", &path, &[], Some(&wrong)).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{wrong}: {reply:?}");
    }
    assert_eq!(desk.caller.call("PUT", &path, &[], Some(&body)).await.status, 200, "the token stays");
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn an_admin_connects_checks_and_removes_a_tracker_on_its_page() {
    let desk = Desk::new(TrackerKind::Jira, Value::Null).await;
    let path = format!("/api/v1/trackers/{}", desk.tracker);
    let body = json!({ "name": "over there", "kind": "jira", "address": desk.fake.url(), "place": "SEC", "login": "a@example.org" });
    assert_eq!(desk.caller.call("PUT", &path, &[], Some(&body)).await.status, 200);
    let admin = desk.town.logged_in(desk.town.scratch.tenant, "admin@example.org", Role::Admin).await;
    let page = format!("/integrations/trackers/{}", desk.tracker);
    let checked = admin.submit(&page, &format!("{page}/check"), &[]).await;
    assert!(
        checked.status == 200 && checked.text.contains("It does not work"),
        "another login: {}",
        checked.text
    );
    let url = desk.fake.url();
    let form = [
        ("name", "second"),
        ("kind", "github"),
        ("address", url.as_str()),
        ("place", "acme/app"),
        ("secret", "t"),
        ("by_rule", "1"),
        ("severity", "high"),
    ];
    let made = admin.submit("/integrations/trackers/new", "/integrations/trackers", &form).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let list = admin.get("/integrations").await.text;
    assert!(list.contains("second") && list.contains("over there") && !list.contains(jira::TOKEN));
    assert_eq!(
        admin.submit(&made.location, &format!("{}/remove", made.location), &[]).await.location,
        "/integrations"
    );
    let log = desk.caller.get("/api/v1/audit?limit=100").await;
    assert!(log.text.contains("tracker.made") && !log.text.contains(jira::TOKEN));
    desk.town.scratch.end().await;
}
