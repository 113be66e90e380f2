//! What images in ECR are made of, where reading it is refused, led astray or lied about.

use std::sync::Arc;

use parallax::demo::{SampleCloud, Shape};
use parallax::model::{Facts, ImageFacts};

use crate::support::aws::{Deed, Found, Judge, REGION, collect, front, spec};

fn images(found: &Found) -> Vec<&ImageFacts> {
    let facts = found.assets.iter().filter_map(|asset| match &asset.facts {
        Facts::Image(facts) => Some(&**facts),
        _ => None,
    });
    facts.collect()
}

/// Reads the sample account through a front that does `deed` to this operation of ECR.
async fn spoilt(operation: &'static str, deed: impl Fn() -> Deed + Send + Sync + 'static) -> Found {
    let cloud = SampleCloud::start(Shape { assets: 200, throttle_every: 0, ..Shape::default() });
    let cloud = cloud.await.expect("a free port on loopback");
    let judge: Arc<Judge> =
        Arc::new(move |_, _, target| if target.ends_with(operation) { deed() } else { Deed::Pass });
    let front = front(&format!("http://{}/aws/0", cloud.address()), judge).await;
    let found = collect(&spec(&front, REGION)).await.expect("the run ends well");
    assert!(images(&found).len() > 5, "the images are there all the same");
    found
}

/// Every image's user is unknown for this reason, and one gap says so.
fn all_unknown(found: &Found, call: &str, code: &str, permission: Option<&str>) {
    for facts in images(found) {
        let why = facts.user.why_unknown().expect("unknown, not clean");
        assert_eq!(why.permission.as_deref(), permission, "{why:?}");
        assert!(facts.pushed_at.known().is_some() && facts.image_tags.known().is_some(), "the rest was read");
    }
    let told: Vec<_> = found.gaps().into_iter().filter(|gap| gap.0.starts_with("ecr:")).collect();
    assert!(told.contains(&(call, code)), "{told:?}");
}

#[tokio::test]
async fn a_refused_call_makes_what_images_say_unknown_and_names_the_permission() {
    for (operation, call) in
        [("BatchGetImage", "ecr:BatchGetImage"), ("GetDownloadUrlForLayer", "ecr:GetDownloadUrlForLayer")]
    {
        let found = spoilt(operation, || Deed::Refuse(400, "AccessDeniedException")).await;
        all_unknown(&found, call, "AccessDeniedException", Some(call));
    }
}

#[tokio::test]
async fn an_address_that_leads_inwards_is_not_asked() {
    let metadata = r#"{"downloadUrl":"http://169.254.169.254/latest/meta-data/"}"#;
    let found = spoilt("GetDownloadUrlForLayer", || Deed::Answer(metadata.into())).await;
    all_unknown(&found, "ecr:GetDownloadUrlForLayer", "led-astray", None);
}

#[tokio::test]
async fn bytes_that_are_not_what_their_digest_names_are_not_believed() {
    let liar =
        front("http://127.0.0.1:9", Arc::new(|_, _, _| Deed::Answer(r#"{"config":{"User":"app"}}"#.into())));
    let address = format!(r#"{{"downloadUrl":"{}/layer"}}"#, liar.await);
    let found = spoilt("GetDownloadUrlForLayer", move || Deed::Answer(address.clone())).await;
    all_unknown(&found, "ecr:GetDownloadUrlForLayer", "digest-mismatch", None);
}
