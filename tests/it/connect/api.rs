//! Connections made and kept by programs.

use parallax::config::Reach;
use parallax::model::Permission;
use serde_json::json;

use crate::connections::work;
use crate::support::caller::Caller;
use crate::support::people::Town;
use crate::support::registry::{OTHER_PASSWORD, OTHER_USER, Registry};

#[tokio::test]
async fn a_connection_lives_its_whole_life_through_the_api() {
    let (town, registry) = (Town::new().await, Registry::guarded().await);
    let program = Caller::with(&town, town.scratch.tenant, &[Permission::Read, Permission::Connect]).await;
    let body = json!({
        "name": "Team registry", "interval_seconds": 900,
        "source": { "registry": { "address": registry.address, "plain_http": true, "username": OTHER_USER, "password": OTHER_PASSWORD } },
    });
    let once = [("idempotency-key", "k1")];
    let made = program.call("POST", "/api/v1/connections", &once, Some(&body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(!made.text.contains(OTHER_PASSWORD) && made.json()["secret_since"].is_string(), "{made:?}");
    let again = program.call("POST", "/api/v1/connections", &once, Some(&body)).await;
    assert_eq!(again.json()["id"], made.json()["id"], "sent twice, done once");
    let other = program.call("POST", "/api/v1/connections", &[], Some(&body)).await;
    assert_eq!(other.status, 409, "the name is taken");
    let place = format!("/api/v1/connections/{}", made.json()["id"].as_str().expect("an id"));
    let tested = program.call("POST", &format!("{place}/test"), &[], None).await;
    assert!(tested.status == 200 && tested.json()["works"] == true, "{tested:?}");
    work(&town.scratch.store, Reach::Loopback).await;
    let found = program.get(&place).await;
    assert_eq!(found.json()["last_run"]["state"], "done", "{found:?}");
    assert_eq!(found.json()["last_test"]["works"], true);

    let stale = [("if-match", "\"old\"")];
    let change = json!({ "name": "Registry", "paused": true });
    assert_eq!(program.call("PATCH", &place, &stale, Some(&change)).await.status, 412);
    let tag = found.header("etag").to_owned();
    let changed = program.call("PATCH", &place, &[("if-match", &tag)], Some(&change)).await;
    assert!(changed.status == 200 && changed.json()["paused"] == true, "{changed:?}");
    let elsewhere = json!({ "source": { "registry": { "address": "127.0.0.1:9", "plain_http": true, "username": OTHER_USER } } });
    let refused = program.call("PATCH", &place, &[], Some(&elsewhere)).await;
    assert!(refused.status == 400 && refused.json()["field"] == "password", "{refused:?}");
    let aws = json!({ "source": { "aws": { "role_arn": "arn:aws:iam::111122223333:role/x" } } });
    assert_eq!(program.call("PATCH", &place, &[], Some(&aws)).await.status, 400, "another kind of source");

    let reader = Caller::with(&town, town.scratch.tenant, &[Permission::Read]).await;
    let seen = reader.get(&place).await.json();
    assert!(seen["source"].is_null() && seen["last_test"].is_null(), "{seen}");
    assert_eq!(reader.call("DELETE", &format!("{place}?history=keep"), &[], None).await.status, 403);
    assert_eq!(program.call("DELETE", &place, &[], None).await.status, 400, "what becomes of its history?");
    assert_eq!(program.call("DELETE", &format!("{place}?history=keep"), &[], None).await.status, 204);
    assert_eq!(program.call("DELETE", &format!("{place}?history=keep"), &[], None).await.status, 404);
    assert!(program.get("/api/v1/connections").await.items().is_empty());
    town.scratch.end().await;
}

#[tokio::test]
async fn the_external_id_is_ours_alone() {
    let town = Town::new().await;
    let program = Caller::with(&town, town.scratch.tenant, &[Permission::Read, Permission::Connect]).await;
    let body = |extra: serde_json::Value| {
        let mut source = json!({ "role_arn": "arn:aws:iam::111122223333:role/parallax-reader" });
        source.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        json!({ "name": "AWS", "paused": true, "source": { "aws": source } })
    };
    let typed = program
        .call("POST", "/api/v1/connections", &[], Some(&body(json!({ "external_id": "theirs" }))))
        .await;
    assert!(typed.status == 400 && typed.text.contains("external_id"), "{typed:?}");
    let made = program.call("POST", "/api/v1/connections", &[], Some(&body(json!({})))).await;
    let word = made.json()["source"]["external_id"].as_str().expect("a word").to_owned();
    assert!(word.starts_with("plx-"), "{made:?}");
    let place = format!("/api/v1/connections/{}", made.json()["id"].as_str().expect("an id"));
    let other = json!({ "source": { "aws": { "role_arn": "arn:aws:iam::444455556666:role/reader" } } });
    let led = program.call("PATCH", &place, &[], Some(&other)).await;
    assert_eq!(led.json()["source"]["external_id"], word.as_str(), "it stays with the connection");
    town.scratch.end().await;
}
