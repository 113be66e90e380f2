//! The API as a program uses it: who may, what a list promises, what a wrong request is told.

use std::collections::HashSet;

use parallax::api;
use parallax::model::Permission::{self, Audit, Read, Run};
use serde_json::json;
use uuid::Uuid;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, image};
use super::support::people::Town;

/// Some functions that administer the account, and an image that runs as root.
pub async fn planted() -> (Town, Uuid) {
    let scratch = Scratch::new().await;
    let connection = scratch.connection("production").await;
    let facts = r#"{ "identity": { "name": "ops", "admin": true }, "memory_mb": 128 }"#;
    let mut assets: Vec<_> = (0..7).map(|number| function(&format!("pay-{number}"), facts)).collect();
    assets.push(function("=cmd,\"x\"", facts));
    assets.push(image("shop/api", r#"{ "user": "root" }"#));
    scratch.run(connection, &Planted { assets, gaps: Vec::new() }).await;
    (Town::over(scratch).await, connection)
}

#[tokio::test]
async fn without_a_token_that_works_and_reaches_nothing_is_told() {
    let (town, connection) = planted().await;
    let tenant = town.scratch.tenant;
    let over = Caller::until(&town, tenant, &[Read], chrono::TimeDelta::seconds(-1)).await;
    for stranger in [Caller::of(&town, ""), Caller::of(&town, "plx_guess"), Caller::of(&town, "other"), over]
    {
        let reply = stranger.get("/api/v1/findings").await;
        assert_eq!((reply.status, reply.header("content-type")), (401, "application/problem+json"));
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{reply:?}");
    }
    let reader = Caller::with(&town, tenant, &[Read]).await;
    assert_eq!(reader.get("/api/v1/findings").await.status, 200);
    for rule in api::rules().iter().filter(|rule| rule.scope != Read) {
        let path = rule.path.replace("{id}", &connection.to_string());
        let reply = reader.call(rule.method, &path, &[], None).await;
        assert_eq!(reply.status, 403, "{rule:?}: {reply:?}");
        assert!(reply.json()["detail"].as_str().expect("words").contains(rule.scope.code()), "{reply:?}");
    }
    let every: Vec<Permission> = Permission::ALL.to_vec();
    for rule in api::rules() {
        let without: Vec<_> = every.iter().copied().filter(|one| *one != rule.scope).collect();
        let caller = Caller::with(&town, tenant, &without).await;
        let path = rule.path.replace("{id}", &Uuid::nil().to_string()).replace("{code}", "ACC-02");
        assert_eq!(caller.call(rule.method, &path, &[], None).await.status, 403, "{rule:?}");
    }
    let guesser = Caller::of(&town, "plx_guess");
    for _ in 0..210 {
        guesser.get("/api/v1/findings").await;
    }
    let reply = guesser.get("/api/v1/findings").await;
    assert!(reply.status == 429 && !reply.header("retry-after").is_empty(), "{reply:?}");
    town.scratch.end().await;
}

#[tokio::test]
async fn pages_of_a_list_hold_every_row_once() {
    let (town, connection) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Read, Audit]).await;
    for list in [
        "findings?limit=3",
        "findings?order=changed&limit=3",
        "assets?limit=2",
        "audit?limit=1",
        "findings?limit=2&control=ACC-02",
    ] {
        let whole = list.split_once("limit=").map(|(start, rest)| format!("{start}limit=500{}", &rest[1..]));
        let whole = caller.get(&format!("/api/v1/{}", whole.expect("a limit"))).await.items();
        let (mut met, mut next) = (Vec::new(), Some(format!("/api/v1/{list}")));
        while let Some(path) = next {
            let page = caller.get(&path).await;
            met.extend(page.items());
            next = page.json()["next"].as_str().map(str::to_owned);
            let link = next.as_ref().map_or(String::new(), |next| format!("<{next}>; rel=\"next\""));
            assert_eq!(page.header("link"), link);
        }
        let ids: HashSet<_> = met.iter().map(|row| row["id"].to_string()).collect();
        assert_eq!((met.len(), ids.len(), &met), (whole.len(), whole.len(), &whole), "{list}");
    }
    let narrow =
        caller.get("/api/v1/findings?control=ACC-02&family=serverless&fields=id,severity").await.items();
    assert_eq!(narrow.len(), 8, "{narrow:?}");
    assert!(narrow.iter().all(|row| row.as_object().expect("a row").len() == 2));
    let of_connection =
        caller.get(&format!("/api/v1/findings?connection={connection}&limit=500")).await.items();
    assert_eq!(of_connection.len(), caller.get("/api/v1/findings?limit=500").await.items().len());
    assert!(caller.get(&format!("/api/v1/findings?connection={}", Uuid::nil())).await.items().is_empty());
    town.scratch.end().await;
}

