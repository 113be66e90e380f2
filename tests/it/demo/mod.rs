//! The sample cloud answers every call of the real clients, the same each time and nothing lost.

mod aws;
mod azure;
mod collect;
mod registry;

use parallax::demo::{SampleCloud, Shape};

/// A running sample cloud of a few assets that never turns a request away.
async fn cloud(assets: u32) -> SampleCloud {
    let shape = Shape { assets, changed_percent: 20.0, throttle_every: 0, ..Shape::default() };
    SampleCloud::start(shape).await.expect("a free port on loopback")
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let read = async |seed: u64| {
        let shape = Shape { seed, assets: 400, throttle_every: 0, ..Shape::default() };
        let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
        let sites = azure::get(&cloud, &azure::sites_path(0)).await.1;
        let tags = registry::get(&cloud, "/v2/storefront/orders-api/tags/list").await.1;
        let bytes = format!("{sites} {tags} {:?}", aws::functions(&cloud, 0, "eu-west-1").await);
        // The port is the one thing that may differ. With its colon: five digits alone also stand
        // in digests, by chance.
        bytes.replace(&format!(":{}", cloud.address().port()), ":PORT")
    };
    assert_eq!(read(5).await, read(5).await);
    assert_ne!(read(5).await, read(6).await);
}

#[tokio::test]
async fn a_day_later_some_things_have_changed_and_most_have_not() {
    let cloud = cloud(1_000).await;
    let before = aws::functions(&cloud, 0, "eu-west-1").await;
    assert_eq!(cloud.next_day(parallax::app::now()), 1);
    let after = aws::functions(&cloud, 0, "eu-west-1").await;
    assert_eq!(before.len(), after.len());
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new).count();
    // Of a fifth that changed, about half changed in what lists show.
    assert!(changed * 30 > before.len() && changed * 3 < before.len(), "{changed} of {}", before.len());
}

#[tokio::test]
async fn it_has_a_connection_for_each_source() {
    let cloud = cloud(100).await;
    let names: Vec<String> = cloud.connections().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Sample AWS production", "Sample AWS development", "Sample Azure", "Sample registry"]);
}
