//! The API under a fuzzer that reads its OpenAPI document (schemathesis): whatever it sends, the
//! answer is one the document describes, for every role.

use parallax::model::Role;
use tokio::process::Command;

use super::api::planted;
use super::support::caller::Caller;

/// For each role: enough to find what a change breaks, short enough to be run with the other tests.
/// A longer run: `PARALLAX_TEST_FUZZ_SECONDS=600`.
const SECONDS: &str = "20";

#[tokio::test]
async fn no_answer_of_the_api_breaks_its_description() {
    let program = std::env::var("PARALLAX_TEST_SCHEMATHESIS")
        .expect("PARALLAX_TEST_SCHEMATHESIS names schemathesis: install it with pip, or run ./dev test");
    let seconds = std::env::var("PARALLAX_TEST_FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.into());
    let (town, _) = planted().await;
    for role in [Role::Viewer, Role::Analyst, Role::Owner] {
        let caller = Caller::with(&town, town.scratch.tenant, role.permissions()).await;
        let folder = std::env::temp_dir().join(format!("parallax-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let run = Command::new(&program)
            .current_dir(&folder)
            .args(["--config-file", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schemathesis.toml")])
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
            "{role:?}:\n{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    }
    town.scratch.end().await;
}
