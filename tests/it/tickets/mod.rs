//! Tickets: gathered by cause and owner, never twice, and always where the truth is.

mod state;
mod work;

use parallax::model::Permission::{Audit, Read, Ticket};
use parallax::model::{Asset, Severity, TicketPolicy, TicketRule, TicketState};
use parallax::store::pages::tickets::{self as pages, Filter};
use parallax::store::tickets::{self, Author};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, now};
use super::support::people::Town;

const TEAMS: [&str; 3] = ["red", "blue", ""];

/// Functions of two teams and one without; those named in `fixed` administer nothing.
fn functions(count: usize, fixed: &[usize]) -> Planted {
    let one = |number: usize| -> Asset {
        let admin = !fixed.contains(&number);
        let team = TEAMS[number % 3];
        let tags = if team.is_empty() { json!([]) } else { json!([{ "key": "Team", "value": team }]) };
        let facts = json!({ "identity": { "name": "ops", "admin": admin }, "memory_mb": 128, "tags": tags });
        function(&format!("pay-{number}"), &facts.to_string())
    };
    Planted { assets: (0..count).map(one).collect(), gaps: Vec::new() }
}

struct Desk {
    town: Town,
    connection: Uuid,
    caller: Caller,
}

impl Desk {
    async fn new(count: usize) -> Self {
        let scratch = Scratch::new().await;
        let connection = scratch.connection("production").await;
        scratch.run(connection, &functions(count, &[])).await;
        let town = Town::over(scratch).await;
        let caller = Caller::with(&town, town.scratch.tenant, &[Read, Ticket, Audit]).await;
        Self { town, connection, caller }
    }

    async fn run(&self, count: usize, fixed: &[usize]) {
        self.town.scratch.run(self.connection, &functions(count, fixed)).await;
    }

    /// Ids of open findings of ACC-02.
    async fn findings(&self) -> Vec<Value> {
        let rows = self.caller.get("/api/v1/findings?control=ACC-02&limit=500").await.items();
        rows.into_iter().map(|row| row["id"].clone()).collect()
    }

    async fn open(&self, findings: &[Value]) -> Value {
        let reply =
            self.caller.call("POST", "/api/v1/tickets", &[], Some(&json!({ "findings": findings }))).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
        reply.json()
    }

    async fn tickets(&self) -> Vec<Value> {
        self.caller.get("/api/v1/tickets?limit=500").await.items()
    }

    async fn change(&self, id: &Value, body: Value) -> super::support::caller::Reply {
        let path = format!("/api/v1/tickets/{}", id.as_str().expect("an id"));
        self.caller.call("PATCH", &path, &[], Some(&body)).await
    }

    async fn ticket(&self, id: &Value) -> Value {
        self.caller.get(&format!("/api/v1/tickets/{}", id.as_str().expect("an id"))).await.json()
    }

    async fn story(&self, id: &Value) -> Vec<String> {
        let path = format!("/api/v1/tickets/{}/notes", id.as_str().expect("an id"));
        let notes = self.caller.get(&path).await.items();
        notes.iter().map(|note| note["words"].as_str().expect("words").to_owned()).collect()
    }
}

