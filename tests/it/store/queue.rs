//! Runs as a queue: one at a time for a connection, taken up when a heart stops, never stuck.

use chrono::TimeDelta;
use parallax::app::now;
use parallax::pipeline::refresh::{RefreshError, refresh};
use parallax::store::run_status;
use parallax::store::runs::{self, Ending, MOST_ATTEMPTS, Reads, SILENCE, Standing};

use super::image;
use crate::support::database::{House, Told, days};

#[tokio::test]
async fn one_run_at_a_time_for_a_connection() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let claim = house.claim(connection).await;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    assert_eq!(runs::enqueue(&mut tx, connection, Reads::Everything, now()).await.expect("asks"), None);
    assert_eq!(runs::claim(&mut tx, now()).await.expect("asks"), None, "its heart beats");
    assert_eq!(runs::enqueue_due(&mut tx, days(30)).await.expect("asks"), 0);
    assert!(runs::finish(&mut tx, claim, Ending::Done, None, now()).await.expect("ends"));
    assert_eq!(runs::enqueue_due(&mut tx, now()).await.expect("asks"), 0, "it is not due yet");
    assert_eq!(runs::enqueue_due(&mut tx, now() + TimeDelta::minutes(91)).await.expect("asks"), 1);
}

#[tokio::test]
async fn a_silent_run_is_taken_over_and_the_first_worker_writes_nothing_more() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let first = house.claim(connection).await;
    let later = now() + SILENCE + TimeDelta::seconds(1);
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let second = runs::claim(&mut tx, later).await.expect("claims").expect("its heart stopped");
    tx.commit().await.expect("commits");
    assert_eq!((second.run, second.attempt), (first.run, 2));
    let told = Told::of([image("a", Some(""))]);
    let outdated = refresh(&house.store, house.tenant, first, &told, now).await;
    assert!(matches!(outdated, Err(RefreshError::Outdated)), "{outdated:?}");
    assert_eq!(house.count("SELECT count(*) FROM assets").await, 0);
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    assert!(!runs::beat(&mut tx, first, later, &Standing::default()).await.expect("asks"));
    assert!(!runs::finish(&mut tx, first, Ending::Done, None, later).await.expect("asks"));
    drop(tx);
    let standing = refresh(&house.store, house.tenant, second, &told, now).await.expect("reads");
    assert_eq!(standing.seen, 1);
}

#[tokio::test]
async fn a_run_that_kills_its_workers_is_given_up_and_the_connection_goes_on() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let claim = house.claim(connection).await;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let mut moment = now();
    for attempt in 2..=MOST_ATTEMPTS {
        moment += SILENCE + TimeDelta::seconds(1);
        assert_eq!(runs::give_up(&mut tx, moment).await.expect("asks"), 0);
        let claim = runs::claim(&mut tx, moment).await.expect("claims").expect("silent");
        assert_eq!(claim.attempt, attempt);
    }
    moment += SILENCE + TimeDelta::seconds(1);
    assert_eq!(runs::claim(&mut tx, moment).await.expect("asks"), None, "no sixth time");
    assert_eq!(runs::give_up(&mut tx, moment).await.expect("asks"), 1);
    let status = run_status::get(&mut tx, claim.run).await.expect("asks").expect("there");
    assert_eq!((status.state.as_str(), status.ended), ("interrupted", true));
    assert!(runs::enqueue(&mut tx, connection, Reads::Everything, moment).await.expect("asks").is_some());
}

#[tokio::test]
async fn a_run_handed_back_is_taken_at_once() {
    let house = House::new().await;
    let connection = house.connection("one").await;
    let claim = house.claim(connection).await;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    runs::hand_back(&mut tx, claim).await.expect("hands back");
    let again = runs::claim(&mut tx, now()).await.expect("claims").expect("it waits");
    assert_eq!((again.run, again.attempt), (claim.run, 1), "a good stop is no failed attempt");
}
