//! Webhooks at a real receiver: signed so that another implementation believes it, in order, again
//! after every kind of failure, once under one id whoever dies.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::auth::Vault;
use parallax::auth::vault::HouseKey;
use parallax::config::Reach;
use parallax::jobs::Courier;
use parallax::model::Permission::{Audit, Configure, Read, Ticket};
use parallax::model::{Asset, Gap, Role};
use parallax::outgoing::Guard;
use parallax::store::outbox;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, now};
use super::support::people::{Browser, Town};
use super::support::receiver::{Came, Receiver, Say, verified};

/// Functions of team red; those named in `fixed` administer nothing.
fn functions(count: usize, fixed: &[usize]) -> Vec<Asset> {
    let one = |number: usize| {
        let facts = json!({
            "identity": { "name": "ops", "admin": !fixed.contains(&number) }, "memory_mb": 128,
            "tags": [{ "key": "team", "value": "red" }],
        });
        function(&format!("pay-{number}"), &facts.to_string())
    };
    (0..count).map(one).collect()
}

struct Desk {
    town: Town,
    admin: Browser,
    caller: Caller,
    connection: Uuid,
    receiver: Receiver,
}

/// In five minutes, hours, days: messages that wait to be tried again are due then.
fn later(time: TimeDelta) -> DateTime<Utc> {
    now() + time
}

impl Desk {
    async fn new() -> Self {
        let town = Town::over(Scratch::new().await).await;
        let connection = town.scratch.connection("production").await;
        let tenant = town.scratch.tenant;
        let admin = town.logged_in(tenant, "admin@example.org", Role::Admin).await;
        let caller = Caller::with(&town, tenant, &[Read, Ticket, Configure, Audit]).await;
        Self { town, admin, caller, connection, receiver: Receiver::start().await }
    }

    /// A webhook to the receiver: its id and secret.
    async fn webhook(&self, wanted: Value) -> (String, String) {
        let mut body = json!({ "name": "siem", "url": self.receiver.url(), "events": ["finding.opened"] });
        for (name, value) in wanted.as_object().expect("fields") {
            body[name] = value.clone();
        }
        let made = self.caller.call("POST", "/api/v1/webhooks", &[], Some(&body)).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        (made["id"].as_str().expect("an id").into(), made["secret"].as_str().expect("a secret").into())
    }

    fn courier(&self, clock: fn() -> DateTime<Utc>) -> Courier {
        self.guarded(Reach::Loopback, clock)
    }

    fn guarded(&self, reach: Reach, clock: fn() -> DateTime<Utc>) -> Courier {
        let vault = Vault::new(HouseKey::new([7; 32]), Vec::new());
        let url = format!("http://{}/", self.town.address).parse().expect("an address");
        Courier::new(self.town.scratch.store.clone(), vault, Guard::new(reach), &url, clock)
            .expect("a client")
    }

    async fn send(&self, clock: fn() -> DateTime<Utc>) -> usize {
        self.courier(clock).send_due(&CancellationToken::new()).await.expect("the job ends")
    }

    /// Sends until nothing is due.
    async fn send_all(&self, clock: fn() -> DateTime<Utc>) {
        while self.send(clock).await > 0 {}
    }

    async fn run(&self, count: usize, fixed: &[usize]) {
        let source = Planted { assets: functions(count, fixed), gaps: Vec::new() };
        self.town.scratch.run(self.connection, &source).await;
    }

    async fn deliveries(&self, id: &str) -> Vec<Value> {
        self.caller.get(&format!("/api/v1/webhooks/{id}/deliveries")).await.items()
    }

    async fn end(self) {
        self.town.scratch.end().await;
    }
}

fn kinds(came: &[Came]) -> Vec<String> {
    came.iter().map(Came::kind).collect()
}

