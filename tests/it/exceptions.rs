//! Exceptions: what is accepted is accepted at once and for later, comes back on time, and every count
//! follows.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::model::{Asset, ExceptionKind, ExceptionScope, NamePattern, Permission, Role, Severity};
use parallax::pipeline::exceptions::{preview, settle_all};
use parallax::store::exceptions::{self, NewException, Subject};
use parallax::store::pages::{exceptions as pages, findings as listed, totals};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::support::caller::{Caller, Reply};
use super::support::estate::{Planted, Scratch, function, now};
use super::support::people::Town;

const ADMIN: &str = "ACC-02";

fn tomorrow() -> DateTime<Utc> {
    now() + TimeDelta::days(1)
}

fn in_two_days() -> DateTime<Utc> {
    now() + TimeDelta::days(2)
}

fn three_days_from_now() -> DateTime<Utc> {
    now() + TimeDelta::days(3)
}

/// Functions that administer their account, but for those in `fixed`; every third is tagged for test.
fn functions(count: usize, fixed: &[usize]) -> Planted {
    let one = |number: usize| -> Asset {
        let tags =
            if number.is_multiple_of(3) { json!([{ "key": "env", "value": "test" }]) } else { json!([]) };
        let admin = !fixed.contains(&number);
        let facts = json!({ "identity": { "name": "ops", "admin": admin }, "memory_mb": 128, "tags": tags });
        function(&format!("pay_{number}"), &facts.to_string())
    };
    Planted { assets: (0..count).map(one).collect(), gaps: Vec::new() }
}

fn everywhere() -> Subject {
    Subject::Control { control: ADMIN.into(), scope: ExceptionScope::default() }
}

fn of_test() -> Subject {
    let scope = ExceptionScope { tag: Some(("env".into(), "test".into())), ..ExceptionScope::default() };
    Subject::Control { control: ADMIN.into(), scope }
}

struct Estate {
    scratch: Scratch,
    connection: Uuid,
}

impl Estate {
    async fn new(count: usize) -> Self {
        let scratch = Scratch::new().await;
        let connection = scratch.connection("production").await;
        scratch.run(connection, &functions(count, &[])).await;
        Self { scratch, connection }
    }

    async fn make(&self, subject: Subject, until: DateTime<Utc>) -> Uuid {
        let new = NewException {
            subject,
            kind: ExceptionKind::Risk,
            reason: "known".into(),
            until,
            by: "person:1".into(),
            by_name: "Ann".into(),
            matched: 0,
        };
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let id = exceptions::add(&mut tx, &new, now()).await.expect("made");
        tx.commit().await.expect("commits");
        id
    }

    async fn settle(&self, clock: fn() -> DateTime<Utc>) -> usize {
        settle_all(&self.scratch.store, self.scratch.tenant, clock).await.expect("settled")
    }

    /// Findings of the control by state, as the table has them.
    async fn states(&self) -> Vec<(String, i64)> {
        let mut behind = self.scratch.behind().await;
        let rows =
            sqlx::query("SELECT state, count(*) AS n FROM findings WHERE control = $1 GROUP BY 1 ORDER BY 1")
                .bind(ADMIN)
                .fetch_all(&mut behind)
                .await;
        rows.expect("rows").iter().map(|row| (row.get("state"), row.get("n"))).collect()
    }

    /// Findings of the control in this state, as pages list them at a moment.
    async fn seen(&self, state: &str, at: DateTime<Utc>) -> usize {
        let filter = listed::Filter {
            state: Some(state.into()),
            control: Some(ADMIN.into()),
            ..listed::Filter::default()
        };
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let found = listed::list(&mut tx, &filter, at, None, 500).await.expect("a list").rows;
        assert!(found.iter().all(|one| one.state == state), "{found:?}");
        found.len()
    }

    /// The mean score, and how many verdicts are known and accepted.
    async fn score(&self) -> (f64, i64, i64) {
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let sums = totals::sums(&mut tx).await.expect("sums");
        let whole = sums.iter().find(|one| one.area.is_none()).expect("of functions");
        (whole.score_sum / whole.scored as f64, whole.known, whole.accepted)
    }

    async fn events(&self, name: usize) -> Vec<String> {
        let mut behind = self.scratch.behind().await;
        sqlx::query_scalar(
            "SELECT e.event FROM finding_events e JOIN findings f ON f.id = e.finding_id JOIN assets a ON a.id = f.asset_id
             WHERE e.control = $1 AND a.name = $2 ORDER BY e.at",
        )
        .bind(ADMIN)
        .bind(format!("pay_{name}"))
        .fetch_all(&mut behind)
        .await
        .expect("events")
    }

    async fn truthful(&self) {
        assert_eq!(
            super::support::database::miscounts(&mut self.scratch.behind().await).await,
            Vec::<String>::new()
        );
    }
}

fn told(states: &[(&str, i64)]) -> Vec<(String, i64)> {
    states.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
}

