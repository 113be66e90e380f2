//! Tickets: gathered by cause and owner, never twice, and always where the truth is.

use parallax::model::Permission::{self, Audit, Read, Ticket};
use parallax::model::{Asset, Role, Severity, TicketPolicy, TicketRule, TicketState};
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
