//! The API under a fuzzer that reads its OpenAPI document (schemathesis): whatever it sends, the
//! answer is one the document describes, for every role.

use parallax::api;
use parallax::model::{Permission, Role, TICKETING};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use super::api::planted;
use super::support::caller::Caller;
use super::support::estate::now;
use super::support::people::Town;

/// Requests made up for each operation, for each role: counted and not timed, so that a busy machine tries
/// as many.
const EXAMPLES: &str = "6";
/// For the owner, how long limits of values and orders of calls are tried besides. A longer run:
/// `PARALLAX_TEST_FUZZ_SECONDS=600`.
const SECONDS: &str = "20";

#[tokio::test]
async fn no_answer_of_the_api_breaks_its_description() {
    let roles = Role::ALL.iter().map(|role| (role.code(), role.permissions()));
    for (role, scopes) in roles.chain([("a ticket system", TICKETING)]) {
        let report = fuzzed(role, scopes, &["--phases", "fuzzing", "--max-examples", EXAMPLES]).await;
        reached(role, scopes, &report);
    }
    let seconds = std::env::var("PARALLAX_TEST_FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.into());
    fuzzed("owner", Role::Owner.permissions(), &["--max-time", &seconds]).await;
}

/// Lets schemathesis loose with a token of these scopes on an estate of its own: what one role may erase,
/// the next would look for in vain. Gives its report; anything wrong ends the test.
async fn fuzzed(role: &str, scopes: &[Permission], how: &[&str]) -> Value {
    let program = std::env::var("PARALLAX_TEST_SCHEMATHESIS")
        .expect("PARALLAX_TEST_SCHEMATHESIS names schemathesis: install it with pip, or run ./dev test");
    let (town, connection) = planted().await;
    let config = config(&town, connection).await;
    let caller = Caller::with(&town, town.scratch.tenant, scopes).await;
    let folder = std::env::temp_dir().join(format!("parallax-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("config.toml"), &config).expect("a file");
    let run = Command::new(&program)
        .current_dir(&folder)
        .args(["--config-file", "config.toml"])
        .arg("run")
        .arg(format!("http://{}/api/v1/openapi.json", town.address))
        .args(["--header", &format!("Authorization: Bearer {}", caller.token)])
        .args(["--rate-limit", "48/s", "--no-color"])
        .args(["--checks", "all", "--continue-on-failure", "--generation-deterministic"])
        .args(["--report-json-path", "report.json"])
        .args(how)
        .kill_on_drop(true)
        .output();
    let done = run.await.expect("schemathesis runs");
    let said = [done.stdout, done.stderr].map(|one| String::from_utf8_lossy(&one).into_owned());
    assert!(done.status.success(), "{role}:\n{}", said.concat());
    let report = std::fs::read(folder.join("report.json")).expect("a report");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    town.scratch.end().await;
    serde_json::from_slice(&report).expect("JSON")
}

/// Every operation was tried, and no less than a quarter of those a role may read with told it something:
/// a run that is turned away everywhere, or has no time to get far, finds no broken answer either.
fn reached(role: &str, scopes: &[Permission], report: &Value) {
    let rules = api::rules();
    let (operations, all) = (&report["operations"], json!(rules.len()));
    let tried = (&operations["total"], &operations["selected"], &operations["tested"]);
    assert_eq!(tried, (&all, &all, &all), "{role}: {operations}");
    let readable = rules.iter().filter(|rule| rule.method == "GET" && scopes.contains(&rule.scope));
    let readable: Vec<String> = readable.map(|rule| format!("{} {}", rule.method, rule.path)).collect();
    // For each operation and phase: how many of the requests it should accept got a 2xx.
    let told = |operation: &str| {
        let mut phases = report["valid_rates"][operation].as_object().into_iter().flatten();
        phases.any(|(_, rate)| rate["accepted"].as_u64() > Some(0))
    };
    let silent: Vec<_> = readable.iter().filter(|operation| !told(operation)).collect();
    println!("{role}: {} of {} told nothing: {silent:?}", silent.len(), readable.len());
    assert!(!readable.is_empty() && silent.len() * 4 <= readable.len() * 3, "{role}: {silent:?}");
}

/// Our settings of the fuzzer, with ids of what is there: guessed ones are never met.
async fn config(town: &Town, connection: Uuid) -> String {
    let owner = Caller::with(town, town.scratch.tenant, Role::Owner.permissions()).await;
    let finding = owner.get("/api/v1/findings?limit=1").await.items().remove(0);
    let run = owner.get(&format!("/api/v1/connections/{connection}/runs")).await.items().remove(0);
    let gather = json!({ "findings": [finding["id"]] });
    let opened = owner.call("POST", "/api/v1/tickets", &[], Some(&gather)).await.json();
    let body = json!({ "name": "fuzzed", "url": "https://hooks.example/x", "events": ["finding.opened"] });
    let webhook = owner.call("POST", "/api/v1/webhooks", &[], Some(&body)).await.json();
    let tracker = json!({
        "name": "fuzzed", "kind": "github", "address": "http://127.0.0.1:9", "place": "acme/security",
        "secret": "none",
    });
    let tracker = owner.call("POST", "/api/v1/trackers", &[], Some(&tracker)).await.json();
    let accept = json!({
        "control": "OPS-05", "kind": "planned_fix", "reason": "later", "until": now() + chrono::TimeDelta::days(90),
    });
    let made = owner.call("POST", "/api/v1/exceptions", &[], Some(&accept)).await.json();
    let mut config = include_str!("../fixtures/schemathesis.toml").to_owned();
    for (path, id) in [
        ("findings", finding["id"].to_string()),
        ("assets", finding["asset"]["id"].to_string()),
        ("connections", format!("\"{connection}\"")),
        ("runs", run["id"].to_string()),
        ("tickets", opened["tickets"][0]["id"].to_string()),
        ("webhooks", webhook["id"].to_string()),
        ("exceptions", made["id"].to_string()),
        ("trackers", tracker["id"].to_string()),
    ] {
        let part = format!(
            "\n[[operations]]\ninclude-path-regex = \"^/api/v1/{path}/\\\\{{id\"\nparameters = {{ \"path.id\" = {id} }}\n"
        );
        config.push_str(&part);
    }
    config
}
