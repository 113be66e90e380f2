//! What is marked as it was is not read back, and is seen all the same.

use std::collections::HashSet;
use std::sync::Mutex;

use chrono::{TimeDelta, Timelike};
use parallax::app::now;
use parallax::collect::{CollectError, Collector, RunBuilder};
use parallax::demo::{SampleCloud, Shape};
use parallax::model::{Asset, AssetKey, Mark, Platform};
use parallax::pipeline::refresh::refresh;
use parallax::store::runs::{Ending, Reads, Standing};
use uuid::Uuid;

use super::{Source, end};
use crate::support::database::House;
use crate::support::estate::function;

fn mark(text: &str) -> Option<Mark> {
    Mark::of(text, Platform::LambdaZip, &())
}

/// A source that compares some assets, and hands over those that are not as they were.
struct Marked {
    edition: &'static str,
    assets: Vec<(Asset, Option<Mark>)>,
    same: Mutex<HashSet<AssetKey>>,
}

impl Marked {
    fn of(assets: [(&str, Option<Mark>); 3]) -> Self {
        let assets = assets.map(|(name, mark)| (function(name, "{}"), mark)).into();
        Self { edition: "one", assets, same: Mutex::default() }
    }

    /// One pass; gives how it went and which assets were as they were.
    async fn pass(&self, house: &House, connection: Uuid, reads: Reads) -> (Standing, Vec<String>) {
        let claim = house.claim_to(connection, reads).await;
        let standing = refresh(&house.store, house.tenant, claim, self, now).await.expect("reads");
        end(house, claim, Ending::Done).await;
        let same = std::mem::take(&mut *self.same.lock().expect("a set"));
        let names = self.assets.iter().filter(|(asset, _)| same.contains(&asset.key));
        (standing, names.map(|(asset, _)| asset.name.clone()).collect())
    }
}

impl Collector for Marked {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        let marked = self.assets.iter().filter_map(|(asset, mark)| Some((asset.key.clone(), (*mark)?)));
        let same = run.unchanged(marked).await?;
        for (asset, mark) in &self.assets {
            if !same.contains(&asset.key) {
                run.marked(asset.clone(), *mark).await?;
            }
        }
        *self.same.lock().expect("a set") = same;
        Ok(())
    }

    fn edition(&self) -> Option<String> {
        Some(self.edition.to_owned())
    }
}

#[tokio::test]
async fn only_what_this_connection_marked_just_so_is_as_it_was() {
    let house = House::new().await;
    let (ours, other) = (house.connection("ours").await, house.connection("other").await);
    let first = Marked::of([("a", mark("1")), ("b", mark("1")), ("c", None)]);
    let (standing, same) = first.pass(&house, ours, Reads::Everything).await;
    assert_eq!((standing.seen, standing.changed, same.len()), (3, 3, 0));

    let second = Marked::of([("a", mark("1")), ("b", mark("2")), ("c", mark("1"))]);
    let (standing, same) = second.pass(&house, ours, Reads::Changes).await;
    assert_eq!((standing.seen, standing.changed), (3, 0), "seen, one way or the other");
    assert_eq!(same, ["a"], "another mark, and one where there was none, are looked into");
    assert_eq!(house.count("SELECT count(*) FROM assets WHERE state = 'present'").await, 3);
    let (_, same) = second.pass(&house, ours, Reads::Changes).await;
    assert_eq!(same, ["a", "b", "c"]);

    let stranger = Marked { edition: "two", ..Marked::of([("a", mark("1")), ("b", None), ("c", None)]) };
    assert!(stranger.pass(&house, ours, Reads::Changes).await.1.is_empty(), "nothing of its edition");
    second.pass(&house, ours, Reads::Everything).await;
    assert_eq!(second.pass(&house, ours, Reads::Changes).await.1.len(), 3);
    let (_, same) = second.pass(&house, ours, Reads::Everything).await;
    assert!(same.is_empty(), "who reads everything takes nothing over");
    second.pass(&house, other, Reads::Everything).await;
    let (standing, same) = second.pass(&house, ours, Reads::Changes).await;
    assert!(same.is_empty(), "the other connection saw them last");
    assert_eq!((standing.seen, standing.changed), (3, 0));
}

