//! Exceptions as people and programs make them: by the API, on the pages, at the end of a ticket.

use chrono::TimeDelta;
use parallax::model::{Permission, Role};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::support::caller::{Caller, Reply};
use super::super::support::estate::now;
use super::super::support::people::Town;
use super::{ADMIN, Estate, functions, tomorrow};

struct Desk {
    town: Town,
    connection: Uuid,
    caller: Caller,
}

impl Desk {
    async fn new(count: usize) -> Self {
        let estate = Estate::new(count).await;
        let connection = estate.connection;
        let town = Town::over(estate.scratch).await;
        let caller = Caller::with(&town, town.scratch.tenant, Permission::ALL).await;
        Self { town, connection, caller }
    }

    async fn findings(&self, state: &str) -> Vec<Value> {
        self.caller.get(&format!("/api/v1/findings?control={ADMIN}&state={state}&limit=500")).await.items()
    }

    async fn ids(&self, state: &str) -> Vec<Value> {
        self.findings(state).await.iter().map(|row| row["id"].clone()).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.caller.call("POST", &format!("/api/v1/{path}"), &[], Some(body)).await
    }

    async fn make(&self, mut subject: Value) -> Value {
        subject["kind"] = json!("risk_accepted");
        subject["reason"] = json!("known and borne");
        subject["until"] = json!(tomorrow());
        let reply = self.post("exceptions", &subject).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }
}

