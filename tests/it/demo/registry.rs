//! The registry side, read with a registry client.

use axum::http::StatusCode;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use parallax::demo::SampleCloud;
use serde_json::Value;

use super::{azure, cloud};

/// Reads one path.
pub async fn get(cloud: &SampleCloud, path: &str) -> (StatusCode, Value) {
    azure::send(cloud, "GET", path, "none", "").await
}

async fn catalog(cloud: &SampleCloud) -> Vec<String> {
    let (mut found, mut last) = (Vec::<String>::new(), String::new());
    loop {
        let (_, body) = get(cloud, &format!("/v2/_catalog?n=20&last={last}")).await;
        let page: Vec<String> = serde_json::from_value(body["repositories"].clone()).expect("names");
        let Some(end) = page.last() else { return found };
        last = end.replace('/', "%2F");
        found.extend(page);
    }
}

#[tokio::test]
async fn the_catalogue_tags_manifests_and_configurations_hang_together() {
    let cloud = cloud(1_000).await;
    let client = Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
    let names = catalog(&cloud).await;
    assert_eq!(names.len(), 24);
    let (mut roots, mut indexes, mut images) = (0, 0, 0);
    for name in names.iter().take(20) {
        let address = format!("{}/{name}", cloud.address());
        let (_, listed) = get(&cloud, &format!("/v2/{name}/tags/list")).await;
        let tags: Vec<String> = serde_json::from_value(listed["tags"].clone()).expect("tags");
        assert!(tags.contains(&"latest".to_string()));
        for tag in tags {
            let reference: Reference = format!("{address}:{tag}").parse().expect("a reference");
            let (manifest, digest) =
                client.pull_manifest(&reference, &RegistryAuth::Anonymous).await.expect("a manifest");
            assert!(digest.starts_with("sha256:"));
            indexes += usize::from(matches!(manifest, OciManifest::ImageIndex(_)));
            let (_, _, config) = client
                .pull_manifest_and_config(&reference, &RegistryAuth::Anonymous)
                .await
                .expect("a configuration");
            let config: Value = serde_json::from_str(&config).expect("JSON");
            roots += usize::from(config["config"]["User"].is_null());
            images += 1;
        }
    }
    assert!(roots > 0 && roots < images && indexes > 0 && indexes < images, "{roots} {indexes} {images}");
}

#[tokio::test]
async fn latest_moves_when_an_image_is_pushed() {
    let cloud = cloud(1_000).await;
    let names = catalog(&cloud).await;
    let digests = async || {
        let mut found = Vec::new();
        for name in &names {
            let (_, body) = get(&cloud, &format!("/v2/{name}/manifests/latest")).await;
            found.push(body.to_string());
        }
        found
    };
    let before = digests().await;
    cloud.next_day(parallax::app::now());
    let after = digests().await;
    let moved = before.iter().zip(&after).filter(|(old, new)| old != new).count();
    assert!(moved > 0 && moved < names.len() / 2, "{moved}");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let cloud = cloud(100).await;
    for path in ["/v2/no/such/tags/list", "/v2/storefront/orders-api/manifests/9.9.9"] {
        let (status, body) = get(&cloud, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body["errors"][0]["code"].is_string());
    }
}
