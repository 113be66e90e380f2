//! A finding's life, from opened to gone, and the counts that go with it.

use parallax::model::Asset;
use parallax::store::connections::keep;
use parallax::store::findings::{self, Life, State};

use super::{ROOT, gap, image};
use crate::support::database::{House, Told};

async fn life(house: &House, asset: &Asset) -> Option<Life> {
    let id = asset.key.id(house.tenant);
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let lives = findings::of_assets(&mut tx, &[id], None).await.expect("reads");
    lives.into_iter().find(|life| life.id == id.finding(ROOT, ""))
}

async fn state(house: &House, asset: &Asset) -> Option<State> {
    life(house, asset).await.map(|life| life.state)
}

async fn events(house: &House, asset: &Asset) -> Vec<String> {
    sqlx::query_scalar("SELECT event FROM finding_events WHERE finding_id = $1 ORDER BY at")
        .bind(asset.key.id(house.tenant).finding(ROOT, "").0)
        .fetch_all(&mut house.behind().await)
        .await
        .expect("events")
}

#[tokio::test]
async fn it_opens_resolves_and_comes_back_under_the_same_identity() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let asset = image("a", Some(""));
    house.pass(connection, &Told::of([asset.clone()])).await.0.expect("a pass");
    let opened = life(&house, &asset).await.expect("it opens");
    assert_eq!(opened.state, State::Open);
    house.pass(connection, &Told::of([image("a", Some("65532"))])).await.0.expect("a pass");
    assert_eq!(state(&house, &asset).await, Some(State::Resolved));
    assert_eq!(house.miscounts().await, Vec::<String>::new());
    house.pass(connection, &Told::of([image("a", Some("root"))])).await.0.expect("a pass");
    let again = life(&house, &asset).await.expect("it is back");
    assert_eq!((again.state, again.reopened), (State::Open, 1));
    assert_eq!(again.opened_at, opened.opened_at);
    assert!(again.resolved_at.is_none() && again.reason != opened.reason, "{again:?}");
    assert_eq!(events(&house, &asset).await, ["opened", "resolved", "reopened"]);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_denied_read_never_resolves_it() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let asset = image("a", Some(""));
    house.pass(connection, &Told::of([asset.clone()])).await.0.expect("a pass");
    house.pass(connection, &Told::of([image("a", None)])).await.0.expect("a pass");
    assert_eq!(state(&house, &asset).await, Some(State::Stale));
    house.pass(connection, &Told::of([asset.clone()])).await.0.expect("a pass");
    assert_eq!(state(&house, &asset).await, Some(State::Open));
    assert_eq!(events(&house, &asset).await, ["opened", "stale", "seen_again"]);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_gap_may_hide_is_stale_and_what_is_away_is_gone() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let (stays, leaves) = (image("stays", Some("")), image("leaves", Some("")));
    house.pass(connection, &Told::of([stays.clone(), leaves.clone()])).await.0.expect("a pass");

    let hidden = Told { gaps: vec![gap(true)], ..Told::of([stays.clone()]) };
    house.pass(connection, &hidden).await.0.expect("a pass");
    assert_eq!(state(&house, &leaves).await, Some(State::Stale));
    assert_eq!(state(&house, &stays).await, Some(State::Open));
    assert_eq!(
        house.count("SELECT count(*) FROM gaps WHERE hides_assets AND permission IS NOT NULL").await,
        1
    );

    let harmless = Told { gaps: vec![gap(false)], ..Told::of([stays.clone()]) };
    house.pass(connection, &harmless).await.0.expect("a pass");
    assert_eq!(state(&house, &leaves).await, Some(State::Resolved));
    assert_eq!(house.count("SELECT count(*) FROM assets WHERE state = 'gone' AND name = 'leaves'").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM assessments").await, 1, "what is gone counts nowhere");
    assert_eq!(house.miscounts().await, Vec::<String>::new());

    house.pass(connection, &Told::of([stays, leaves.clone()])).await.0.expect("a pass");
    assert_eq!(state(&house, &leaves).await, Some(State::Open), "back with its finding");
    assert_eq!(events(&house, &leaves).await, ["opened", "stale", "resolved", "reopened"]);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_source_that_breaks_leaves_everything_stale_and_one_gap() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let asset = image("a", Some(""));
    house.pass(connection, &Told::of([asset.clone()])).await.0.expect("a pass");
    let broken = Told { breaks: true, ..Told::default() };
    let error = house.pass(connection, &broken).await.0.expect_err("nothing could be read");
    assert!(error.to_string().contains("registry.example cannot be reached"), "{error}");
    assert_eq!(state(&house, &asset).await, Some(State::Stale));
    assert_eq!(house.count("SELECT count(*) FROM gaps WHERE code = 'unreachable'").await, 1);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_asset_two_connections_read_belongs_to_one_and_is_gone_for_neither() {
    let house = House::new().await;
    let (one, two) = (house.connection("one").await, house.connection("two").await);
    let asset = image("shared", Some(""));
    for connection in [one, two, one, two] {
        house.pass(connection, &Told::of([asset.clone()])).await.0.expect("a pass");
        assert_eq!(house.count("SELECT count(*) FROM assets WHERE state = 'present'").await, 1);
    }
    house.pass(two, &Told::of([image("shared", Some("root"))])).await.0.expect("a pass with a change");
    house.judge(one, None, parallax::store::assessments::Scope::Changed).await;
    assert_eq!(house.count("SELECT count(DISTINCT connection_id) FROM tallies WHERE assets <> 0").await, 1);
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_source_removed_and_connected_again_is_judged_again() {
    let house = House::new().await;
    let one = house.connection("one").await;
    let asset = image("a", Some(""));
    house.pass(one, &Told::of([asset.clone()])).await.0.expect("a pass");
    assert_eq!(state(&house, &asset).await, Some(State::Open));
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    keep::put_away(&mut tx, one).await.expect("put away");
    tx.commit().await.expect("commits");
    house.judge(one, None, parallax::store::assessments::Scope::Changed).await;
    assert_eq!(state(&house, &asset).await, Some(State::Resolved));

    let two = house.connection("two").await;
    house.pass(two, &Told::of([asset.clone()])).await.0.expect("a pass with the same facts");
    assert_eq!(state(&house, &asset).await, Some(State::Open), "it fails as before");
    let owned = "SELECT count(*) FROM assets a JOIN findings f ON f.asset_id = a.id
                 WHERE a.connection_id = f.connection_id AND f.state = 'open' AND a.connection_id = ";
    assert!(house.count(format!("{owned}'{two}'")).await > 0, "and is the new connection's");
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_another_connection_took_over_outlives_the_erasing_of_the_first() {
    let house = House::new().await;
    let (one, two) = (house.connection("one").await, house.connection("two").await);
    let asset = image("a", Some(""));
    house.pass(one, &Told::of([asset.clone()])).await.0.expect("a pass");
    let broken = Told { breaks: true, ..Told::default() };
    house.pass(one, &broken).await.0.expect_err("the first lost sight of it");
    let claim = house.claim(two).await;
    parallax::pipeline::refresh::refresh(
        &house.store,
        house.tenant,
        claim,
        &Told::of([asset.clone()]),
        parallax::app::now,
    )
    .await
    .expect("the second sees it and has not judged it yet");
    let owned = format!("SELECT count(*) FROM findings WHERE connection_id = '{two}'");
    assert!(house.count(owned).await > 0, "findings go with their asset");
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    keep::erase(&mut tx, one).await.expect("erased");
    tx.commit().await.expect("commits");
    house.judge(two, None, parallax::store::assessments::Scope::Changed).await;
    assert_eq!(state(&house, &asset).await, Some(State::Open));
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}