#[tokio::test]
async fn an_exception_accepts_what_is_there_and_what_comes_and_gives_it_back_on_time() {
    let estate = Estate::new(6).await;
    let before = estate.score().await;
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    let would = preview(&mut tx, &of_test(), now()).await.expect("a preview");
    drop(tx);
    assert_eq!((would.count(), would.assets, would.exact), (2, 2, true));
    assert_eq!(would.severities, [(Severity::Critical, 2)]);

    estate.make(of_test(), tomorrow()).await;
    assert_eq!(estate.settle(now).await, 1);
    assert_eq!(estate.settle(now).await, 0, "nothing is left to do");
    assert_eq!(estate.states().await, told(&[("accepted", 2), ("open", 4)]));
    let after = estate.score().await;
    assert!(after.0 > before.0 && after.2 == 2 && after.1 == before.1 - 2, "{before:?} {after:?}");
    let moved = would.moves[0].after.expect("a score");
    assert!((moved - after.0).abs() < 0.01, "the preview said {moved}, it is {after:?}");
    estate.truthful().await;

    estate.scratch.run(estate.connection, &functions(10, &[])).await;
    assert_eq!(estate.states().await, told(&[("accepted", 4), ("open", 6)]), "born accepted");
    assert_eq!(estate.events(9).await, ["accepted"]);
    estate.truthful().await;

    estate.scratch.run(estate.connection, &functions(10, &[0])).await;
    assert_eq!(estate.states().await, told(&[("accepted", 3), ("open", 6), ("resolved", 1)]));
    estate.truthful().await;

    assert_eq!(estate.seen("open", now()).await, 6);
    assert_eq!((estate.seen("accepted", now()).await, estate.seen("accepted", in_two_days()).await), (3, 0));
    assert_eq!(estate.seen("open", in_two_days()).await, 9, "also while the worker sleeps");
    assert_eq!(estate.settle(in_two_days).await, 1);
    assert_eq!(estate.states().await, told(&[("open", 9), ("resolved", 1)]));
    assert_eq!(estate.events(3).await, ["opened", "accepted", "returned"]);
    assert_eq!(estate.settle(in_two_days).await, 0);
    assert!((estate.score().await.2) == 0);
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn a_finding_hangs_on_the_exception_that_lasts_longest() {
    let estate = Estate::new(3).await;
    estate.make(everywhere(), tomorrow()).await;
    let longer = estate.make(of_test(), three_days_from_now()).await;
    estate.settle(now).await;
    assert_eq!(estate.states().await, told(&[("accepted", 3)]));
    estate.settle(in_two_days).await;
    assert_eq!(estate.states().await, told(&[("accepted", 1), ("open", 2)]));
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    assert!(exceptions::revoke(&mut tx, longer, "Ann", now()).await.expect("taken back"));
    tx.commit().await.expect("commits");
    assert_eq!(estate.seen("open", now()).await, 3, "at once");
    estate.settle(now).await;
    assert_eq!(estate.states().await, told(&[("open", 3)]));
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn many_are_accepted_batch_by_batch_and_a_dead_worker_is_followed() {
    let estate = Estate::new(2_300).await;
    let id = estate.make(everywhere(), tomorrow()).await;
    let mut behind = estate.scratch.behind().await;
    let took = "UPDATE exceptions SET worked_at = now() - interval '50 seconds'";
    sqlx::query(took).execute(&mut behind).await.expect("somebody has it");
    assert_eq!(estate.settle(now).await, 0, "one that is at work is left alone");
    let fell = "UPDATE exceptions SET worked_at = now() - interval '61 seconds'";
    sqlx::query(fell).execute(&mut behind).await.expect("it fell silent");
    assert_eq!(estate.settle(now).await, 1);
    assert_eq!(estate.states().await, told(&[("accepted", 2_300)]));
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    let one = pages::get(&mut tx, id).await.expect("read").expect("there");
    assert_eq!((one.phase.as_str(), one.matched, one.done, one.findings), ("held", 2_300, 2_300, 1_001));
    drop(tx);
    estate.truthful().await;
    estate.settle(in_two_days).await;
    assert_eq!(estate.states().await, told(&[("open", 2_300)]));
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn a_pattern_means_the_same_to_the_database() {
    let scratch = Scratch::new().await;
    let mut behind = scratch.behind().await;
    let names = ["pay", "pay-1", "pay_1", "pay%1", "Pay-1", "xpay-1", "pay\\1", "päy-1", "", "pay-1-2"];
    for text in ["*", "pay*", "pay_1", "pay%1", "*-1", "p?y-1", "pay-*-*", "?", "pay\\1", "*pay*"] {
        let pattern: NamePattern = text.parse().expect("a pattern");
        for name in names {
            let like: bool = sqlx::query_scalar("SELECT $1::text LIKE $2::text")
                .bind(name)
                .bind(pattern.like())
                .fetch_one(&mut behind)
                .await
                .expect("an answer");
            assert_eq!(pattern.matches(name), like, "{text} {name}");
        }
    }
    scratch.end().await;
}

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
