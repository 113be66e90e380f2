//! The API under a fuzzer that reads its OpenAPI document (schemathesis): whatever it sends, the
//! answer is one the document describes, for every role.

use parallax::model::{Role, TICKETING};
use tokio::process::Command;
use uuid::Uuid;

use super::api::planted;
use super::support::caller::Caller;
use super::support::estate::now;
use super::support::people::Town;

/// For each role: enough to find what a change breaks, short enough to be run with the other tests.
/// A longer run: `PARALLAX_TEST_FUZZ_SECONDS=600`.
const SECONDS: &str = "15";

#[tokio::test]
async fn no_answer_of_the_api_breaks_its_description() {
    let program = std::env::var("PARALLAX_TEST_SCHEMATHESIS")
        .expect("PARALLAX_TEST_SCHEMATHESIS names schemathesis: install it with pip, or run ./dev test");
    let seconds = std::env::var("PARALLAX_TEST_FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.into());
    let (town, connection) = planted().await;
    let config = config(&town, connection).await;
    let roles = Role::ALL.iter().map(|role| (role.code(), role.permissions()));
    for (role, scopes) in roles.chain([("a ticket system", TICKETING)]) {
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
            .args(["--max-time", &seconds])
            .kill_on_drop(true)
            .output();
        let done = run.await.expect("schemathesis runs");
        assert!(
            done.status.success(),
            "{role}:\n{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }
    town.scratch.end().await;
}

/// Our settings of the fuzzer, with ids of what is there: guessed ones are never met.
async fn config(town: &Town, connection: Uuid) -> String {
    let owner = Caller::with(town, town.scratch.tenant, Role::Owner.permissions()).await;
    let finding = owner.get("/api/v1/findings?limit=1").await.items().remove(0);
    let run = owner.get(&format!("/api/v1/connections/{connection}/runs")).await.items().remove(0);
    let gather = serde_json::json!({ "findings": [finding["id"]] });
    let opened = owner.call("POST", "/api/v1/tickets", &[], Some(&gather)).await.json();
    let body = serde_json::json!({ "name": "fuzzed", "url": "https://hooks.example/x", "events": ["finding.opened"] });
    let webhook = owner.call("POST", "/api/v1/webhooks", &[], Some(&body)).await.json();
    let tracker = serde_json::json!({
        "name": "fuzzed", "kind": "github", "address": "http://127.0.0.1:9", "place": "acme/security",
        "secret": "none",
    });
    let tracker = owner.call("POST", "/api/v1/trackers", &[], Some(&tracker)).await.json();
    let accept = serde_json::json!({
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
