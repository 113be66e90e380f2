//! The OpenAPI document in other people's hands: a standard linter finds nothing in it (Spectral),
//! and a client that a common generator makes of it (openapi-python-client) does a day's work.

use std::path::{Path, PathBuf};
use std::process::Output;

use parallax::api::described;
use parallax::model::Permission::{Read, Ticket};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use super::api::planted;
use super::support::caller::Caller;

fn program(variable: &str, what: &str) -> PathBuf {
    let named = std::env::var(variable);
    named.map_or_else(|_| panic!("{variable} names {what}: run ./dev test"), PathBuf::from)
}

/// A folder of its own with the document in it.
fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("parallax-{}", Uuid::new_v4()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("openapi.json"), described().to_string()).expect("a file");
    folder
}

async fn run(folder: &Path, command: &mut Command) -> Output {
    let done = command.current_dir(folder).kill_on_drop(true).output().await.expect("it runs");
    let told = [&done.stdout[..], &done.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(done.status.success(), "{command:?}:\n{told}");
    done
}

#[tokio::test]
async fn a_linter_finds_nothing_in_the_description() {
    let spectral = program("PARALLAX_TEST_SPECTRAL", "the Spectral linter");
    let folder = folder();
    std::fs::write(folder.join("rules.yaml"), "extends: [\"spectral:oas\"]\n").expect("a file");
    let lint = ["lint", "openapi.json", "--ruleset", "rules.yaml", "--fail-severity", "hint"];
    run(&folder, Command::new(spectral).args(lint)).await;
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

#[tokio::test]
async fn a_generated_client_lists_findings_and_opens_a_ticket() {
    let python = program("PARALLAX_TEST_CLIENT", "the Python that has openapi-python-client");
    let folder = folder();
    let generate = ["-m", "openapi_python_client", "generate", "--path", "openapi.json"];
    // Its formatter is looked for on the path, where a virtual environment's own is not.
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", python.parent().expect("a folder").display());
    let made = ["--meta", "none", "--output-path", "parallax_client", "--fail-on-warning"];
    run(&folder, Command::new(&python).args(generate).args(made).env("PATH", path)).await;
    std::fs::write(folder.join("day.py"), include_str!("../fixtures/client_day.py")).expect("a file");
    let (town, _) = planted().await;
    let caller = Caller::with(&town, town.scratch.tenant, &[Read, Ticket]).await;
    let done = run(&folder, Command::new(&python).args(["day.py", &caller.base, &caller.token])).await;
    let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let findings = caller.get("/api/v1/findings?control=ACC-02&limit=500").await.items();
    assert_eq!(
        (told["findings"].as_u64(), told["controls"][0].as_str()),
        (Some(8), Some("ACC-02")),
        "{told}"
    );
    assert_eq!(findings.len(), 8);
    let ticket = caller.get(&format!("/api/v1/tickets/{}", told["ticket"].as_str().expect("an id"))).await;
    assert_eq!(
        (&ticket.json()["open_findings"], &told["open_findings"]),
        (&json!(8), &json!(8)),
        "{ticket:?}"
    );
    std::fs::remove_dir_all(folder).expect("the folder goes");
    town.scratch.end().await;
}