#[tokio::test]
async fn findings_of_one_cause_and_owner_make_one_ticket() {
    let desk = Desk::new(7).await;
    let findings = desk.findings().await;
    assert_eq!(findings.len(), 7);
    let body = json!({ "findings": findings });
    let would = desk.caller.call("POST", "/api/v1/tickets/preview", &[], Some(&body)).await.json();
    assert!(desk.tickets().await.is_empty(), "a preview does nothing");
    let done = desk.open(&findings).await;
    let counts = |told: &Value| -> Vec<(String, i64)> {
        let all = told["tickets"].as_array().expect("tickets");
        all.iter()
            .map(|one| (one["owner"].as_str().expect("owner").into(), one["added"].as_i64().expect("count")))
            .collect()
    };
    assert_eq!(counts(&would), counts(&done), "the preview is what is done");
    assert_eq!(counts(&done), [("111122223333".into(), 2), ("blue".into(), 2), ("red".into(), 3)]);
    let again = desk.open(&findings).await;
    assert_eq!((again["tickets"].clone(), again["left_out"].clone()), (json!([]), json!(7)));
    let tickets = desk.tickets().await;
    let numbers: Vec<_> = tickets.iter().map(|one| one["number"].as_i64()).collect();
    assert_eq!(numbers, [Some(3), Some(2), Some(1)]);
    assert!(tickets.iter().all(|one| one["state"] == "open" && one["severity"] == "critical"), "{tickets:?}");
    let of_one = desk
        .caller
        .get(&format!("/api/v1/findings?ticket={}", tickets[0]["id"].as_str().expect("an id")))
        .await;
    assert_eq!(of_one.items().len(), 3);
    let due: chrono::DateTime<chrono::Utc> =
        tickets[0]["due_at"].as_str().expect("due").parse().expect("a time");
    assert_eq!((due - now()).num_hours(), 7 * 24 - 1, "critical findings are due in a week");
    for wrong in [
        json!([]),
        json!([1]),
        json!(
            vec![Uuid::nil(); 501]
                .iter()
                .enumerate()
                .map(|(n, _)| Uuid::from_u128(n as u128))
                .collect::<Vec<_>>()
        ),
    ] {
        let reply =
            desk.caller.call("POST", "/api/v1/tickets", &[], Some(&json!({ "findings": wrong }))).await;
        assert_eq!(
            (reply.status, reply.json()["field"].as_str().map(|field| field.starts_with("findings"))),
            (400, Some(true)),
            "{reply:?}"
        );
    }
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn two_at_once_open_one() {
    let desk = Desk::new(60).await;
    let findings = desk.findings().await;
    let parts: Vec<_> =
        (0..12).map(|start| findings.iter().skip(start).step_by(7).cloned().collect::<Vec<_>>()).collect();
    futures::future::join_all(parts.iter().map(|part| desk.open(part))).await;
    desk.open(&findings).await;
    let tickets = desk.tickets().await;
    assert_eq!(tickets.len(), 3, "{tickets:?}");
    let counts: Vec<_> =
        tickets.iter().map(|one| (one["findings"].as_i64(), one["open_findings"].as_i64())).collect();
    assert_eq!(counts, [(Some(20), Some(20)); 3]);
    desk.town.scratch.end().await;
}

#[tokio::test]
async fn rules_open_tickets_by_themselves() {
    let scratch = Scratch::new().await;
    let connection = scratch.connection("production").await;
    let rule = |tag: &str| TicketRule {
        severity: Severity::Critical,
        area: None,
        family: None,
        exposed: false,
        tag: Some(("Team".into(), tag.into())),
    };
    let mut policy = TicketPolicy { rules: vec![rule("red")], ..TicketPolicy::default() };
    let mut tx = scratch.store.begin(scratch.tenant).await.expect("a transaction");
    tickets::set_policy(&mut tx, &policy).await.expect("decided");
    tx.commit().await.expect("commits");
    scratch.run(connection, &functions(6, &[])).await;
    let owners = || async {
        let mut tx = scratch.store.begin(scratch.tenant).await.expect("a transaction");
        let found = pages::list(&mut tx, &Filter::default(), None, 50).await.expect("a list").rows;
        found.into_iter().map(|one| (one.owner, one.findings, one.state)).collect::<Vec<_>>()
    };
    assert_eq!(owners().await, [("red".to_owned(), 2, TicketState::Open)]);
    policy.rules.push(rule("blue"));
    let mut tx = scratch.store.begin(scratch.tenant).await.expect("a transaction");
    tickets::set_policy(&mut tx, &policy).await.expect("decided");
    let done = tickets::apply(&mut tx, &policy, now()).await.expect("applied");
    tx.commit().await.expect("commits");
    assert_eq!((done.len(), done[0].added), (1, 2), "what fails already comes under a new rule");
    assert_eq!(owners().await.len(), 2);
    let mut tx = scratch.store.begin(scratch.tenant).await.expect("a transaction");
    assert!(
        tickets::gather(&mut tx, &[], &Author::rule(), &policy, now()).await.expect("nothing").is_empty()
    );
    drop(tx);
    scratch.end().await;
}

#[tokio::test]
async fn a_removed_connection_leaves_no_ticket_hanging() {
    let desk = Desk::new(3).await;
    desk.open(&desk.findings().await).await;
    let scratch = &desk.town.scratch;
    let mut tx = scratch.store.begin(scratch.tenant).await.expect("a transaction");
    assert!(parallax::store::connections::remove(&mut tx, "production", now()).await.expect("removed"));
    tx.commit().await.expect("commits");
    let told: Vec<_> =
        desk.tickets().await.iter().map(|one| json!([one["state"], one["findings"]])).collect();
    assert_eq!(told, [json!(["done", 0]), json!(["done", 0]), json!(["done", 0])]);
    desk.town.scratch.end().await;
}
