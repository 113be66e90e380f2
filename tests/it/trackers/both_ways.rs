//! A ticket and its issue over a life: comments and states both ways.

use parallax::model::{Role, TrackerKind};
use serde_json::{Value, json};

use super::super::support::estate::now;
use super::{Desk, later};

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
    let log = desk.caller.get("/api/v1/audit?action=ticket.changed").await.items();
    let who = json!(format!("tracker:{}", desk.tracker));
    assert_eq!((&log[0]["actor"], &log[0]["actor_name"]), (&who, &json!("over there")), "{log:?}");
    let states = (&log[0]["before"]["state"], &log[0]["after"]["state"]);
    assert_eq!(states, (&json!("open"), &json!("wont_fix")), "on record like a person's move");
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
