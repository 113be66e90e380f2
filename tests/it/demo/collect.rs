//! The real collectors read the sample cloud: everything arrives, and what is refused becomes a gap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::DateTime;
use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::{self, Collector, Event, RunBuilder};
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{
    Asset, AwsSpec, CodeSigning, ConnectionSpec, Fact, Facts, Gap, Kind, Settings, Verdict,
};
use parallax::rules::{self, Context};

use crate::support::aws::{Deed, front};

/// Collects one connection to its end.
async fn collect(spec: &ConnectionSpec) -> (Vec<Asset>, Vec<Gap>) {
    let collector = collect::open(spec, FingerprintKey::new([1; 32])).await.expect("a collector");
    let (run, mut events) = RunBuilder::channel(64);
    let reading = tokio::spawn(async move { collector.collect(&run).await });
    let (mut assets, mut gaps) = (Vec::new(), Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            Event::Asset(asset, _) => assets.push(*asset),
            Event::Gap(gap) => gaps.push(gap),
            Event::Progress(_) | Event::Ask(_) | Event::Seen(_) => {}
        }
    }
    reading.await.expect("no panic").expect("a run");
    (assets, gaps)
}

fn spec(cloud: &SampleCloud, name: &str) -> ConnectionSpec {
    cloud.connections().into_iter().find(|(found, _)| found == name).expect("a connection").1
}

fn count(assets: &[Asset], kind: Kind) -> usize {
    assets.iter().filter(|asset| asset.kind() == kind).count()
}

#[tokio::test]
async fn the_registry_arrives_whole_in_spite_of_throttling() {
    let shape = Shape { assets: 1_000, throttle_every: 97, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let (assets, gaps) = collect(&spec(&cloud, "Sample registry")).await;
    assert_eq!(gaps, Vec::new());
    assert_eq!(count(&assets, Kind::Repository), 24);
    assert!((150..260).contains(&count(&assets, Kind::Image)), "{}", count(&assets, Kind::Image));
}

#[tokio::test]
async fn an_account_arrives_whole_with_its_refused_calls_as_gaps() {
    let cloud = SampleCloud::start(Shape { assets: 1_000, throttle_every: 211, ..Shape::default() });
    let cloud = cloud.await.expect("a free port on loopback");
    let (assets, gaps) = collect(&spec(&cloud, "Sample AWS production")).await;
    assert_eq!(count(&assets, Kind::Function), 224);
    assert_eq!(count(&assets, Kind::Repository), 50);
    assert!(count(&assets, Kind::Image) > 80, "{}", count(&assets, Kind::Image));
    let images = assets.iter().filter_map(|asset| match &asset.facts {
        Facts::Image(facts) => Some(facts),
        _ => None,
    });
    let (mut root, mut several) = (0, 0);
    for facts in images {
        root += usize::from(facts.user.known().expect("an image's user is read").is_none());
        several += usize::from(facts.architectures.known().expect("and its processors").len() > 1);
    }
    assert!(root > 10 && several > 5, "{root} as root, {several} for several processors");
    for gap in &gaps {
        assert!(gap.code.starts_with("AccessDenied"), "{gap:?}");
    }
    assert!(gaps.iter().any(|gap| gap.hides_assets), "the forbidden region hides assets");
}

/// What each function is held to, and how often code signing was asked for: with the region's rules
/// listed, or with that refused.
async fn signing(cloud: &SampleCloud, refused: bool) -> (BTreeMap<String, Fact<CodeSigning>>, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let judge = move |_: &str, path: &str, _: &str| {
        if !path.contains("/code-signing-config") {
            return Deed::Pass;
        }
        count.fetch_add(1, Ordering::Relaxed);
        let lists = path.trim_end_matches('/').ends_with("/code-signing-configs");
        if refused && lists { Deed::Refuse(403, "AccessDeniedException") } else { Deed::Pass }
    };
    let front = front(&format!("http://{}", cloud.address()), Arc::new(judge)).await;
    let ConnectionSpec::Aws(spec) = spec(cloud, "Sample AWS development") else { panic!("an account") };
    let spec = ConnectionSpec::Aws(AwsSpec { endpoint: Some(format!("{front}/aws/1")), ..spec });
    let (assets, gaps) = collect(&spec).await;
    assert!(!gaps.iter().any(|gap| gap.call.contains("CodeSigning")), "{gaps:?}");
    let held = assets.into_iter().filter_map(|asset| match asset.facts {
        Facts::Function(facts) => Some((asset.key.native_id, facts.code_signing)),
        _ => None,
    });
    (held.collect(), asked.load(Ordering::Relaxed))
}

#[tokio::test]
async fn whether_code_must_be_signed_is_the_same_by_either_way() {
    let cloud = SampleCloud::start(Shape { assets: 600, throttle_every: 0, ..Shape::default() });
    let cloud = cloud.await.expect("a free port on loopback");
    let ((listed, few), (each, many)) = (signing(&cloud, false).await, signing(&cloud, true).await);
    assert_eq!(listed, each);
    let of = |one: CodeSigning| listed.values().filter(|held| held.known() == Some(&one)).count();
    assert!(of(CodeSigning::Off) > 5 && of(CodeSigning::Warn) > 2 && of(CodeSigning::Enforce) > 5);
    assert!(few <= 6 && many > listed.len(), "{few} calls, or {many}");
}

#[tokio::test]
async fn subscriptions_arrive_whole_with_their_refused_calls_as_gaps() {
    let cloud = SampleCloud::start(Shape { assets: 1_000, throttle_every: 211, ..Shape::default() });
    let cloud = cloud.await.expect("a free port on loopback");
    let (assets, gaps) = collect(&spec(&cloud, "Sample Azure")).await;
    assert_eq!(count(&assets, Kind::Function), 180);
    assert_eq!(count(&assets, Kind::Repository), 8);
    for gap in &gaps {
        assert_eq!((gap.code.as_str(), gap.facet.as_str()), ("AuthorizationFailed", "app settings"));
    }
    assert!((1..20).contains(&gaps.len()), "{}", gaps.len());
}

/// The sample is there to be compared: for each control that is judged often enough, some fail, most
/// do not, and what is not known stays the exception.
#[tokio::test]
async fn the_estate_is_neither_all_red_nor_all_green() {
    let cloud = SampleCloud::start(Shape { assets: 600, throttle_every: 0, ..Shape::default() });
    let cloud = cloud.await.expect("a free port on loopback");
    let mut rates: BTreeMap<(&str, &str), [u32; 3]> = BTreeMap::new();
    let settings =
        Settings { allowed_regions: vec!["eu-west-1".into(), "westeurope".into()], ..Settings::default() };
    let now = DateTime::from_timestamp(1_793_600_000, 0).expect("a moment");
    for (_, spec) in cloud.connections() {
        for asset in collect(&spec).await.0 {
            for (control, outcome) in
                rules::all().iter().zip(rules::evaluate(&Context::fresh(&asset, &settings, now)))
            {
                let place = match outcome.verdict {
                    Verdict::Fail => 0,
                    Verdict::Pass => 1,
                    Verdict::Unknown => 2,
                    _ => continue,
                };
                rates.entry((control.code, asset.family().code())).or_default()[place] += 1;
            }
        }
    }
    for ((control, family), [fail, pass, unknown]) in &rates {
        println!("{control} {family:>10} {fail:>5} fail {pass:>5} pass {unknown:>5} unknown");
    }
    let lively = rates.values().filter(|[fail, pass, _]| *fail > 0 && pass > fail).count();
    assert!(lively > 25, "{lively}");
}