#[tokio::test]
async fn a_run_is_one_signed_message_that_others_believe() {
    let desk = Desk::new().await;
    let (id, secret) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    assert!(secret.starts_with("whsec_"));
    desk.run(120, &[]).await;
    assert_eq!(desk.send(now).await, 1, "a hundred findings are one message");
    let came = desk.receiver.came();
    assert_eq!(verified(&secret, &came).await, [true]);
    let mut forged = came.clone();
    forged[0].body = forged[0].body.replacen("120", "121", 1);
    assert_eq!(verified(&secret, &forged).await, [false], "the check checks");
    let body = came[0].json();
    assert_eq!((&body["type"], &body["data"]["count"]), (&json!("finding.opened"), &json!(120)));
    assert_eq!(body["data"]["by_severity"]["critical"], 120);
    let findings = body["data"]["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 50, "the first of them are told, all are counted");
    let page = findings[0]["page"].as_str().expect("a page").replace(&desk.admin.base, "");
    assert_eq!(desk.admin.get(&page).await.status, 200, "{page}");
    let told = &desk.deliveries(&id).await[0];
    assert_eq!(
        (&told["state"], &told["status"], &told["attempts"]),
        (&json!("sent"), &json!(204), &json!(1))
    );
    let expected = format!("msg_{}", told["id"].as_str().expect("an id").replace('-', ""));
    assert_eq!(came[0].header("webhook-id"), expected);

    let rotated = desk.caller.call("POST", &format!("/api/v1/webhooks/{id}/rotate"), &[], None).await.json();
    let fresh = rotated["secret"].as_str().expect("a secret").to_owned();
    desk.run(121, &[]).await;
    desk.send_all(now).await;
    let both = desk.receiver.took().split_off(1);
    assert_eq!((verified(&secret, &both).await, verified(&fresh, &both).await), (vec![true], vec![true]));
    desk.run(122, &[]).await;
    desk.send_all(|| later(TimeDelta::hours(25))).await;
    let after = desk.receiver.took();
    let signatures = after[0].header("webhook-signature").split(' ').count();
    assert_eq!(signatures, 1, "the one before signs for a day");
    desk.end().await;
}

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
    assert!(told["reply"].as_str().is_some_and(|text| text.len() <= 500), "{told}");
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
        while well.came().is_empty() {
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
    let counts: Vec<_> = came
        .iter()
        .filter(|one| one.kind() == "finding.opened")
        .map(|one| one.json()["timestamp"].clone())
        .collect();
    assert!(counts.is_sorted_by_key(ToString::to_string), "runs in order: {counts:?}");
    // The dead worker's ghost comes back with a late yes: it changes nothing.
    let mut tx = desk.town.scratch.store.begin(desk.town.scratch.tenant).await.expect("a transaction");
    let answer = outbox::Answer { status: Some(500), ..outbox::Answer::default() };
    let noted = outbox::ended(&mut tx, &taken[0], outbox::Ended::Dead, &answer, now()).await.expect("asked");
    assert!(!noted);
    drop(tx);
    assert!(desk.deliveries(&id).await.iter().all(|one| one["state"] == "sent"));
    desk.end().await;
}

#[tokio::test]
async fn a_webhook_pauses_itself_by_hand_and_never_leads_inwards() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({ "filter": { "control": "ACC-02" } })).await;
    let path = format!("/api/v1/webhooks/{id}");
    desk.run(1, &[]).await;
    assert_eq!(
        desk.guarded(Reach::Internet, now).send_due(&CancellationToken::new()).await.expect("ends"),
        1
    );
    assert!(desk.receiver.came().is_empty(), "the operator does not let it lead to this machine");
    let fault = desk.deliveries(&id).await[0]["fault"].clone();
    assert!(fault.as_str().is_some_and(|text| text.contains("may not be asked from here")), "{fault}");
    desk.receiver.plan([Say::status(410)]);
    desk.send(|| later(TimeDelta::minutes(1))).await;
    let webhook = desk.caller.get(&path).await.json();
    assert!(webhook["paused_why"].as_str().is_some_and(|why| why.contains("410")), "{webhook}");
    let page = desk.admin.get(&format!("/integrations/webhooks/{id}")).await.text;
    assert!(page.contains("It was paused because") && page.contains("Tell it again"));
    assert_eq!(desk.caller.call("POST", &format!("{path}/test"), &[], None).await.status, 409);
    desk.run(2, &[]).await;
    assert_eq!(desk.deliveries(&id).await.len(), 1, "a paused one gathers nothing");
    desk.send_all(|| later(TimeDelta::days(1))).await;
    assert_eq!(desk.receiver.took().len(), 1, "and is told nothing");
    desk.caller.call("PATCH", &path, &[], Some(&json!({ "paused": false }))).await;
    desk.send_all(now).await;
    assert_eq!(desk.receiver.took().len(), 1, "what was held back goes out");

    desk.receiver.plan((0..40).map(|_| Say::status(500)));
    desk.run(3, &[]).await;
    desk.send_all(now).await;
    desk.run(4, &[]).await;
    desk.send_all(|| later(TimeDelta::days(4))).await;
    let webhook = desk.caller.get(&path).await.json();
    assert_eq!(webhook["paused_why"], "nothing arrived for three days");
    let log = desk.caller.get("/api/v1/audit?limit=100").await.items();
    let paused: Vec<_> = log.iter().filter(|row| row["action"] == "webhook.paused").collect();
    assert_eq!(paused.len(), 2, "{paused:?}");
    assert!(log.iter().all(|row| !row.to_string().contains("t0ken-in-the-path")), "no address is on record");
    desk.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_named() {
    let desk = Desk::new().await;
    let (id, _) = desk.webhook(json!({})).await;
    let path = format!("/api/v1/webhooks/{id}");
    for wrong in [
        json!({ "url": "http://169.254.169.254/latest" }),
        json!({ "url": "ftp://example.org" }),
        json!({ "url": "https://ann:pw@example.org/" }),
        json!({ "url": "x" }),
        json!({ "events": [] }),
        json!({ "events": ["webhook.test"] }),
        json!({ "filter": { "control": "NO-99" } }),
        json!({ "filter": { "connection": Uuid::nil() } }),
        json!({ "name": " " }),
    ] {
        let reply = desk.caller.call("PATCH", &path, &[], Some(&wrong)).await;
        assert_eq!(reply.status, 400, "{wrong}: {reply:?}");
        assert!(reply.json()["field"].is_string(), "{reply:?}");
    }
    desk.end().await;
}

