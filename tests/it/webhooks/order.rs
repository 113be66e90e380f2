//! What is told, to whom, and in which order.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::model::Gap;
use serde_json::json;

use super::super::support::estate::{Planted, now};
use super::super::support::receiver::Say;
use super::{Desk, functions, kinds, later};

#[tokio::test]
async fn what_is_told_is_what_was_asked_for() {
    let desk = Desk::new().await;
    let every = ["finding.opened", "finding.resolved", "finding.reopened", "run.gaps", "run.failed"];
    desk.webhook(
        json!({ "name": "low", "filter": { "severity": "critical", "area": "ACC" }, "events": every }),
    )
    .await;
    desk.webhook(
        json!({ "name": "elsewhere", "filter": { "family": "container" }, "events": ["finding.opened"] }),
    )
    .await;
    let gap = Gap {
        facet: "policy".into(),
        call: "lambda:GetPolicy".into(),
        code: "AccessDenied".into(),
        message: "no".into(),
        permission: None,
        asset: None,
        hides_assets: false,
    };
    let source = Planted { assets: functions(3, &[]), gaps: vec![gap] };
    desk.town.scratch.run(desk.connection, &source).await;
    desk.run(3, &[1]).await;
    desk.run(3, &[]).await;
    desk.send_all(now).await;
    let came = desk.receiver.took();
    assert_eq!(
        kinds(&came),
        ["finding.opened", "run.gaps", "finding.resolved", "finding.reopened"],
        "in order"
    );
    let counts: Vec<_> = came.iter().map(|one| one.json()["data"]["count"].clone()).collect();
    assert_eq!(counts, [json!(3), json!(1), json!(1), json!(1)]);
    assert_eq!(came[1].json()["data"]["runs"][0]["connection_name"], "production");
    for secret in ["argon2", "whsec_", "t0ken-in-the-path"] {
        assert!(came.iter().all(|one| !one.body.contains(secret)), "{secret} was sent");
    }
    desk.end().await;
}

#[tokio::test]
async fn tickets_are_told_in_the_order_they_moved() {
    let desk = Desk::new().await;
    let events = ["ticket.opened", "ticket.changed", "ticket.commented", "ticket.closed", "ticket.reopened"];
    desk.webhook(json!({ "events": events })).await;
    desk.run(2, &[]).await;
    let found = desk.caller.get("/api/v1/findings?control=ACC-02").await.items();
    let ids: Vec<_> = found.iter().map(|one| one["id"].clone()).collect();
    let opened =
        desk.caller.call("POST", "/api/v1/tickets", &[], Some(&json!({ "findings": ids }))).await.json();
    let path = format!("/api/v1/tickets/{}", opened["tickets"][0]["id"].as_str().expect("an id"));
    let started = json!({ "state": "in_progress" });
    desk.caller.call("PATCH", &path, &[], Some(&started)).await;
    desk.caller.call("POST", &format!("{path}/comments"), &[], Some(&json!({ "words": "on it <b>" }))).await;
    // The first one has to be sent three times; nothing about the ticket overtakes it.
    desk.receiver.plan([Say::status(500), Say::status(503)]);
    for minutes in [0, 0, 10, 20] {
        let clock: fn() -> DateTime<Utc> = match minutes {
            0 => now,
            10 => || later(TimeDelta::minutes(10)),
            _ => || later(TimeDelta::minutes(20)),
        };
        desk.send_all(clock).await;
    }
    desk.run(2, &[0, 1]).await;
    desk.run(2, &[0]).await;
    desk.send_all(|| later(TimeDelta::minutes(30))).await;
    let came = desk.receiver.took();
    assert_eq!(
        kinds(&came),
        [
            "ticket.opened",
            "ticket.opened",
            "ticket.opened",
            "ticket.changed",
            "ticket.commented",
            "ticket.closed",
            "ticket.reopened"
        ]
    );
    let ids: Vec<_> = came.iter().take(3).map(|one| one.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "each attempt has the same id: {ids:?}");
    let comment = &came[4].json()["data"]["tickets"][0];
    assert_eq!((&comment["words"], &comment["state"]), (&json!("on it <b>"), &json!("in_progress")));
    assert_eq!(came[6].json()["data"]["tickets"][0]["state"], "open");
    desk.end().await;
}
