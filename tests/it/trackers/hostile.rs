//! Trackers that mean harm: lists without end, letters no database keeps. It costs nobody else.

use parallax::model::Permission::{Configure, Read};
use parallax::model::TrackerKind;
use parallax::store::{people, tenants};
use serde_json::{Value, json};

use super::super::support::caller::Caller;
use super::super::support::estate::now;
use super::super::support::trackers::{Answers, Asked, Fake, Reply, Shelf, Trouble, github, jira};
use super::{Desk, connect, later};

/// A page that points to itself.
fn again(asked: &Asked, rows: Value) -> Reply {
    let next = format!("<{}{}?page=1>; rel=\"next\"", asked.base, asked.path);
    (200, vec![("link", next)], rows)
}

fn nothing_forever(_: &mut Shelf, asked: &Asked) -> Reply {
    again(asked, json!([]))
}

fn pulls_forever(_: &mut Shelf, asked: &Asked) -> Reply {
    again(asked, json!([{ "number": 1, "state": "open", "pull_request": { "url": "x" } }]))
}

fn back_and_forth(_: &mut Shelf, asked: &Asked) -> Reply {
    let token = asked.body.as_ref().and_then(|body| body["nextPageToken"].as_str());
    let next = if token == Some("a") { "b" } else { "a" };
    let status = json!({ "name": "Done", "statusCategory": { "key": "done" } });
    let issue = json!({ "id": "7", "key": "SEC-7", "fields": { "status": status } });
    (200, Vec::new(), json!({ "issues": [issue], "nextPageToken": next }))
}

#[tokio::test]
async fn a_list_without_end_ends() {
    for (kind, answers, pages) in [
        (TrackerKind::GitHub, nothing_forever as Answers, 1),
        (TrackerKind::GitHub, pulls_forever as Answers, 20),
        (TrackerKind::Jira, back_and_forth as Answers, 20),
    ] {
        let desk = Desk::over(kind, Value::Null, answers).await;
        desk.look(now).await;
        assert_eq!(desk.fake.calls().len(), pages, "{kind:?}");
        assert_eq!(desk.tracker().await["fault"], Value::Null, "{kind:?}");
        desk.town.scratch.end().await;
    }
}

/// A Jira whose issues are called what Postgres does not keep.
fn with_nul(shelf: &mut Shelf, asked: &Asked) -> Reply {
    if !asked.path.ends_with("/search/jql") {
        return jira::answer(shelf, asked);
    }
    let status = json!({ "name": "Do\0ne", "statusCategory": { "key": "done" } });
    let issue = json!({ "id": "1\0", "key": "SEC-1\0", "fields": { "status": status } });
    (200, Vec::new(), json!({ "issues": [issue], "isLast": true }))
}

#[tokio::test]
async fn a_tracker_that_sends_what_cannot_be_kept_costs_its_own_tenant_alone() {
    let desk = Desk::over(TrackerKind::Jira, Value::Null, with_nul).await;
    let mut gate = desk.town.scratch.store.gate().await.expect("a gate");
    let person = people::ensure(&mut gate, "founder@example.org", "F", now()).await.expect("one");
    let second = tenants::create(&mut gate, "second", person.id, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    let well = Fake::start(github::answer).await;
    let caller = Caller::with(&desk.town, second, &[Read, Configure]).await;
    let other = connect(&caller, TrackerKind::GitHub, &well, &Value::Null).await;
    desk.look(now).await;
    let fault = desk.tracker().await["fault"].clone();
    assert_eq!(fault, "its issue cannot be read");
    assert_eq!(well.calls().len(), 1, "the other tenant's was looked after");
    assert_eq!(caller.get(&format!("/api/v1/trackers/{other}")).await.json()["fault"], Value::Null);

    // The words of a refusal are kept, too.
    let trouble = Trouble {
        at: "/search/jql",
        status: 401,
        headers: Vec::new(),
        body: json!({ "errorMessages": ["who are\0you"] }),
        done: false,
    };
    desk.fake.held.lock().expect("a lock").trouble.push_back(trouble);
    desk.look(|| later(10)).await;
    assert_eq!(desk.tracker().await["fault"], "HTTP 401: who are\u{fffd}you");
    assert!(well.calls().len() > 1);
    desk.town.scratch.end().await;
}
