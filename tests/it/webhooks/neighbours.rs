//! What goes wrong with one tenant's messages keeps no other's waiting.

use std::time::{Duration, Instant};

use parallax::model::Permission::{Configure, Read};
use parallax::store::{people, tenants};
use serde_json::json;

use super::super::support::caller::Caller;
use super::super::support::estate::now;
use super::super::support::receiver::{Receiver, Say};
use super::Desk;

/// Sends a test to a webhook.
async fn test(who: &Caller, id: &str) {
    let told = who.call("POST", &format!("/api/v1/webhooks/{id}/test"), &[], None).await;
    assert_eq!(told.status, 202, "{told:?}");
}

#[tokio::test]
async fn a_tenant_whose_receiver_hangs_or_whose_rows_are_broken_costs_no_other() {
    let desk = Desk::new().await;
    let (slow, _) = desk.webhook(json!({})).await;
    let mut gate = desk.town.scratch.store.gate().await.expect("a gate");
    let person = people::ensure(&mut gate, "founder@example.org", "F", now()).await.expect("one");
    let second = tenants::create(&mut gate, "second", person.id, now()).await.expect("a tenant");
    gate.commit().await.expect("commits");
    assert!(desk.town.scratch.tenant < second, "the first is served first");
    let caller = Caller::with(&desk.town, second, &[Read, Configure]).await;
    let well = Receiver::start().await;
    let body = json!({ "name": "siem", "url": well.url(), "events": ["finding.opened"] });
    let made = caller.call("POST", "/api/v1/webhooks", &[], Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let other = made.json()["id"].as_str().expect("an id").to_owned();

    test(&desk.caller, &slow).await;
    test(&caller, &other).await;
    desk.receiver.plan([Say::Slowly(Duration::from_secs(8))]);
    let started = Instant::now();
    let watching = async {
        while well.came().is_empty() && started.elapsed() < Duration::from_secs(10) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        started.elapsed()
    };
    let (tried, waited) = tokio::join!(desk.send(now), watching);
    assert!(waited < Duration::from_secs(5), "the other one waited {waited:?}");
    assert_eq!(tried, 2);

    test(&desk.caller, &slow).await;
    test(&caller, &other).await;
    let mut behind = desk.town.scratch.behind().await;
    let broken = "UPDATE outbox SET event = 'nobody.knows' WHERE tenant_id = $1 AND state = 'waiting'";
    let done = sqlx::query(broken).bind(desk.town.scratch.tenant.0).execute(&mut behind).await;
    assert_eq!(done.expect("broken").rows_affected(), 1);
    drop(behind);
    desk.send(now).await;
    assert_eq!(well.came().len(), 2, "one tenant's rows cannot be read, the other's message arrives");
    desk.end().await;
}
