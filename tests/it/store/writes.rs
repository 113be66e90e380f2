//! Only what changed is written, history is kept, and counts stay right under many hands.

use futures::future::join_all;
use parallax::app::now;
use parallax::model::Settings;
use parallax::store::assessments::Scope;
use parallax::store::tenants;

use super::{gap, image};
use crate::support::database::{House, Told, days};

/// A digest of each table's rows and of the transactions that wrote them.
async fn rows(house: &House) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT t.name, (xpath('/row/x/text()', query_to_xml(format(
            'SELECT md5(coalesce(string_agg(x::text, '','' ORDER BY x::text), '''')) AS x FROM (SELECT r.*, r.xmin FROM %I r) x',
            t.name), true, true, '')))[1]::text
         FROM unnest(ARRAY['assets', 'asset_versions', 'assessments', 'findings', 'finding_events', 'tallies',
                           'score_sums']) AS t(name)",
    )
    .fetch_all(&mut house.behind().await)
    .await
    .expect("digests")
}

#[tokio::test]
async fn a_second_run_without_a_change_writes_sightings_alone() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let told = Told::of((0..1_200).map(|n| image(&format!("i{n}"), Some(if n % 3 == 0 { "" } else { "7" }))));
    let (first, judged) = house.pass(connection, &told).await;
    assert_eq!((first.expect("a pass").changed, judged.assets), (1_200, 1_200));
    let before = rows(&house).await;
    let (second, judged) = house.pass(connection, &told).await;
    let second = second.expect("a pass");
    assert_eq!((second.seen, second.changed, judged.assets, judged.findings), (1_200, 0, 0, 0));
    assert_eq!(rows(&house).await, before, "a row was written again, or anew");
    let seen = "SELECT count(*) FROM sightings s WHERE s.run_id = (SELECT id FROM runs ORDER BY queued_at DESC LIMIT 1)";
    assert_eq!(house.count(seen).await, 1_200);
}

#[tokio::test]
async fn a_change_keeps_the_facts_it_replaces_and_touches_nothing_else() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let all = |user| {
        Told::of((0..100).map(move |n| image(&format!("i{n}"), Some(if n == 7 { user } else { "9" }))))
    };
    house.pass(connection, &all("9")).await.0.expect("a pass");
    let (standing, judged) = house.pass(connection, &all("")).await;
    assert_eq!((standing.expect("a pass").changed, judged.assets), (1, 1));
    let kept = "SELECT count(*) FROM asset_versions v JOIN assets a ON a.id = v.asset_id
                WHERE a.name = 'i7' AND v.facts ->> 'user' = '9' AND a.facts -> 'user' = 'null'";
    assert_eq!(house.count(kept).await, 1);
    assert_eq!(house.count("SELECT count(*) FROM asset_versions").await, 1);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_same_asset_twice_in_one_run_is_one_asset() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let told = Told::of([image("a", Some("")), image("a", Some("")), image("b", None)]);
    house.pass(connection, &told).await.0.expect("a pass");
    assert_eq!(house.count("SELECT count(*) FROM assets").await, 2);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn counts_stay_right_when_many_judge_at_once() {
    let house = House::new().await;
    let (one, two) = (house.connection("one").await, house.connection("two").await);
    let told = |prefix: &str, user| {
        let prefix = prefix.to_owned();
        Told::of((0..300).map(move |n| image(&format!("{prefix}{n}"), Some(user))))
    };
    house.pass(one, &told("one", "")).await.0.expect("a pass");
    house.pass(two, &told("two", "5")).await.0.expect("a pass");
    // Two judge everything of both at once, whatever the others do; each waits on a connection of
    // its own, of which there are four.
    join_all((0..2).flat_map(|_| [one, two]).map(|which| house.judge(which, None, Scope::Before(days(1)))))
        .await;
    assert_eq!(house.miscounts().await, Vec::<String>::new());
    let events = "SELECT count(*) FROM finding_events WHERE event <> 'opened'";
    assert_eq!(house.count(events).await, 0, "judging again what did not change tells of nothing");
}

#[tokio::test]
async fn a_change_of_the_tenants_lines_judges_everything_again() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    house.pass(connection, &Told::of([image("a", Some("")), image("b", Some("1"))])).await.0.expect("a pass");
    assert_eq!(house.judge(connection, None, Scope::Changed).await.assets, 0);
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let lines = Settings { trusted_registries: vec!["elsewhere.example".into()], ..Settings::default() };
    tenants::set_settings(&mut tx, &lines).await.expect("sets");
    tx.commit().await.expect("commits");
    assert_eq!(house.judge(connection, None, Scope::Changed).await.assets, 2);
    assert_eq!(house.judge(connection, None, Scope::Before(now())).await.assets, 2, "a day passed");
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn removing_a_connection_removes_all_that_was_read_through_it() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    house.pass(connection, &Told::of([image("a", Some(""))])).await.0.expect("a pass");
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    assert!(parallax::store::connections::remove(&mut tx, "one", now()).await.expect("removes"));
    tx.commit().await.expect("commits");
    for table in
        ["assets", "sightings", "assessments", "findings", "finding_events", "tallies", "score_sums", "runs"]
    {
        assert_eq!(house.count(format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_source_that_sends_nul_stops_no_run() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let spoilt = Told {
        gaps: vec![parallax::model::Gap { message: "no\0thing".into(), ..gap(false) }],
        ..Told::of([image("spo\0ilt", Some("ro\0ot")), image("sound", Some("5"))])
    };
    for changed in [2, 0] {
        let standing = house.pass(connection, &spoilt).await.0.expect("a pass");
        assert_eq!((standing.seen, standing.changed), (2, changed), "the same again is no change");
    }
    let kept = "SELECT count(*) FROM assets WHERE name LIKE 'spo_ilt' AND facts ->> 'user' LIKE 'ro_ot'";
    assert_eq!(house.count(kept).await, 1);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}