#[tokio::test]
async fn what_is_gone_is_not_kept_by_its_mark() {
    let house = House::new().await;
    let connection = house.connection("source").await;
    let all = Marked::of([("a", mark("1")), ("b", mark("1")), ("c", mark("1"))]);
    all.pass(&house, connection, Reads::Everything).await;
    let mut fewer = Marked::of([("a", mark("1")), ("b", mark("1")), ("c", mark("1"))]);
    fewer.assets.pop();
    let (_, same) = fewer.pass(&house, connection, Reads::Changes).await;
    assert_eq!(same, ["a", "b"]);
    let gone = "SELECT count(*) FROM assets WHERE state = 'gone' AND name = 'c'";
    assert_eq!(house.count(gone).await, 1);
    let (_, same) = all.pass(&house, connection, Reads::Changes).await;
    assert_eq!(same, ["a", "b", "c"], "it is back, and as it was");
    assert_eq!(house.count("SELECT count(*) FROM assets WHERE state = 'present'").await, 3);
}

/// Alters what is kept of every asset of a source, which no source would notice; gives how many are left so by a
/// pass that reads changes, and of how many, among each of those meant; and checks that a whole reading leaves
/// none.
async fn left_alone<const N: usize>(number: usize, assets: u32, meant: [&str; N]) -> [(i64, i64); N] {
    let shape = Shape { assets, changed_percent: 1.0, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await.expect("a free port on loopback");
    let spec = cloud.connections().swap_remove(number).1;
    let source = Source::new(cloud, spec).await;
    let altered = async || {
        let mut count = [0; N];
        for (meant, count) in meant.iter().zip(&mut count) {
            let altered = format!("SELECT count(*) FROM assets WHERE {meant} AND name LIKE '%!'");
            *count = source.house.count(&altered).await;
        }
        count
    };
    source.pass(Reads::Everything).await;
    let alter = sqlx::query("UPDATE assets SET name = name || '!', facts_hash = ''");
    alter.execute(&mut source.house.behind().await).await.expect("alters");
    let all = altered().await;
    source.pass(Reads::Changes).await;
    let left = altered().await;
    source.pass(Reads::Everything).await;
    assert_eq!(source.house.count("SELECT count(*) FROM assets WHERE name LIKE '%!'").await, 0);
    std::array::from_fn(|at| (left[at], all[at]))
}

#[tokio::test]
async fn of_an_account_nothing_is_read_back_that_nobody_touched() {
    // Until the day before is measured whole, what a function did is asked for by every pass.
    let early = [now(), now() + TimeDelta::minutes(5)].iter().any(|time| time.hour() == 0);
    // Of smaller regions it costs less to ask everything than to ask what was touched.
    let meant =
        ["kind = 'function'", "kind = 'repository'"].map(|kind| format!("{kind} AND region = 'eu-west-1'"));
    let meant = [meant[0].as_str(), meant[1].as_str(), "kind = 'image'"];
    let [functions, repositories, images] = left_alone(0, 2_000, meant).await;
    let (left, all) = functions;
    let most = if early { 0 } else { all * 9 / 10 };
    assert!(all > 100 && left >= most, "{left} of {all} functions");
    let (left, all) = repositories;
    assert!(all > 40 && left >= all * 9 / 10, "{left} of {all} repositories");
    let (left, all) = images;
    assert!(all > 150 && left == all, "{left} of {all} images");
}

#[tokio::test]
async fn apps_are_not_read_back() {
    let [(left, all)] = left_alone(2, 500, ["kind = 'function'"]).await;
    assert!(all > 80 && left >= all * 9 / 10, "{left} of {all}");
}

#[tokio::test]
async fn of_a_registry_nothing_is_read_back() {
    let [(left, all)] = left_alone(3, 500, ["true"]).await;
    assert!(all > 80 && left == all, "{left} of {all}");
}
