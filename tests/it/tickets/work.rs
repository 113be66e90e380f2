//! Tickets on their pages, and who may work on them.

use parallax::model::Permission::{self, Ticket};
use parallax::model::Role;
use serde_json::json;

use super::super::support::caller::Caller;
use super::Desk;

#[tokio::test]
async fn only_those_who_work_on_tickets_change_them() {
    let desk = Desk::new(1).await;
    let done = desk.open(&desk.findings().await).await;
    let path = format!("/api/v1/tickets/{}", done["tickets"][0]["id"].as_str().expect("an id"));
    let others: Vec<Permission> = Permission::ALL.iter().copied().filter(|one| *one != Ticket).collect();
    let reader = Caller::with(&desk.town, desk.town.scratch.tenant, &others).await;
    assert_eq!(reader.get(&path).await.status, 200);
    assert_eq!(reader.call("PATCH", &path, &[], Some(&json!({ "state": "in_progress" }))).await.status, 403);
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn an_analyst_works_on_a_ticket_through_its_pages() {
    let desk = Desk::new(4).await;
    let tenant = desk.town.scratch.tenant;
    let ann = desk.town.logged_in(tenant, "ann@example.org", Role::Analyst).await;
    let word = ann.get("/findings").await.word();
    let ids: Vec<String> =
        desk.findings().await.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
    let mut chosen = vec![("csrf", word.as_str())];
    chosen.extend(ids.iter().map(|id| ("finding", id.as_str())));
    let preview = ann.send("/tickets/preview", &chosen).await;
    assert!(preview.status == 200 && preview.text.contains("Open 3 tickets"), "{}", preview.text);
    assert!(desk.tickets().await.is_empty(), "nothing is done yet");
    assert_eq!(ann.send("/tickets", &chosen).await.location, "/tickets");
    let list = ann.get("/tickets").await.text;
    assert!(list.contains("#1 ") && list.contains("#3 ") && list.contains("red"), "{list}");
    assert!(ann.get("/tickets?view=board").await.text.contains("2 findings"));

    let red = desk.caller.get("/api/v1/tickets?owner=red").await.items().remove(0);
    let path = format!("/tickets/{}", red["id"].as_str().expect("an id"));
    let to = |part: &str| format!("{path}/{part}");
    assert_eq!(ann.submit(&path, &to("state"), &[("state", "done"), ("reason", "")]).await.status, 400);
    assert_eq!(ann.submit(&path, &to("state"), &[("state", "in_progress")]).await.status, 303);
    assert_eq!(ann.submit(&path, &to("due"), &[("day", "2031-02-03")]).await.status, 303);
    assert_eq!(ann.submit(&path, &to("due"), &[("day", "soon")]).await.status, 400);
    assert_eq!(ann.submit(&path, &to("comments"), &[("words", "<b>hm</b>")]).await.status, 303);
    assert_eq!(
        ann.submit(&path, &to("references"), &[("url", "https://t.example.org/1"), ("label", "SEC-1")])
            .await
            .status,
        303
    );
    assert_eq!(ann.submit(&path, &to("references"), &[("url", "javascript:alert(1)")]).await.status, 400);
    let page = ann.get(&path).await.text;
    for shown in
        ["In progress", "due 2031-02-03", "&#60;b&#62;hm", "https://t.example.org/1", "pay-0", "pay-3"]
    {
        assert!(page.contains(shown), "{shown} is not on {page}");
    }
    assert!(
        ann.get(&format!("/findings/{}", ids[0])).await.text.contains("ticket #"),
        "a finding leads to its ticket"
    );
    assert_eq!(ann.get("/tickets/policy").await.status, 403, "analysts do not decide");
    let bob = desk.town.logged_in(tenant, "bob@example.org", Role::Viewer).await;
    assert!(
        !bob.get(&path).await.text.contains("<textarea")
            && !bob.get("/findings").await.text.contains("name=\"finding\"")
    );
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn a_rule_is_made_and_removed_on_its_page() {
    let desk = Desk::new(6).await;
    let admin = desk.town.logged_in(desk.town.scratch.tenant, "eve@example.org", Role::Admin).await;
    let (page, rules) = ("/tickets/policy", "/tickets/policy/rules");
    assert_eq!(admin.submit(page, rules, &[("severity", "critical"), ("tag", "red")]).await.status, 400);
    assert_eq!(admin.submit(page, rules, &[("severity", "critical"), ("tag", "Team=red")]).await.status, 303);
    assert_eq!(desk.tickets().await.len(), 1, "what fails already came under it");
    let words = "Critical findings with the tag Team=red";
    assert!(admin.get(page).await.text.contains(words));
    assert_eq!(admin.submit(page, "/tickets/policy/rules/remove", &[("rule", words)]).await.status, 303);
    assert!(!admin.get(page).await.text.contains(words));
    assert_eq!(desk.tickets().await.len(), 1, "tickets stay");
    let days = [("critical", "0"), ("high", "30"), ("medium", "90"), ("low", "180")];
    assert_eq!(admin.submit(page, "/tickets/policy/days", &days).await.status, 400);
    desk.town.scratch.end().await;
}
