//! `parallax scan` as a user starts it: what it prints, and how it ends.

use std::process::{Command, Output};

/// The program, with nothing of this machine's cloud settings in its environment.
pub fn parallax(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    command.args(arguments);
    for (name, _) in std::env::vars() {
        if ["AWS_", "AZURE_", "PARALLAX_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(environment.iter().copied());
    command.output().expect("the program starts")
}

fn refused(arguments: &[&str], environment: &[(&str, &str)], says: &[&str]) {
    let output = parallax(arguments, environment);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(
        output.stdout.is_empty(),
        "{arguments:?} printed verdicts: {}",
        String::from_utf8_lossy(&output.stdout)
    );
    for word in says {
        assert!(text.contains(word), "{arguments:?}: {word:?} is not in {text:?}");
    }
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

#[test]
fn an_endpoint_that_does_not_answer_is_named() {
    // Port 1 is reserved and closed: the kernel refuses at once.
    let aws = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    refused(&["scan", "aws", "--region", "eu-west-1"], &aws, &["127.0.0.1:1", "cannot be reached"]);
    refused(&["scan", "registry", "127.0.0.1:1", "--plain-http"], &[], &["127.0.0.1:1", "cannot be reached"]);
    let azure = [("PARALLAX_AZURE_ENDPOINT", "http://127.0.0.1:1"), ("PARALLAX_AZURE_TOKEN", "t")];
    let subscription = "11111111-2222-3333-4444-555555555555";
    refused(
        &["scan", "azure", "--subscription", subscription],
        &azure,
        &["127.0.0.1:1", "cannot be reached"],
    );
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    refused(&["scan", "aws", "--region", "eu-wset-1"], &KEYS, &["eu-wset-1"]);
    refused(
        &[
            "scan",
            "registry",
            "127.0.0.1:1",
            "--plain-http",
            "--username",
            "u",
            "--password-variable",
            "NOT_SET",
        ],
        &[],
        &["NOT_SET"],
    );
    refused(&["scan", "registry", "http://127.0.0.1:1/x", "--plain-http"], &[], &["http://127.0.0.1:1/x"]);
    refused(
        &["scan", "azure", "--subscription", "not-a-guid"],
        &[("PARALLAX_AZURE_TOKEN", "t")],
        &["not-a-guid"],
    );
    refused(&["scan", "aws", "--fail-on", "terrible"], &[], &["terrible", "critical"]);
}
