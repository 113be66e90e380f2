//! Findings as other programs read them, held against the published schemas of each form; and a
//! stream that waits for a reader that is slow.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use parallax::model::{
    Asset, AssetKey, ConnectionSpec, Facts, Permission, Platform, Provider, RegistrySpec, Role,
};
use parallax::store::bulk::{self, Bulk};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::support::caller::Caller;
use super::support::estate::{Planted, Scratch, function, image, now};
use super::support::people::Town;

/// An app of Azure, whose id is no ARN.
fn app() -> Asset {
    let id = "/subscriptions/0000/resourceGroups/a b/providers/Microsoft.Web/sites/größe";
    let key = AssetKey {
        provider: Provider::Azure,
        account: "00000000-0000-0000-0000-000000000001".into(),
        region: "westeurope".into(),
        native_id: id.into(),
    };
    let facts = Facts::Function(serde_json::from_value(json!({ "tags": [] })).expect("facts"));
    Asset { key, name: "größe <b>".into(), platform: Platform::FunctionsConsumption, facts }
}

/// An estate with a finding in each state.
async fn planted() -> (Town, Caller) {
    let scratch = Scratch::new().await;
    let connection = scratch.connection("production").await;
    let pay = |name: &str, identity: &str| {
        function(name, &format!(r#"{{ "identity": {identity}, "memory_mb": 128, "tags": [] }}"#))
    };
    let (admin, plain) = (r#"{ "name": "ops", "admin": true }"#, r#"{ "name": "ops", "admin": false }"#);
    let unknown = r#"{ "unknown": "iam:GetRole denied" }"#;
    let rest = || vec![image("shop/api", r#"{ "user": "root" }"#), app()];
    let first = [vec![pay("a", admin), pay("b", admin), pay("c", admin), pay("d", admin)], rest()].concat();
    scratch.run(connection, &Planted { assets: first, gaps: Vec::new() }).await;
    let then = [vec![pay("a", admin), pay("b", plain), pay("c", unknown), pay("d", admin)], rest()].concat();
    scratch.run(connection, &Planted { assets: then, gaps: Vec::new() }).await;
    let town = Town::over(scratch).await;
    let caller = Caller::with(&town, town.scratch.tenant, Permission::ALL).await;
    let body = json!({
        "control": "ACC-02", "scope": { "name": "d" }, "kind": "planned_fix",
        "reason": "moves to a role of its own, \"soon\" <b>", "until": now() + chrono::TimeDelta::days(3),
    });
    assert_eq!(caller.call("POST", "/api/v1/exceptions", &[], Some(&body)).await.status, 201);
    (town, caller)
}

/// All findings of the estate in this form, state after state.
async fn all(caller: &Caller, format: &str) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    for state in ["open", "stale", "accepted", "resolved"] {
        let path = format!("/api/v1/findings/export?format={format}&state={state}");
        let reply = caller.get(&path).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        files.push((state, reply.text));
    }
    files
}

/// How many findings hold against the published schema.
fn held(python: &str, form: &str, needs: &[&str], text: &str) -> usize {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/formats.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(form)
        .args(needs)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("{python}: {fault}"));
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{form}: {}\n{text}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().parse().expect("a number")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: ./dev test sets it"))
}

#[tokio::test]
async fn ocsf_events_hold_against_the_published_schema() {
    let (town, caller) = planted().await;
    let python = variable("PARALLAX_TEST_FORMATS");
    let mut statuses = Vec::new();
    for (state, text) in all(&caller, "ocsf").await {
        assert_eq!(held(&python, "ocsf", &[], &text), text.lines().count(), "{state}");
        let first: Value = serde_json::from_str(text.lines().next().expect("an event")).expect("JSON");
        statuses.push((first["status"].clone(), first["compliance"]["status"].clone()));
    }
    let told = [("New", "Fail"), ("Out of sight", "Unknown"), ("Suppressed", "Fail"), ("Resolved", "Pass")];
    assert_eq!(statuses, told.map(|(one, other)| (json!(one), json!(other))));
    let open = caller.get("/api/v1/findings/export?format=ocsf").await.text;
    for provider in ["AWS", "Azure"] {
        assert!(open.contains(&format!("\"provider\":\"{provider}\"")), "{provider} is not in {open}");
    }
    let ids: Vec<Value> = caller.get("/api/v1/findings?limit=500").await.items();
    assert_eq!(ids.len(), open.lines().count());
    assert!(ids.iter().all(|row| open.contains(row["id"].as_str().expect("an id"))), "ids are the findings'");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_sarif_log_holds_against_the_published_schema() {
    let (town, caller) = planted().await;
    let (python, schema) = (variable("PARALLAX_TEST_FORMATS"), variable("PARALLAX_TEST_SARIF"));
    for (state, text) in all(&caller, "sarif").await {
        let log: Value = serde_json::from_str(&text).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results").clone();
        assert!(!results.is_empty(), "{state}");
        assert_eq!(held(&python, "sarif", &[&schema], &text), results.len(), "{state}");
        let suppressed = results.iter().filter(|one| one["suppressions"] != json!([])).count();
        assert_eq!(suppressed, if state == "accepted" { results.len() } else { 0 });
        let kind = if state == "resolved" { "pass" } else { "fail" };
        assert!(results.iter().all(|one| one["kind"] == kind), "{state}: {results:?}");
    }
    town.scratch.end().await;
}

#[tokio::test]
async fn asff_findings_hold_against_the_service_model() {
    let (town, caller) = planted().await;
    let python = format!("{}/python", variable("PARALLAX_TEST_MOTO").rsplit_once('/').expect("a path").0);
    let mut told = Vec::new();
    for (state, text) in all(&caller, "asff").await {
        assert!(held(&python, "asff", &[], &text) > 0, "{state}");
        let call: Vec<Value> = serde_json::from_str(text.lines().next().expect("a call")).expect("JSON");
        assert!(call.iter().all(|one| one["ProductArn"]
            == "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"));
        told.push((call[0]["Compliance"]["Status"].clone(), call[0]["Workflow"]["Status"].clone()));
    }
    let wanted =
        [("FAILED", "NEW"), ("NOT_AVAILABLE", "NEW"), ("FAILED", "SUPPRESSED"), ("PASSED", "RESOLVED")];
    assert_eq!(told, wanted.map(|(one, other)| (json!(one), json!(other))));
    let path = "/api/v1/findings/export?format=asff&hub_account=999900001111&hub_region=us-east-1";
    let hub = caller.get(path).await.text;
    let all_open = caller.get("/api/v1/findings?limit=500").await.items().len();
    assert_eq!(held(&python, "asff", &[], &hub), all_open, "with a hub, findings outside AWS come along");
    let wrong = caller.get("/api/v1/findings/export?format=asff&hub_account=1").await;
    assert_eq!((wrong.status, &wrong.json()["field"]), (400, &json!("hub_account")));
    town.scratch.end().await;
}

#[tokio::test]
async fn the_page_hands_out_what_it_shows() {
    let (town, _) = planted().await;
    let ann = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Viewer).await;
    let page = ann.get("/findings?state=accepted&severity=critical").await.text;
    let link = page.split('"').find(|part| part.contains("/findings/export") && part.contains("sarif"));
    let link = link.expect("a link").replace("&#38;", "&").replace("&amp;", "&");
    let log: Value = serde_json::from_str(&ann.get(&link).await.text).expect("a log");
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(1), "{link}");
    assert_eq!(
        ann.get("/findings/export?format=csv").await.text.lines().next().map(|line| &line[..11]),
        Some("id,control,")
    );
    assert_eq!(ann.get("/findings/export?format=pdf").await.status, 400);
    town.scratch.end().await;
}

/// What lies in the sockets between us, at most: the rest has to wait in the database.
const UNDER_WAY: usize = 24 * 1024 * 1024;

#[tokio::test]
async fn a_slow_reader_is_waited_for() {
    let scratch = Scratch::new().await;
    let spec =
        ConnectionSpec::Registry(RegistrySpec { address: "127.0.0.1:9".into(), ..RegistrySpec::default() });
    let size = Bulk { connections: 2, assets: 6_000, findings_each: 15 };
    bulk::fill(&scratch.url(), scratch.tenant, &spec, size).await.expect("an estate");
    let town = Town::over(scratch).await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Permission::Read]).await;
    let whole = caller.get("/api/v1/findings/export").await.text;
    assert!(whole.len() > 2 * UNDER_WAY / 3 + UNDER_WAY, "too little to tell: {}", whole.len());

    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a small one");
    let mut stream = socket.connect(town.address).await.expect("connected");
    let ask = format!(
        "GET /api/v1/findings/export HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        town.address, caller.token
    );
    stream.write_all(ask.as_bytes()).await.expect("asked");
    let mut start = [0; 4_096];
    stream.read_exact(&mut start).await.expect("it begins");
    tokio::time::sleep(Duration::from_secs(2)).await;
    // What was read ahead of the reader has been read by now; nothing else comes after this.
    let mut behind = town.scratch.behind().await;
    sqlx::query("DELETE FROM findings").execute(&mut behind).await.expect("gone");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("it ends");
    assert!(rest.len() < UNDER_WAY, "{} of {} bytes were read ahead", rest.len(), whole.len());
    town.scratch.end().await;
}
