//! A registry with a wrong password, then the right one, against a real server.

use parallax::config::Reach;
use parallax::model::Role;
use serde_json::json;

use super::draft;
use crate::connections::work;
use crate::support::people::{Browser, Town};
use crate::support::registry::{OTHER_PASSWORD, OTHER_USER, Registry};

/// Every row of the database as text.
async fn everything(town: &Town) -> String {
    let mut behind = town.scratch.behind().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut behind)
    .await
    .expect("the catalogue");
    let mut text = String::new();
    for table in tables {
        let rows: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
                .fetch_all(&mut behind)
                .await
                .expect("rows");
        text.push_str(&rows.join("\n"));
    }
    text
}

#[tokio::test]
async fn a_wrong_password_is_told_and_the_right_one_is_kept_and_never_told() {
    let registry = Registry::guarded().await;
    let (town, place) = (Town::new().await, "/connections/new/registry");
    registry.image("shop/api", "1", &json!({ "architecture": "amd64", "os": "linux", "config": {} })).await;
    let admin = town.logged_in(town.scratch.tenant, "admin@example.org", Role::Admin).await;
    let sealed = draft(&admin.get(place).await);
    let address = registry.address.clone();
    let form = |what: &'static str, password: &'static str, sealed: &str| {
        vec![
            ("draft", sealed.to_owned()),
            ("do", what.to_owned()),
            ("name", "Team registry".to_owned()),
            ("every", "30".to_owned()),
            ("unit", "minutes".to_owned()),
            ("address", address.clone()),
            ("plain_http", "1".to_owned()),
            ("username", OTHER_USER.to_owned()),
            ("password", password.to_owned()),
        ]
    };
    let send = async |form: Vec<(&'static str, String)>| {
        let fields: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        admin.submit(place, place, &fields).await
    };
    let wrong = send(form("test", "not-it-at-all", &sealed)).await;
    assert!(wrong.status == 200 && wrong.text.contains("credentials were refused"), "{}", wrong.text);
    assert!(!wrong.text.contains("not-it-at-all"), "what was typed does not come back");
    let right = send(form("test", OTHER_PASSWORD, &draft(&wrong))).await;
    assert!(
        right.text.contains("Everything works") && right.text.contains("takes the login"),
        "{}",
        right.text
    );
    assert!(right.text.contains("kept from the step before") && !right.text.contains(OTHER_PASSWORD));
    // The next step needs it no more: it is in the form, sealed.
    let made = send(form("save", "", &draft(&right))).await;
    assert_eq!(made.status, 303, "{}", made.text);
    work(&town.scratch.store, Reach::Loopback).await;
    let page = admin.get(&made.location).await.text;
    assert!(page.contains(">Done") && page.contains("kept since"), "{page}");
    assert!(admin.get("/inventory").await.text.contains("shop/api"));

    let id = made.location.rsplit('/').next().expect("an id");
    lead_elsewhere(&admin, id, &address).await;
    nothing_is_told(&town, &admin).await;
    town.scratch.end().await;
}

/// A kept secret is sent nowhere else; a new one takes its place, right or wrong.
async fn lead_elsewhere(admin: &Browser, id: &str, address: &str) {
    let source = format!("/connections/{id}/source/registry");
    let elsewhere =
        [("do", "save"), ("address", "127.0.0.1:9"), ("plain_http", "1"), ("username", OTHER_USER)];
    let page = admin.submit(&source, &source, &elsewhere).await;
    assert!(page.status == 400 && page.text.contains("give it again"), "a kept secret goes nowhere else");
    let fields = [("do", "save"), ("address", address), ("plain_http", "1"), ("username", OTHER_USER)];
    let mut rotated = fields.to_vec();
    rotated.push(("password", "not-it-at-all"));
    assert_eq!(admin.submit(&source, &source, &rotated).await.status, 303);
    let test = format!("/connections/{id}/test");
    assert_eq!(admin.submit(&source, &test, &[]).await.status, 303);
    let page = admin.get(&format!("/connections/{id}")).await.text;
    assert!(page.contains("It cannot be read") && page.contains("credentials were refused"), "{page}");
}

/// No secret stands in the database, on the record or in what a tenant takes along.
async fn nothing_is_told(town: &Town, admin: &Browser) {
    let (all, record) = (everything(town).await, admin.get("/audit").await.text);
    for secret in [OTHER_PASSWORD, "not-it-at-all"] {
        assert!(!all.contains(secret) && !record.contains(secret), "{secret} is written somewhere");
    }
    let owner = town.logged_in(town.scratch.tenant, "owner@example.org", Role::Owner).await;
    let export = owner.get("/tenant/export").await.text;
    assert!(
        export.contains("Team registry")
            && !export.contains(OTHER_PASSWORD)
            && !export.contains("sealed\": \"")
    );
    for action in ["connection.added", "connection.led", "connection.tested"] {
        assert!(record.contains(action), "{action} is on record");
    }
}
