//! The real collectors read the sample cloud: everything arrives, and what is refused becomes a gap.

use parallax::analysis::secrets::FingerprintKey;
use parallax::collect::{self, Collector, Event, RunBuilder};
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{Asset, ConnectionSpec, Gap, Kind};

/// Collects one connection to its end.
async fn collect(spec: &ConnectionSpec) -> (Vec<Asset>, Vec<Gap>) {
    let collector = collect::open(spec, FingerprintKey::new([1; 32])).await.expect("a collector");
    let (run, mut events) = RunBuilder::channel(64);
    let reading = tokio::spawn(async move { collector.collect(&run).await });
    let (mut assets, mut gaps) = (Vec::new(), Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            Event::Asset(asset) => assets.push(*asset),
            Event::Gap(gap) => gaps.push(gap),
            Event::Progress(_) => {}
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
    assert_eq!(count(&assets, Kind::Repository), 40);
    assert!((150..260).contains(&count(&assets, Kind::Image)), "{}", count(&assets, Kind::Image));
}