fn path_of(made: &Value) -> String {
    format!("/api/v1/exceptions/{}", made["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_ticket_closed_with_an_exception_is_done_and_its_findings_accepted() {
    let desk = Desk::new(2).await;
    let opened = desk.post("tickets", &json!({ "findings": desk.ids("open").await })).await.json();
    let ticket = format!("/api/v1/tickets/{}", opened["tickets"][0]["id"].as_str().expect("an id"));
    let accept = json!({ "kind": "compensating_control", "until": tomorrow() });
    for (body, field) in [
        (json!({ "state": "wont_fix", "reason": "x", "accept": accept }), "accept"),
        (json!({ "state": "done", "accept": accept }), "reason"),
    ] {
        let reply = desk.caller.call("PATCH", &ticket, &[], Some(&body)).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{reply:?}");
    }
    let body = json!({ "state": "done", "reason": "behind a proxy", "accept": accept });
    let ticketing = [Permission::Read, Permission::Ticket];
    let other = Caller::with(&desk.town, desk.town.scratch.tenant, &ticketing).await;
    assert_eq!(other.call("PATCH", &ticket, &[], Some(&body)).await.status, 403, "it takes accept as well");
    let done = desk.caller.call("PATCH", &ticket, &[], Some(&body)).await;
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("done")), "{done:?}");
    assert_eq!(done.json()["open_findings"], 0);
    assert_eq!((desk.ids("accepted").await.len(), desk.ids("open").await.len()), (2, 0));
    let made = desk.caller.get("/api/v1/exceptions?state=active").await.items();
    assert_eq!((made.len(), &made[0]["reason"]), (1, &json!("behind a proxy")));
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn an_analyst_accepts_through_the_pages_only_what_they_looked_at() {
    let desk = Desk::new(4).await;
    let tenant = desk.town.scratch.tenant;
    let ann = desk.town.logged_in(tenant, "ann@example.org", Role::Analyst).await;
    let word = ann.get("/findings").await.word();
    let ids: Vec<String> =
        desk.ids("open").await.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
    let chosen = [("csrf", word.as_str()), ("finding", &ids[0]), ("finding", &ids[1])];
    let look = ann.send("/exceptions/preview", &chosen).await;
    assert!(look.status == 200 && look.text.contains("2 findings"), "{}", look.text);
    let looked = look.text.split("name=\"looked\" value=\"").nth(1).expect("a mark")[..16].to_owned();
    let day = (now() + TimeDelta::days(20)).format("%Y-%m-%d").to_string();
    let terms = [("why", "risk_accepted"), ("reason", "<b>known</b>"), ("until", &day), ("looked", &looked)];
    let other = [&[("csrf", word.as_str()), ("finding", &ids[2])][..], &terms].concat();
    let again = ann.send("/exceptions", &other).await;
    assert!(again.status == 200 && again.text.contains("Look again"), "another subject is shown first");
    assert_eq!(desk.ids("accepted").await.len(), 0);
    let made = ann.send("/exceptions", &[&chosen[..], &terms].concat()).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let page = ann.get(&made.location).await.text;
    for shown in ["2 chosen findings", "&#60;b&#62;known", "Take it back", &day] {
        assert!(page.contains(shown), "{shown} is not on {page}");
    }
    assert!(ann.get(&format!("{}/progress", made.location)).await.text.contains("data-ended"));
    assert!(ann.get(&format!("/findings/{}", ids[0])).await.text.contains("Accepted until"));
    assert!(ann.get("/findings?state=accepted").await.text.contains("accepted until"));
    assert!(ann.get("/exceptions").await.text.contains("2 chosen findings"));
    assert!(ann.get(&format!("/controls/{ADMIN}")).await.text.contains("2 accepted"));

    let path = made.location.as_str();
    let changed = [("why", "false_positive"), ("reason", "it is none"), ("until", "2020-01-01")];
    assert_eq!(ann.submit(path, path, &changed).await.status, 400);
    let changed = [("why", "false_positive"), ("reason", "it is none"), ("until", &day)];
    assert_eq!(ann.submit(path, path, &changed).await.status, 303);
    assert!(ann.get(path).await.text.contains("False positive"));
    assert_eq!(ann.submit(path, &format!("{path}/revoke"), &[]).await.status, 303);
    assert_eq!(desk.ids("open").await.len(), 4);
    assert!(ann.get("/exceptions").await.text.contains("Nothing is accepted"));

    let scope = [("control", ADMIN), ("name", "pay_0"), ("tag", "env=test")];
    let query: Vec<String> = scope.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let look =
        ann.get(&format!("/exceptions/new?{}", query.join("&").replace("env=test", "env%3Dtest"))).await;
    assert!(look.status == 200 && look.text.contains("1 finding</b>"), "{}", look.text);
    assert_eq!(ann.get("/exceptions/new?control=ACC-02&name=*********").await.status, 400);
    let bob = desk.town.logged_in(tenant, "bob@example.org", Role::Viewer).await;
    assert_eq!(bob.get("/exceptions/new?control=ACC-02").await.status, 403);
    assert!(!bob.get(path).await.text.contains("Take it back"));
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn the_tenant_decides_how_long_is_longest() {
    let desk = Desk::new(1).await;
    let eve = desk.town.logged_in(desk.town.scratch.tenant, "eve@example.org", Role::Admin).await;
    assert_eq!(eve.submit("/exceptions", "/exceptions/policy", &[("days", "0")]).await.status, 400);
    assert_eq!(eve.submit("/exceptions", "/exceptions/policy", &[("days", "7")]).await.status, 303);
    let long = json!({ "control": ADMIN, "kind": "planned_fix", "reason": "x", "until": now() + TimeDelta::days(8) });
    assert_eq!(desk.post("exceptions", &long).await.json()["field"], "until");
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn a_program_looks_makes_changes_and_revokes() {
    let desk = Desk::new(4).await;
    let ids = desk.ids("open").await;
    let subject = json!({ "findings": ids[..2] });
    let would = desk.post("exceptions/preview", &subject).await.json();
    assert_eq!((&would["findings"], &would["assets"], &would["exact"]), (&json!(2), &json!(2), &json!(true)));
    assert!(would["scores"][0]["after"].as_f64() > would["scores"][0]["before"].as_f64(), "{would}");
    assert_eq!(desk.ids("open").await.len(), 4, "a look does nothing");

    let made = desk.make(subject).await;
    assert_eq!((&made["state"], &made["chosen"]), (&json!("expiring"), &json!(2)));
    assert_eq!(desk.ids("open").await.len(), 2, "at once");
    let accepted = desk.findings("accepted").await;
    assert_eq!((accepted.len(), &accepted[0]["exception_id"]), (2, &made["id"]));
    assert!(accepted[0]["accepted_until"].is_string());

    let path = path_of(&made);
    let tag = desk.caller.get(&path).await.header("etag").to_owned();
    let longer = json!({ "until": now() + TimeDelta::days(30), "reason": "until the new account" });
    let changed = desk.caller.call("PATCH", &path, &[("if-match", &tag)], Some(&longer)).await;
    assert_eq!((changed.status, &changed.json()["state"]), (200, &json!("active")), "{changed:?}");
    let late = desk.caller.call("PATCH", &path, &[("if-match", &tag)], Some(&longer)).await;
    assert_eq!(late.status, 412);
    for (body, field) in [
        (json!({ "until": now() + TimeDelta::days(366) }), "until"),
        (json!({ "until": now() - TimeDelta::days(1) }), "until"),
        (json!({ "reason": " " }), "reason"),
        (json!({ "colour": 1 }), "colour"),
    ] {
        let reply = desk.caller.call("PATCH", &path, &[], Some(&body)).await;
        assert_eq!((reply.status, &reply.json()["field"]), (400, &json!(field)), "{reply:?}");
    }
    let over = desk.caller.call("POST", &format!("{path}/revoke"), &[], None).await;
    assert_eq!((over.status, &over.json()["state"]), (200, &json!("revoked")), "{over:?}");
    assert_eq!(desk.ids("open").await.len(), 4);
    assert_eq!(desk.caller.call("POST", &format!("{path}/revoke"), &[], None).await.status, 409);
    let log = desk.caller.get("/api/v1/audit?limit=500").await.items();
    let actions: Vec<_> = log.iter().filter_map(|row| row["action"].as_str()).collect();
    assert_eq!(actions, ["exception.revoked", "exception.changed", "exception.made"]);
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_sent_twice_is_done_once() {
    let desk = Desk::new(2).await;
    let good = json!({ "control": ADMIN, "kind": "planned_fix", "reason": "soon", "until": tomorrow() });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, field) in [
        (with("control", json!("ACC-99")), "control"),
        (with("findings", json!([Uuid::nil()])), "findings"),
        (json!({ "kind": "planned_fix", "reason": "x", "until": tomorrow() }), "control"),
        (with("kind", json!("whim")), "kind"),
        (with("reason", json!("")), "reason"),
        (with("until", json!("2020-01-01T00:00:00Z")), "until"),
        (with("scope", json!({ "name": "*".repeat(9) })), "scope.name"),
        (with("scope", json!({ "connection": Uuid::nil() })), "connection"),
        (with("scope", json!({ "account": "x".repeat(256) })), "account"),
        (with("scope", json!({ "colour": "red" })), "colour"),
    ] {
        let reply = desk.post("exceptions", &body).await;
        let named = reply.json()["field"].as_str().map(str::to_owned);
        assert!(
            reply.status == 400 && named.is_some_and(|named| named.ends_with(field)),
            "{field}: {reply:?}"
        );
    }
    let key = [("idempotency-key", "e1")];
    let first = desk.caller.call("POST", "/api/v1/exceptions", &key, Some(&good)).await;
    let again = desk.caller.call("POST", "/api/v1/exceptions", &key, Some(&good)).await;
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(first.json()["id"], again.json()["id"]);
    assert_eq!(desk.caller.get("/api/v1/exceptions?state=expiring").await.items().len(), 1);
    assert!(desk.caller.get("/api/v1/exceptions?state=expired").await.items().is_empty());
    assert_eq!(desk.ids("accepted").await.len(), 2);
    let others: Vec<Permission> =
        Permission::ALL.iter().copied().filter(|one| *one != Permission::Accept).collect();
    let reader = Caller::with(&desk.town, desk.town.scratch.tenant, &others).await;
    assert_eq!(reader.get(&path_of(&first.json())).await.status, 200);
    assert_eq!(reader.call("POST", "/api/v1/exceptions", &[], Some(&good)).await.status, 403);
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn accepting_the_last_of_a_ticket_ends_it_and_its_return_opens_it() {
    let desk = Desk::new(2).await;
    let opened = desk.post("tickets", &json!({ "findings": desk.ids("open").await })).await.json();
    let ticket = format!("/api/v1/tickets/{}", opened["tickets"][0]["id"].as_str().expect("an id"));
    let made = desk.make(json!({ "findings": [desk.ids("open").await[0]] })).await;
    let told = desk.caller.get(&ticket).await.json();
    assert_eq!((&told["state"], &told["open_findings"]), (&json!("open"), &json!(1)));
    desk.make(json!({ "control": ADMIN })).await;
    let told = desk.caller.get(&ticket).await.json();
    assert_eq!((&told["state"], &told["open_findings"]), (&json!("done"), &json!(0)));
    let story = desk.caller.get(&format!("{ticket}/notes")).await.items();
    assert_eq!(story[0]["words"], "done: what still fails of it is accepted");
    let preview =
        desk.post("tickets/preview", &json!({ "findings": desk.ids("accepted").await })).await.json();
    assert_eq!(preview["left_out"], 2, "what is accepted comes into no ticket");

    desk.town.scratch.run(desk.connection, &functions(2, &[1])).await;
    let told = desk.caller.get(&ticket).await.json();
    assert_eq!(told["open_findings"], 0, "what is resolved while accepted is not taken off twice");
    for exception in desk.caller.get("/api/v1/exceptions?state=active").await.items() {
        let revoke = format!("{}/revoke", path_of(&exception));
        assert_eq!(desk.caller.call("POST", &revoke, &[], None).await.status, 200);
    }
    let told = desk.caller.get(&ticket).await.json();
    assert_eq!((&told["state"], &told["open_findings"]), (&json!("open"), &json!(1)), "{made}");
    desk.town.scratch.end().await;
}
