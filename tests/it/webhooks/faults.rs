//! Receivers that fail, hang or refuse, and workers that die: retried, given up, never sent twice under two ids.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::store::outbox;
use serde_json::{Value, json};

use super::super::support::estate::now;
use super::super::support::receiver::{Came, Receiver, Say, verified};
use super::{Desk, later};

#[tokio::test]
async fn whatever_goes_wrong_is_tried_again() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    desk.run(1, &[]).await;
    let long = "<script>alert(1)</script>".repeat(100);
    desk.receiver.plan([
        Say::Status(500, Vec::new(), long),
        Say::Status(
            302,
            vec![("location", format!("http://{}/elsewhere", desk.receiver.address))],
            String::new(),
        ),
        Say::Status(429, vec![("retry-after", "7200".into())], "slow down\u{7}".into()),
    ]);
    desk.send(now).await;
    let told = desk.deliveries(&id).await[0].clone();
    assert_eq!((&told["state"], &told["status"]), (&json!("waiting"), &json!(500)));
    assert!(told["reply"].as_str().is_some_and(|text| text.len() == 500), "{told}");
    let page = desk.admin.get(&format!("/integrations/webhooks/{id}")).await.text;
    assert!(
        page.contains("&#60;script&#62;") && !page.contains("<script>alert"),
        "the answer is shown as text"
    );
    assert_eq!(desk.send(now).await, 0, "not at once");
    desk.send(|| later(TimeDelta::minutes(1))).await;
    assert_eq!(desk.receiver.came().len(), 2, "a redirect is not followed");
    desk.send(|| later(TimeDelta::minutes(5))).await;
    let told = desk.deliveries(&id).await[0].clone();
    let next: DateTime<Utc> = told["next_try_at"].as_str().expect("a time").parse().expect("a time");
    assert!(next - now() > TimeDelta::minutes(120), "it waits as long as it was asked to: {told}");
    assert_eq!(told["reply"], "slow down");
    desk.end().await;
}

#[tokio::test]
async fn what_nobody_takes_is_given_up_after_a_day_and_sent_again_by_hand() {
    let desk = Desk::new().await;
    let (id, secret) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    desk.run(1, &[]).await;
    desk.receiver.plan((0..10).map(|_| Say::status(400)));
    // Hours pass, a day, and it is given up.
    let clocks: [fn() -> DateTime<Utc>; 10] = [
        now,
        || later(TimeDelta::minutes(1)),
        || later(TimeDelta::minutes(5)),
        || later(TimeDelta::hours(3)),
        || later(TimeDelta::hours(5)),
        || later(TimeDelta::hours(10)),
        || later(TimeDelta::hours(16)),
        || later(TimeDelta::hours(24)),
        || later(TimeDelta::hours(40)),
        || later(TimeDelta::hours(60)),
    ];
    for clock in clocks {
        desk.send_all(clock).await;
    }
    let told = desk.deliveries(&id).await[0].clone();
    assert_eq!((&told["state"], &told["attempts"]), (&json!("dead"), &json!(10)), "{told}");
    let dead = desk.caller.get(&format!("/api/v1/webhooks/{id}/deliveries?state=dead")).await.items();
    assert_eq!(dead.len(), 1);
    let path = format!("/integrations/webhooks/{id}");
    assert!(desk.admin.get(&path).await.text.contains("Given up after 10 attempts"));
    desk.receiver.took();
    assert_eq!(desk.admin.submit(&path, &format!("{path}/replay"), &[]).await.status, 303);
    assert_eq!(desk.send(now).await, 1);
    let again = desk.receiver.took();
    assert_eq!(verified(&secret, &again).await, [true]);
    assert_eq!(
        again[0].header("webhook-id"),
        format!("msg_{}", told["id"].as_str().expect("id").replace('-', ""))
    );
    let body = json!({ "message": told["id"] });
    let one = desk.caller.call("POST", &format!("/api/v1/webhooks/{id}/replay"), &[], Some(&body)).await;
    assert_eq!((one.status, &one.json()["messages"]), (202, &json!(1)), "what arrived can be sent again too");
    desk.end().await;
}

