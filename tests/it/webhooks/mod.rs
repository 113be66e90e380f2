//! Webhooks at a real receiver: signed so that another implementation believes it, in order, again
//! after every kind of failure, once under one id whoever dies.

mod faults;
mod neighbours;
mod order;
mod setting;
mod words;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::auth::Vault;
use parallax::auth::vault::HouseKey;
use parallax::config::Reach;
use parallax::jobs::{Courier, Outward};
use parallax::model::Permission::{Audit, Configure, Read, Ticket};
use parallax::model::{Asset, Role};
use parallax::outgoing::Guard;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, now};
use super::support::people::{Browser, Town};
use super::support::receiver::{Came, Receiver, verified};

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
        let store = self.town.scratch.store.clone();
        Courier::new(Outward::new(store, vault, Guard::new(reach), &url, clock).expect("a client"))
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