#[tokio::test]
async fn a_wrong_request_is_told_which_part_is_wrong() {
    let (town, _) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, Permission::ALL).await;
    for (path, field) in [
        ("findings?limit=0", "limit"),
        ("findings?limit=x", "limit"),
        ("findings?cursor=%00", "cursor"),
        ("findings?cursor=bm9uc2Vuc2U", "cursor"),
        ("findings?severity=dreadful", "severity"),
        ("findings?asset=1", "asset"),
        ("findings?colour=red", "colour"),
        ("findings?fields=id,colour", "fields"),
        ("assets?kind=ship", "kind"),
        ("scores?days=400", "days"),
        ("findings/export?format=xml", "format"),
    ] {
        let reply = caller.get(&format!("/api/v1/{path}")).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (400, "application/problem+json"),
            "{path}: {reply:?}"
        );
        assert_eq!(reply.json()["field"], field, "{path}: {reply:?}");
    }
    for path in [
        "findings/x",
        "assets/1",
        "runs/00000000-0000-0000-0000-000000000000",
        "controls/XXX-99",
        "nothing",
        "findings/1/2",
    ] {
        let reply = caller.get(&format!("/api/v1/{path}")).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    let reply = caller.call("DELETE", "/api/v1/findings", &[], None).await;
    assert_eq!((reply.status, reply.header("content-type")), (405, "application/problem+json"), "{reply:?}");
    assert!(caller.get("/api/v1/findings?control=%00&limit=1").await.items().is_empty());
    town.scratch.end().await;
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let (town, connection) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Read]).await;
    let finding = caller.get("/api/v1/findings?control=ACC-02&limit=1").await.items().remove(0);
    let (id, asset) =
        (finding["id"].as_str().expect("an id"), finding["asset"]["id"].as_str().expect("an id"));
    let whole = caller.get(&format!("/api/v1/findings/{id}")).await.json();
    assert_eq!(whole["control"], "ACC-02");
    assert!(
        !whole["remedy"].as_str().expect("words").is_empty()
            && !whole["evidence"].as_array().expect("facts").is_empty()
    );
    for path in [
        format!("findings/{id}"),
        format!("assets/{asset}"),
        format!("connections/{connection}"),
        "controls/ACC-02".into(),
        "comparison".into(),
    ] {
        let path = format!("/api/v1/{path}");
        let first = caller.get(&path).await;
        assert_eq!(first.status, 200, "{path}: {first:?}");
        let tag = first.header("etag");
        let again = caller.call("GET", &path, &[("if-none-match", tag)], None).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        let other = caller.call("GET", &path, &[("if-none-match", "\"other\"")], None).await;
        assert_eq!(other.status, 200, "{path}");
    }
    town.scratch.end().await;
}

#[tokio::test]
async fn a_run_is_started_once_however_often_it_is_sent() {
    let (town, connection) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Read, Run, Audit]).await;
    let path = format!("/api/v1/connections/{connection}/runs");
    let key = [("idempotency-key", "one")];
    let first = caller.call("POST", &path, &key, None).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = caller.call("POST", &path, &key, None).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    let other = caller.call("POST", &path, &[("idempotency-key", "two")], None).await;
    assert_eq!((other.status, &other.json()["id"]), (200, &first.json()["id"]), "the one under way");
    let elsewhere = format!("/api/v1/connections/{}/runs", Uuid::nil());
    assert_eq!(
        caller.call("POST", &elsewhere, &key, None).await.status,
        409,
        "the key stood for another request"
    );
    let log = caller.get("/api/v1/audit").await.items();
    let started = log.iter().filter(|row| row["action"] == "run.started").collect::<Vec<_>>();
    assert_eq!(started.len(), 1, "{log:?}");
    assert_eq!(started[0]["actor_name"], "a ticket system", "{started:?}");
    town.scratch.end().await;
}

#[tokio::test]
async fn an_export_holds_everything_and_harms_no_spreadsheet() {
    let (town, _) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Read]).await;
    let listed = caller.get("/api/v1/findings?state=open&limit=500").await.items();
    let lines = caller.get("/api/v1/findings/export").await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let rows: Vec<serde_json::Value> =
        lines.text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect();
    assert_eq!(rows, listed);
    let table = caller.get("/api/v1/findings/export?format=csv&severity=critical").await;
    let mut reader = csv::Reader::from_reader(table.text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let critical = listed.iter().filter(|row| row["severity"] == "critical").count();
    assert!(rows.len() == critical && critical > 0, "{}", table.text);
    assert!(rows.iter().any(|row| row.iter().any(|cell| cell == "'=cmd,\"x\"")), "{}", table.text);
    assert!(rows.iter().all(|row| row.iter().all(|cell| !cell.starts_with('='))));
    town.scratch.end().await;
}

#[tokio::test]
async fn the_document_describes_what_can_be_reached() {
    let (town, _) = planted().await;
    let anybody = Caller::of(&town, "");
    let document = anybody.get("/api/v1/openapi.json").await;
    assert_eq!(document.json(), *api::described());
    assert_eq!(document.json()["openapi"], "3.1.0");
    for rule in api::rules() {
        let operation = &document.json()["paths"][&rule.path][rule.method.to_lowercase()];
        assert_eq!(operation["security"], json!([{ "token": [] }]), "{rule:?}");
        for part in ["summary", "description", "operationId"] {
            assert!(operation[part].as_str().is_some_and(|text| !text.is_empty()), "{rule:?} has no {part}");
        }
    }
    let reader = town.logged_in(town.scratch.tenant, "ann@example.org", parallax::model::Role::Viewer).await;
    let page = reader.get("/api/docs").await;
    assert!(page.status == 200 && page.text.contains("/api/v1/findings/export"), "{}", page.text);
    assert_eq!(town.browser().get("/api/docs").await.status, 303, "people only");
    let ids: Vec<_> = api::rules()
        .iter()
        .map(|rule| {
            document.json()["paths"][&rule.path][rule.method.to_lowercase()]["operationId"].to_string()
        })
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "an operation's id is its own: {ids:?}");
    insta::assert_json_snapshot!("openapi", document.json());
    town.scratch.end().await;
}
