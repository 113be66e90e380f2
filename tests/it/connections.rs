//! Connections as people keep them: renamed, paused, removed with and without their history.

use std::time::Duration;

use parallax::analysis::secrets::FingerprintKey;
use parallax::auth::vault::HouseKey;
use parallax::auth::{Vault, secrets};
use parallax::config::Reach;
use parallax::jobs::Worker;
use parallax::model::Role;
use parallax::store::runs::{self, Reads};
use parallax::store::{Store, connections};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::support::estate::{Planted, Scratch, function, image, now};
use super::support::people::{Browser, Town};

/// The key of the houses of tests.
fn vault() -> Vault {
    Vault::new(HouseKey::new([7; 32]), Vec::new())
}

/// A worker of this store that goes as near as `outgoing`.
pub fn worker(store: &Store, outgoing: Reach) -> Worker {
    Worker {
        store: store.clone(),
        vault: vault(),
        key: FingerprintKey::new([1; 32]),
        outgoing,
        clock: now,
        slots: 1,
        post: None,
        courier: None,
        liaison: None,
    }
}

/// Works on everything that waits.
pub async fn work(store: &Store, outgoing: Reach) {
    let (worker, stop) = (worker(store, outgoing), CancellationToken::new());
    while tokio::time::timeout(Duration::from_mins(1), worker.work_once(&stop))
        .await
        .expect("in time")
        .expect("works")
    {}
}

