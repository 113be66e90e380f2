//! The same pass through a proxy that holds every request and answer to the official swagger, over the
//! small Resource Manager of these tests and over the sample cloud. Where Node's Prism or the swagger is
//! missing, calls are counted and their versions looked at all the same, and what is skipped is said.

use std::io::Write;

use parallax::demo::{SampleCloud, Shape};
use parallax::model::ConnectionSpec;

use crate::azure::{collect, spec};
use crate::support::arm::{Arm, SUBSCRIPTION, Trouble};
use crate::support::swagger::{self, Seen, Swagger, Tools};

/// The versions of each interface that the swagger describes; it takes any text for one. Apps are read
/// with the management crate, whose version is a year younger and adds nothing to what we read.
const VERSIONS: &[(&str, &[&str])] = &[
    ("subscriptions", &["2022-12-01"]),
    ("microsoft.web", &["2023-12-01", "2024-04-01"]),
    ("microsoft.containerregistry", &["2023-07-01"]),
    ("microsoft.authorization", &["2022-04-01"]),
    ("microsoft.resourcegraph", &["2021-03-01", "2022-10-01"]),
];

/// The tools, or none with a word about what goes without them. It is written past the harness, which
/// keeps to itself what a test prints that holds.
fn tools(part: &str) -> Option<Tools> {
    match swagger::tools() {
        Ok(tools) => Some(tools),
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "skipped: {part}: {why}");
            None
        }
    }
}

fn keeps_to_it(seen: &Seen, least: u64) {
    assert!(seen.broken.is_empty(), "the swagger was broken: {:#?}", seen.broken);
    assert!(seen.requests >= least, "only {} calls went through the proxy", seen.requests);
    for (provider, version) in &seen.versions {
        let known = VERSIONS.iter().any(|(name, all)| name == provider && all.contains(&version.as_str()));
        assert!(known, "{provider} is asked with version {version}");
    }
}

#[tokio::test]
async fn every_call_and_answer_keeps_to_the_swagger() {
    let tools = tools("holding calls and answers of the small Resource Manager to the swagger");
    for trouble in [Trouble::None, Trouble::DenyGraph, Trouble::Throttle] {
        let arm = Arm::start(trouble.clone()).await;
        let proxy = Swagger::start(tools.as_ref(), &arm.endpoint()).await;
        let (assets, gaps) = collect(&spec(&proxy.endpoint(), SUBSCRIPTION)).await.expect("a run ends");
        let seen = proxy.seen();
        keeps_to_it(&seen, 40);
        let refused = gaps.iter().all(|gap| gap.code == "AuthorizationFailed" && !gap.hides_assets);
        assert!(refused && assets.len() == 8, "{trouble:?}: {} assets, {gaps:#?}", assets.len());
        println!("{trouble:?}: {} calls, {:?}", seen.requests, seen.versions);
    }
}

#[tokio::test]
async fn the_sample_cloud_keeps_to_the_swagger() {
    let tools = tools("holding calls and answers of the sample cloud to the swagger");
    let shape = Shape { assets: 250, throttle_every: 61, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let sample = cloud.connections().into_iter().find(|(name, _)| name == "Sample Azure");
    let Some((_, ConnectionSpec::Azure(mut spec))) = sample else { panic!("no subscriptions") };
    let proxy = Swagger::start(tools.as_ref(), &format!("http://{}", cloud.address())).await;
    spec.endpoint = Some(proxy.endpoint());
    let (assets, _) = collect(&ConnectionSpec::Azure(spec)).await.expect("a run ends");
    assert!(assets.len() > 40, "{} assets", assets.len());
    let seen = proxy.seen();
    keeps_to_it(&seen, 200);
    println!("{} assets, {} calls", assets.len(), seen.requests);
}

/// The judge is judged: what breaks the swagger does not go through unseen.
#[tokio::test]
async fn an_answer_or_a_request_that_breaks_the_swagger_is_seen() {
    let Some(tools) = tools("looking whether the judge sees what breaks the swagger") else { return };
    let wrong = r#"{"properties":{"minTlsVersion":["1.2"],"http20Enabled":"yes"}}"#;
    let arm = Arm::start(Trouble::Instead("/config/web", wrong)).await;
    let proxy = Swagger::start(Some(&tools), &arm.endpoint()).await;
    let _ = collect(&spec(&proxy.endpoint(), SUBSCRIPTION)).await.expect("a run ends");
    let broken = proxy.seen().broken;
    assert!(broken.iter().all(|one| one.contains("/config/web")), "{broken:#?}");
    assert!(broken.iter().any(|one| one.contains("minTlsVersion")), "{broken:#?}");
    assert!(broken.iter().any(|one| one.contains("http20Enabled")), "{broken:#?}");
    let http = reqwest::Client::new();
    let base = format!("{}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Web", proxy.endpoint());
    for wrong in ["sites", "sitez?api-version=2023-12-01"] {
        http.get(format!("{base}/{wrong}")).bearer_auth("sample").send().await.expect("an answer");
        assert_eq!(proxy.seen().broken.len(), 1, "{wrong}");
    }
}