#[tokio::test]
async fn an_admin_makes_a_webhook_on_its_page_and_sees_what_became_of_a_test() {
    let desk = Desk::new().await;
    let url = desk.receiver.url();
    let form = [("name", "chat"), ("url", url.as_str()), ("form", "slack"), ("event", "finding.opened")];
    let made = desk.admin.submit("/integrations", "/integrations/webhooks", &form).await;
    assert!(
        made.status == 200 && made.text.contains("chat") && !made.text.contains("whsec_"),
        "{}",
        made.text
    );
    let signed = [("name", "siem"), ("url", url.as_str()), ("form", "json"), ("event", "run.failed")];
    let made = desk.admin.submit("/integrations", "/integrations/webhooks", &signed).await;
    assert!(made.text.contains("whsec_") && !made.text.contains("t0ken-in-the-path"), "{}", made.text);
    let list = desk.admin.get("/integrations").await.text;
    assert!(list.contains("chat") && list.contains("siem") && !list.contains("whsec_"));
    let at = list.find("/integrations/webhooks/").expect("a link");
    let path = list[at..].split('"').next().expect("a link").to_owned();
    assert_eq!(desk.admin.submit(&path, &format!("{path}/test"), &[]).await.status, 303);
    assert!(desk.admin.get(&path).await.text.contains("Waiting"));
    desk.send_all(now).await;
    let came = desk.receiver.took();
    assert_eq!(came[0].json()["blocks"][0]["text"]["text"], "A test from Parallax: messages arrive");
    let page = desk.admin.get(&path).await.text;
    assert!(page.contains("Arrived") && page.contains("204"), "{page}");
    let again = [("name", "siem"), ("url", url.as_str()), ("event", "run.failed")];
    assert_eq!(desk.admin.submit("/integrations", "/integrations/webhooks", &again).await.status, 409);
    assert_eq!(desk.admin.submit(&path, &format!("{path}/remove"), &[]).await.location, "/integrations");
    assert_eq!(desk.admin.get(&path).await.status, 404);
    desk.end().await;
}