#[tokio::test]
async fn a_receiver_that_hangs_drowns_us_or_is_away_costs_its_own_messages_alone() {
    let desk = Desk::new().await;
    let (slow, _) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    let well = Receiver::start().await;
    let (other, _) =
        desk.webhook(json!({ "name": "other", "url": well.url(), "filter": { "control": "ACC-02" } })).await;
    desk.run(1, &[]).await;
    desk.receiver.plan([Say::Slowly(Duration::from_secs(20)), Say::Endlessly]);
    let started = std::time::Instant::now();
    let sending = desk.send(now);
    let watching = async {
        while well.came().is_empty() && started.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        started.elapsed()
    };
    let (_, waited) = tokio::join!(sending, watching);
    assert!(waited < Duration::from_secs(5), "the other one waited {waited:?}");
    assert!(started.elapsed() < Duration::from_secs(19), "nobody is waited for longer than 15 s");
    assert_eq!(desk.deliveries(&slow).await[0]["fault"], "no answer within 15 seconds");
    assert_eq!(desk.deliveries(&other).await[0]["state"], "sent");
    desk.send(|| later(TimeDelta::minutes(2))).await;
    let told = desk.deliveries(&slow).await[0].clone();
    assert_eq!((&told["state"], &told["status"]), (&json!("sent"), &json!(200)), "{told}");
    assert!(told["reply"].as_str().is_some_and(|text| text.len() == 500));

    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gone = format!("http://{}/", nobody.local_addr().expect("an address"));
    drop(nobody);
    let change = json!({ "url": gone });
    let path = format!("/api/v1/webhooks/{other}");
    assert_eq!(desk.caller.call("PATCH", &path, &[], Some(&change)).await.status, 200);
    desk.caller.call("POST", &format!("{path}/test"), &[], None).await;
    desk.send(now).await;
    let told = desk.deliveries(&other).await[0].clone();
    assert_eq!((&told["state"], &told["status"]), (&json!("waiting"), &Value::Null));
    assert!(told["fault"].as_str().is_some_and(|text| text.contains("could not connect")), "{told}");
    desk.end().await;
}

#[tokio::test]
async fn a_message_arrives_under_one_id_also_when_workers_meet_or_die() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    for _ in 0..30 {
        let path = format!("/api/v1/webhooks/{id}/test");
        // Tests are about one subject: they go one after the other.
        assert_eq!(desk.caller.call("POST", &path, &[], None).await.status, 202);
    }
    for count in 1..4 {
        desk.run(count, &[]).await;
    }
    // One worker takes what is due, and dies.
    let mut tx = desk.town.scratch.store.begin(desk.town.scratch.tenant).await.expect("a transaction");
    let taken = outbox::take(&mut tx, 16, now()).await.expect("taken");
    assert_eq!(taken.len(), 2, "the first of each subject: {taken:?}");
    tx.commit().await.expect("commits");
    futures::future::join_all((0..3).map(|_| desk.send_all(now))).await;
    assert!(desk.receiver.came().is_empty(), "what was taken waits, and what comes behind it");
    let soon: fn() -> DateTime<Utc> = || later(TimeDelta::seconds(61));
    futures::future::join_all((0..3).map(|_| desk.send_all(soon))).await;
    let came = desk.receiver.took();
    assert_eq!(came.len(), 33, "each once");
    let mut ids: Vec<_> = came.iter().map(|one| one.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 33);
    let told = came.iter().filter(|one| one.kind() == "finding.opened").map(Came::json);
    let times: Vec<DateTime<Utc>> =
        told.map(|one| one["timestamp"].as_str().and_then(|at| at.parse().ok()).expect("a time")).collect();
    assert!(!times.is_empty() && times.is_sorted(), "runs in order: {times:?}");
    // The dead worker's ghost comes back with a late yes: it changes nothing.
    let mut tx = desk.town.scratch.store.begin(desk.town.scratch.tenant).await.expect("a transaction");
    let answer = outbox::Answer { status: Some(500), ..outbox::Answer::default() };
    let noted = outbox::ended(&mut tx, &taken[0], outbox::Ended::Dead, &answer, now()).await.expect("asked");
    assert!(!noted);
    drop(tx);
    assert!(desk.deliveries(&id).await.iter().all(|one| one["state"] == "sent"));
    desk.end().await;
}
