//! Setting a tracker up, and trackers that refuse or want us to wait.

use chrono::TimeDelta;
use parallax::model::{Role, TrackerKind};
use serde_json::{Value, json};

use super::super::support::estate::now;
use super::super::support::trackers::jira;
use super::{Desk, later};

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
    desk.end().await;
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
    desk.end().await;
}
