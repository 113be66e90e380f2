//! The state of a ticket: legal ways, and always where the truth is.

use serde_json::json;
use uuid::Uuid;

use super::Desk;

#[tokio::test]
async fn a_ticket_is_where_the_truth_is() {
    let desk = Desk::new(6).await;
    desk.open(&desk.findings().await).await;
    let red = desk.caller.get("/api/v1/tickets?owner=red").await.items()[0]["id"].clone();

    desk.run(6, &[0]).await;
    let ticket = desk.ticket(&red).await;
    assert_eq!((&ticket["state"], &ticket["open_findings"]), (&json!("open"), &json!(1)));
    desk.run(6, &[0, 3]).await;
    let ticket = desk.ticket(&red).await;
    assert_eq!((&ticket["state"], &ticket["open_findings"]), (&json!("done"), &json!(0)));
    assert!(ticket["closed_at"].is_string());
    assert_eq!(desk.story(&red).await[0], "done: all its findings are resolved");

    desk.run(6, &[0]).await;
    let ticket = desk.ticket(&red).await;
    assert_eq!(
        (&ticket["state"], &ticket["open_findings"], &ticket["findings"]),
        (&json!("open"), &json!(1), &json!(2))
    );
    assert_eq!(desk.story(&red).await[0], "open again: 1 finding came back");

    desk.run(10, &[0]).await;
    let ticket = desk.ticket(&red).await;
    assert_eq!(
        (&ticket["open_findings"], &ticket["findings"]),
        (&json!(3), &json!(4)),
        "new ones of the cause join"
    );

    desk.run(0, &[]).await;
    let states: Vec<_> = desk.tickets().await.iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, [json!("done"), json!("done"), json!("done")], "what is gone fails no more");
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn two_that_are_done_for_one_cause_never_open_both() {
    let desk = Desk::new(1).await;
    desk.open(&desk.findings().await).await;
    desk.run(1, &[0]).await;
    desk.run(4, &[0]).await;
    desk.open(&desk.findings().await).await;
    desk.run(4, &[0, 3]).await;
    let reds = || async { desk.caller.get("/api/v1/tickets?owner=red").await.items() };
    let states: Vec<_> = reds().await.iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, [json!("done"), json!("done")]);
    desk.run(4, &[]).await;
    let told: Vec<_> = reds()
        .await
        .iter()
        .map(|one| json!([one["number"], one["state"], one["open_findings"], one["findings"]]))
        .collect();
    assert_eq!(told[0][1], "open");
    assert_eq!((&told[0][2], &told[0][3]), (&json!(2), &json!(2)), "{told:?}");
    assert_eq!((&told[1][1], &told[1][3]), (&json!("done"), &json!(0)), "its finding moved over: {told:?}");
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn a_ticket_goes_the_legal_way_and_says_why() {
    let desk = Desk::new(1).await;
    let done = desk.open(&desk.findings().await).await;
    let id = &done["tickets"][0]["id"];
    assert_eq!(desk.change(id, json!({ "state": "in_progress" })).await.status, 200);
    for state in ["done", "wont_fix"] {
        let reply = desk.change(id, json!({ "state": state })).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!("reason")), "{state}: {reply:?}");
    }
    let closed = desk.change(id, json!({ "state": "wont_fix", "reason": "retired next week" })).await;
    assert_eq!((closed.status, &closed.json()["next_states"]), (200, &json!(["open"])), "{closed:?}");
    assert_eq!(desk.change(id, json!({ "state": "done", "reason": "x" })).await.status, 409);
    desk.run(4, &[]).await;
    assert_eq!(desk.ticket(id).await["state"], "wont_fix", "a decision stands");
    desk.open(&desk.findings().await).await;
    let red = desk.caller.get("/api/v1/tickets?owner=red&state=open").await.items();
    assert_eq!((red.len(), &red[0]["findings"]), (1, &json!(1)), "what was left as it is stays there");
    let reply = desk.change(id, json!({ "state": "open" })).await;
    assert!(reply.status == 409 && reply.text.contains(&format!("#{}", red[0]["number"])), "{reply:?}");
    for wrong in [
        json!({ "state": "gone" }),
        json!({ "colour": 1 }),
        json!({ "assignee": Uuid::nil() }),
        json!({ "due_at": "soon" }),
    ] {
        let reply = desk.change(id, wrong).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.json()["field"].is_string(), "{reply:?}");
    }
    let log = desk.caller.get("/api/v1/audit?limit=500").await.items();
    let changes: Vec<_> = log.iter().filter(|row| row["action"] == "ticket.changed").collect();
    assert_eq!(changes.len(), 2, "what was refused is not on record: {changes:?}");
    assert_eq!(
        (&changes[0]["before"]["state"], &changes[0]["after"]["state"]),
        (&json!("in_progress"), &json!("wont_fix"))
    );
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn a_change_of_what_changed_meanwhile_is_refused() {
    let desk = Desk::new(1).await;
    let tenant = desk.town.scratch.tenant;
    let done = desk.open(&desk.findings().await).await;
    let id = &done["tickets"][0]["id"];
    let path = format!("/api/v1/tickets/{}", id.as_str().expect("an id"));
    let tag = desk.caller.get(&path).await.header("etag").to_owned();
    let ann = desk.town.member(tenant, "ann@example.org", parallax::model::Role::Analyst).await;
    let given =
        desk.caller.call("PATCH", &path, &[("if-match", &tag)], Some(&json!({ "assignee": ann }))).await;
    assert_eq!((given.status, &given.json()["assignee_name"]), (200, &json!("Ann")), "{given:?}");
    let late =
        desk.caller.call("PATCH", &path, &[("if-match", &tag)], Some(&json!({ "assignee": null }))).await;
    assert_eq!((late.status, late.header("content-type")), (412, "application/problem+json"));
    let fresh = [("if-match", given.header("etag"))];
    let due =
        desk.caller.call("PATCH", &path, &fresh, Some(&json!({ "due_at": "2020-01-01T00:00:00Z" }))).await;
    assert_eq!(
        (due.status, &due.json()["overdue"], &due.json()["assignee"]),
        (200, &json!(true), &json!(ann))
    );
    assert_eq!(desk.caller.get("/api/v1/tickets?overdue=true").await.items().len(), 1);

    let body = json!({ "words": "looking into it" });
    let comments = format!("{path}/comments");
    let key = [("idempotency-key", "c1")];
    assert_eq!(desk.caller.call("POST", &comments, &key, Some(&body)).await.status, 201);
    assert_eq!(desk.caller.call("POST", &comments, &key, Some(&body)).await.status, 201);
    let story = desk.story(id).await;
    assert_eq!(story.iter().filter(|words| *words == "looking into it").count(), 1, "{story:?}");
    let references = format!("{path}/references");
    let known = desk
        .caller
        .call(
            "PUT",
            &references,
            &[],
            Some(&json!({ "url": "https://tracker.example.org/7", "label": "SEC-7" })),
        )
        .await;
    assert_eq!((known.status, &known.json()["references"][0]["label"]), (200, &json!("SEC-7")), "{known:?}");
    for wrong in ["javascript:alert(1)", "ftp://x/", "no address"] {
        let reply = desk.caller.call("PUT", &references, &[], Some(&json!({ "url": wrong }))).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!("url")), "{wrong}");
    }
    desk.town.scratch.end().await;
}