async fn planted() -> (Town, Uuid, Browser) {
    let scratch = Scratch::new().await;
    let connection = scratch.connection("production").await;
    let assets = vec![
        function("payments", r#"{ "identity": { "name": "deploy", "admin": true }, "memory_mb": 128 }"#),
        image("shop/api", r#"{ "user": "root" }"#),
    ];
    scratch.run(connection, &Planted { assets, gaps: Vec::new() }).await;
    let town = Town::over(scratch).await;
    let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
    (town, connection, admin)
}

async fn count(town: &Town, statement: &str) -> i64 {
    let mut behind = town.scratch.behind().await;
    sqlx::query_scalar(sqlx::AssertSqlSafe(statement.to_owned()))
        .fetch_one(&mut behind)
        .await
        .expect("a count")
}

#[tokio::test]
async fn a_connection_is_renamed_paused_and_put_on_record() {
    let (town, id, admin) = planted().await;
    let settings = format!("/connections/{id}/settings");
    let form = [("name", "Production EU"), ("every", "15"), ("unit", "minutes")];
    assert_eq!(admin.submit(&settings, &settings, &form).await.status, 303);
    let page = admin.get(&format!("/connections/{id}")).await.text;
    assert!(page.contains("Production EU") && page.contains("read every 15 min, next in"), "{page}");
    let pause = format!("/connections/{id}/pause");
    assert_eq!(admin.submit(&settings, &pause, &[("paused", "true")]).await.status, 303);
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    let later = now() + chrono::TimeDelta::days(30);
    assert_eq!(runs::enqueue_due(&mut tx, later).await.expect("asks"), 0, "what is paused is not due");
    drop(tx);
    for (field, form) in [
        ("name", [("name", " "), ("every", "15"), ("unit", "minutes")]),
        ("every", [("name", "x"), ("every", "0"), ("unit", "minutes")]),
        ("every", [("name", "x"), ("every", "60"), ("unit", "days")]),
    ] {
        let page = admin.submit(&settings, &settings, &form).await;
        assert!(page.status == 400 && page.text.to_lowercase().contains(field), "{form:?}: {}", page.status);
    }
    town.scratch.connection("staging").await;
    let taken = [("name", "staging"), ("every", "15"), ("unit", "minutes")];
    assert_eq!(admin.submit(&settings, &settings, &taken).await.status, 409);
    let record = admin.get("/audit").await.text;
    assert!(record.contains("connection.changed") && record.contains("connection.paused"));
    town.scratch.end().await;
}

#[tokio::test]
async fn what_is_removed_with_its_history_kept_can_be_looked_up_and_is_not_read_again() {
    let (town, id, admin) = planted().await;
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    secrets::keep(&mut tx, &vault(), id, "hunter2", now()).await.expect("kept");
    tx.commit().await.expect("commits");
    let mut behind = town.scratch.behind().await;
    sqlx::query("UPDATE connections SET secret_id = id").execute(&mut behind).await.expect("set");
    let open = "SELECT count(*) FROM findings WHERE state = 'open'";
    assert!(count(&town, open).await > 0);
    let path = format!("/connections/{id}/remove");
    assert_eq!(admin.submit(&path, &path, &[("history", "")]).await.status, 400);
    assert_eq!(admin.submit(&path, &path, &[("history", "keep")]).await.status, 303);
    assert_eq!(count(&town, "SELECT count(*) FROM secrets").await, 0, "its secret is gone at once");
    work(&town.scratch.store, Reach::Internet).await;
    assert_eq!(count(&town, "SELECT count(*) FROM assets WHERE state <> 'gone'").await, 0);
    assert_eq!(count(&town, open).await, 0, "what is gone fails nothing");
    assert!(count(&town, "SELECT count(*) FROM findings WHERE state = 'resolved'").await > 0);
    let page = admin.get(&format!("/connections/{id}")).await;
    assert!(page.status == 200 && page.text.contains("removed 20"), "{}", page.text);
    assert!(!page.text.contains("Run now") && admin.get("/connections").await.text.contains("Removed"));
    for way in ["settings", "remove"] {
        assert_eq!(admin.get(&format!("/connections/{id}/{way}")).await.status, 404);
    }
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    assert_eq!(runs::enqueue(&mut tx, id, Reads::Everything, now()).await.expect("asks"), None);
    assert_eq!(runs::enqueue_due(&mut tx, now() + chrono::TimeDelta::days(30)).await.expect("asks"), 0);
    assert!(connections::list(&mut tx).await.expect("a list").is_empty());
    drop(tx);
    let again = town.scratch.connection("production").await;
    assert_ne!(again, id, "the name is free for another");
    town.scratch.end().await;
}

#[tokio::test]
async fn what_is_erased_leaves_nothing_behind_but_the_record() {
    let (town, id, admin) = planted().await;
    let path = format!("/connections/{id}/remove");
    assert_eq!(admin.submit(&path, &path, &[("history", "erase")]).await.status, 303);
    assert_eq!(admin.get(&format!("/connections/{id}")).await.status, 404, "gone for people at once");
    work(&town.scratch.store, Reach::Internet).await;
    for table in ["connections", "assets", "findings", "finding_events", "runs", "tallies"] {
        assert_eq!(count(&town, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    let record = admin.get("/audit").await.text;
    assert!(record.contains("connection.removed") && record.contains("erased"));
    town.scratch.end().await;
}

#[tokio::test]
async fn a_run_under_way_stops_when_its_connection_is_removed() {
    let (town, id, admin) = planted().await;
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    runs::enqueue(&mut tx, id, Reads::Everything, now()).await.expect("asks").expect("a run");
    let claim = runs::claim(&mut tx, now()).await.expect("asks").expect("a claim");
    tx.commit().await.expect("commits");
    let path = format!("/connections/{id}/remove");
    assert_eq!(admin.submit(&path, &path, &[("history", "keep")]).await.status, 303);
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    assert!(!runs::touch(&mut tx, claim, now()).await.expect("asks"), "the claim is outdated");
    drop(tx);
    town.scratch.end().await;
}

#[tokio::test]
async fn connections_made_together_are_read_apart() {
    let scratch = Scratch::new().await;
    for number in 0..60 {
        scratch.connection(&format!("account {number}")).await;
    }
    let mut behind = scratch.behind().await;
    let text = "WITH due AS (SELECT extract(epoch FROM parallax_due(id, 3600, $1) - $1)::float8 AS wait FROM connections)
                SELECT min(wait), max(wait), count(DISTINCT floor(wait / 600)) FROM due";
    let at = now();
    let (least, most, places): (f64, f64, i64) =
        sqlx::query_as(text).bind(at).fetch_one(&mut behind).await.expect("a row");
    assert!(least >= 1_800.0 && most <= 5_400.0, "between half and one and a half: {least} {most}");
    assert!(places >= 5, "spread over the interval: {places} of six places");
    let text = "SELECT bool_and(parallax_due(id, 3600, parallax_due(id, 3600, $1))
                                = parallax_due(id, 3600, $1) + interval '1 hour') FROM connections";
    let steady: bool = sqlx::query_scalar(text).bind(at).fetch_one(&mut behind).await.expect("a row");
    assert!(steady, "and from then on one interval apart");
    scratch.end().await;
}
