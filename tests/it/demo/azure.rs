//! The Azure side, read as Resource Manager is read: bodies, errors, pages.

use axum::http::StatusCode;
use parallax::demo::{SUBSCRIPTIONS, SampleCloud};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::cloud;

/// Path of the apps of a subscription.
pub fn sites_path(subscription: usize) -> String {
    format!(
        "/subscriptions/{}/providers/Microsoft.Web/sites?api-version=2024-04-01",
        SUBSCRIPTIONS[subscription].0
    )
}

/// Sends one request over a connection of its own and reads the answer to its end.
pub async fn send(
    cloud: &SampleCloud,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> (StatusCode, Value) {
    let mut stream = tokio::net::TcpStream::connect(cloud.address()).await.expect("a connection");
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        cloud.address(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Reads one path with the sample's token.
pub async fn get(cloud: &SampleCloud, path: &str) -> (StatusCode, Value) {
    send(cloud, "GET", path, "sample", "").await
}

/// Every item of a list, following its pages on the same host.
async fn all(cloud: &SampleCloud, path: &str) -> Vec<Value> {
    let (mut found, mut path) = (Vec::new(), path.to_string());
    let host = format!("http://{}", cloud.address());
    loop {
        let (status, body) = get(cloud, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        found.extend(body["value"].as_array().expect("a list").iter().cloned());
        match body["nextLink"].as_str() {
            Some(next) => path = next.strip_prefix(&host).expect("the same host").to_string(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn apps_and_what_is_in_them_are_all_there() {
    let cloud = cloud(800).await;
    let mut denied = 0;
    let version = "?api-version=2024-04-01";
    let mut total = 0;
    for subscription in 0..SUBSCRIPTIONS.len() {
        for site in all(&cloud, &sites_path(subscription)).await {
            total += 1;
            let id = site["id"].as_str().expect("an id");
            assert_eq!(get(&cloud, &format!("{id}{version}")).await.1, site);
            let (status, config) = get(&cloud, &format!("{id}/config/web{version}")).await;
            assert_eq!(status, StatusCode::OK);
            assert!(config["properties"]["minTlsVersion"].is_string());
            let list = format!("{id}/config/appsettings/list{version}");
            let (status, settings) = send(&cloud, "POST", &list, "sample", "").await;
            if status == StatusCode::FORBIDDEN {
                assert_eq!(settings["error"]["code"], "AuthorizationFailed");
                denied += 1;
            } else {
                assert!(settings["properties"]["FUNCTIONS_EXTENSION_VERSION"].is_string());
            }
            let functions = all(&cloud, &format!("{id}/functions{version}")).await;
            assert!((1..=4).contains(&functions.len()));
            assert_eq!(
                all(&cloud, &format!("{id}/basicPublishingCredentialsPolicies{version}")).await.len(),
                2
            );
            assert_eq!(get(&cloud, &format!("{id}/config/authsettingsV2{version}")).await.0, StatusCode::OK);
            let plan = site["properties"]["serverFarmId"].as_str().expect("a plan");
            assert_eq!(get(&cloud, &format!("{plan}{version}")).await.0, StatusCode::OK);
        }
    }
    assert_eq!(total, 144);
    assert!(denied > 0 && denied < 20, "{denied}");
}

#[tokio::test]
async fn resource_graph_pages_through_every_app_of_the_subscriptions_asked_for() {
    let cloud = cloud(8_000).await;
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let (mut ids, mut token) = (Vec::new(), None);
    loop {
        let asked = json!({ "subscriptions": SUBSCRIPTIONS.map(|(id, _)| id),
            "query": "resources | where type =~ 'microsoft.web/sites' and kind contains 'functionapp'",
            "options": { "$top": 1000, "$skipToken": token } });
        let (status, body) = send(&cloud, "POST", path, "sample", &asked.to_string()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["totalRecords"], 1_440);
        ids.extend(body["data"].as_array().expect("rows").iter().map(|row| row["id"].to_string()));
        token = body["$skipToken"].as_str().map(str::to_string);
        if token.is_none() {
            break;
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1_440);
}

#[tokio::test]
async fn every_identity_holds_a_role_that_is_defined() {
    let cloud = cloud(800).await;
    let version = "?api-version=2022-04-01";
    let scope = format!("/subscriptions/{}/providers/Microsoft.Authorization", SUBSCRIPTIONS[0].0);
    let assignments = all(&cloud, &format!("{scope}/roleAssignments{version}")).await;
    let definitions = all(&cloud, &format!("{scope}/roleDefinitions{version}")).await;
    for assignment in &assignments {
        let role = &assignment["properties"]["roleDefinitionId"];
        assert!(definitions.iter().any(|one| one["id"] == *role), "{role}");
    }
    for site in all(&cloud, &sites_path(0)).await {
        let Some(principal) = site["identity"]["principalId"].as_str() else { continue };
        let mine = assignments.iter().filter(|one| one["properties"]["principalId"] == principal).count();
        assert!(mine > 0);
        let filter = format!("{scope}/roleAssignments{version}&$filter=principalId%20eq%20'{principal}'");
        assert_eq!(all(&cloud, &filter).await.len(), mine);
    }
}

#[tokio::test]
async fn registries_have_settings_and_replicas() {
    let cloud = cloud(4_000).await;
    let scope = format!("/subscriptions/{}/providers/Microsoft.ContainerRegistry", SUBSCRIPTIONS[0].0);
    let registries = all(&cloud, &format!("{scope}/registries?api-version=2023-07-01")).await;
    assert_eq!(registries.len(), 20);
    for registry in &registries {
        let id = registry["id"].as_str().expect("an id");
        assert_eq!(get(&cloud, &format!("{id}?api-version=2023-07-01")).await.1, *registry);
        assert!(!all(&cloud, &format!("{id}/replications?api-version=2023-07-01")).await.is_empty());
    }
    assert!(registries.iter().any(|one| one["properties"]["adminUserEnabled"] == true));
    assert!(registries.iter().any(|one| one["properties"]["adminUserEnabled"] == false));
}

#[tokio::test]
async fn a_wrong_token_and_an_unknown_subscription_are_refused() {
    let cloud = cloud(100).await;
    let (status, body) = send(&cloud, "GET", &sites_path(0), "other", "").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("InvalidAuthenticationToken"))
    );
    let path = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Web/sites";
    let (status, body) = get(&cloud, path).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::NOT_FOUND, &json!("SubscriptionNotFound")));
}
