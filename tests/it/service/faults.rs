//! What is wrong is said by name, with an exit code that is not 0, and nothing half done.

use std::process::Output;

use super::{Folder, parallax};
use crate::support::database::House;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn every_fault_of_the_configuration_is_told_at_once() {
    let folder = Folder::new();
    for command in ["check-config", "serve", "worker"] {
        let output = parallax(None, &folder.0)
            .arg(command)
            .env("PARALLAX_LISTEN", "here")
            .env("PARALLAX_WORKERS", "many")
            .env("PARALLAX_LOG_FORMAT", "xml")
            .env("PARALLAX_DATABASE_URL", "mysql://ann:s3cret@db/x")
            .output()
            .await
            .expect("runs");
        let told = text(&output);
        assert!(!output.status.success(), "{command}: {told}");
        for name in ["LISTEN", "WORKERS", "LOG_FORMAT", "DATABASE_URL"] {
            assert!(told.contains(&format!("PARALLAX_{name}: ")), "{command} is silent on {name}: {told}");
        }
        assert!(!told.contains("s3cret"), "{command} shows a secret: {told}");
    }
    assert!(!folder.0.join("postgres").exists(), "a database was made all the same");
}

#[tokio::test]
async fn serve_answers_other_machines_only_behind_a_proxy() {
    let folder = Folder::new();
    for address in ["0.0.0.0:8080", "[::]:0", "192.0.2.1:80"] {
        let output = parallax(None, &folder.0).arg("serve").env("PARALLAX_LISTEN", address).output();
        let output = output.await.expect("runs");
        let told = text(&output);
        assert!(
            !output.status.success() && told.contains(address) && told.contains("PARALLAX_PROXY=yes"),
            "{told}"
        );
    }
    assert!(!folder.0.join("postgres").exists(), "a database was made all the same");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_before_anything_is_started() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = parallax(None, &folder.0).arg("serve").env("PARALLAX_LISTEN", &address).output();
    let output = output.await.expect("runs");
    let told = text(&output);
    assert!(!output.status.success() && told.contains(&address) && told.contains("taken"), "{told}");
    assert!(!folder.0.join("postgres").exists(), "a database was made all the same");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_said_to_be_away() {
    let folder = Folder::new();
    let url = "postgres://ann:s3cret@127.0.0.1:1/parallax";
    let output = parallax(Some(url), &folder.0).arg("migrate").output().await.expect("runs");
    let told = text(&output);
    assert!(!output.status.success() && told.contains("database"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn connections_are_added_listed_collected_and_removed() {
    let (house, folder) = (House::new().await, Folder::new());
    let run = async |words: &[&str]| {
        let output = parallax(Some(&house.url), &folder.0).args(words).output().await.expect("runs");
        (output.status.code(), text(&output))
    };
    // Nobody listens on this port of loopback.
    let add = ["connection", "add", "--name", "away", "registry", "127.0.0.1:9", "--plain-http"];
    let (code, told) = run(&add).await;
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = run(&["connection", "list"]).await;
    assert!(code == Some(0) && told.contains("away"), "{told}");
    let (code, told) = run(&["collect", "--connection", "away"]).await;
    assert!(code == Some(1) && told.contains("failed") && told.contains("127.0.0.1:9"), "{code:?}: {told}");
    assert_eq!(
        house.count("SELECT count(*) FROM runs WHERE state = 'failed' AND fault IS NOT NULL").await,
        1
    );
    assert_eq!(house.count("SELECT count(*) FROM gaps").await, 1);
    let (code, told) = run(&["collect", "--connection", "other"]).await;
    assert!(code == Some(2) && told.contains("\"other\""), "{told}");
    let (code, _) = run(&["connection", "remove", "away"]).await;
    assert_eq!((code, house.count("SELECT count(*) FROM runs").await), (Some(0), 0));
    let (code, told) = run(&["connection", "remove", "away"]).await;
    assert!(code == Some(2) && told.contains("\"away\""), "{told}");
}
