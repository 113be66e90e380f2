//! Which whole reading a run builds on, and when it builds on none.

use chrono::{DateTime, TimeDelta, Utc};
use parallax::app::now;
use parallax::store::runs::{self, Claim, Ending, Reads};
use parallax::store::{connections, recall};
use uuid::Uuid;

use super::{cloud, end};
use crate::support::database::House;

/// What a run that begins then may build on.
async fn base(house: &House, claim: Claim, edition: &str, then: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let found = recall::reads(&mut tx, claim, edition, then).await.expect("asks").since;
    tx.commit().await.expect("commits");
    found
}

/// A whole reading of this connection, by edition one.
async fn read_whole(house: &House, connection: Uuid) {
    let claim = house.claim_to(connection, Reads::Everything).await;
    base(house, claim, "one", now()).await;
    end(house, claim, Ending::Done).await;
}

#[tokio::test]
async fn a_run_builds_on_a_whole_reading_of_the_day_by_the_same_edition_or_on_none() {
    let house = House::new().await;
    let connection = house.connection("source").await;
    let step = async |reads: Reads, edition: &str, ending: Ending, hours: i64| {
        let claim = house.claim_to(connection, reads).await;
        let found = base(&house, claim, edition, now() + TimeDelta::hours(hours)).await;
        end(&house, claim, ending).await;
        found
    };
    assert_eq!(step(Reads::Changes, "one", Ending::Failed, 0).await, None);
    assert_eq!(step(Reads::Changes, "one", Ending::Done, 0).await, None, "what failed is no base");
    let built = step(Reads::Changes, "one", Ending::Done, 0).await;
    assert!(built.is_some(), "the second reading was whole, and done");
    assert_eq!(step(Reads::Changes, "one", Ending::Done, 0).await, built, "not on what was built itself");
    assert_eq!(step(Reads::Everything, "one", Ending::Failed, 0).await, None, "somebody asked");
    assert_eq!(step(Reads::Changes, "one", Ending::Done, 22).await, built, "the next one comes in time");
    assert_eq!(step(Reads::Changes, "one", Ending::Failed, 24).await, None, "the next one would be too late");
    assert_eq!(step(Reads::Changes, "two", Ending::Done, 0).await, None);
    assert_eq!(step(Reads::Changes, "one", Ending::Done, 0).await, built);
    let another = house.connection("another").await;
    let claim = house.claim_to(another, Reads::Changes).await;
    assert_eq!(base(&house, claim, "one", now()).await, None, "of another connection");
}

#[tokio::test]
async fn a_connection_that_leads_elsewhere_builds_on_nothing() {
    let cloud = cloud(2_000).await;
    let (name, spec) = cloud.connections().swap_remove(0);
    let house = House::new().await;
    let connection = house.connect(&name, &spec).await;
    read_whole(&house, connection).await;
    assert_eq!(house.connect(&name, &spec).await, connection, "the same again");
    let same = house.claim_to(connection, Reads::Changes).await;
    assert!(base(&house, same, "one", now()).await.is_some());
    end(&house, same, Ending::Done).await;
    let other = cloud.connections().swap_remove(1).1;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    connections::keep::lead(&mut tx, connection, &other, None).await.expect("leads");
    tx.commit().await.expect("commits");
    let led = house.claim_to(connection, Reads::Changes).await;
    assert_eq!(base(&house, led, "one", now()).await, None);
    end(&house, led, Ending::Done).await;
    assert_eq!(house.connect(&name, &spec).await, connection, "and back");
    let back = house.claim_to(connection, Reads::Changes).await;
    assert_eq!(base(&house, back, "one", now()).await, None);
}

#[tokio::test]
async fn who_asks_while_changes_are_read_gets_a_whole_reading_after_them() {
    let house = House::new().await;
    let connection = house.connection("source").await;
    let step = async |claim: Claim| {
        let found = base(&house, claim, "one", now()).await;
        let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
        let asked = runs::enqueue(&mut tx, connection, Reads::Everything, now()).await.expect("asks");
        assert_eq!(asked, None, "one is under way");
        // It found nothing to take over; what was asked for came later all the same.
        recall::was_whole(&mut tx, claim).await.expect("notes");
        tx.commit().await.expect("commits");
        end(&house, claim, Ending::Done).await;
        found.is_some()
    };
    let waiting = "SELECT count(*) FROM runs WHERE state = 'queued' AND asked";
    assert!(!step(house.claim_to(connection, Reads::Changes).await).await);
    assert_eq!(house.count(waiting).await, 0, "that one read everything");
    assert!(step(house.claim_to(connection, Reads::Changes).await).await);
    assert_eq!(house.count(waiting).await, 1);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_reads_everything() {
    let house = House::new().await;
    let connection = house.connection("source").await;
    read_whole(&house, connection).await;
    let first = house.claim_to(connection, Reads::Changes).await;
    assert!(base(&house, first, "one", now()).await.is_some());
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let later = now() + runs::SILENCE + TimeDelta::seconds(1);
    let second = runs::claim_one(&mut tx, first.run, later).await.expect("asks").expect("it fell silent");
    tx.commit().await.expect("commits");
    assert_eq!(base(&house, second, "one", later).await, None);
}

#[tokio::test]
async fn who_asks_while_a_run_waits_has_it_read_everything() {
    let house = House::new().await;
    let connection = house.connection("source").await;
    read_whole(&house, connection).await;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let waiting = runs::enqueue(&mut tx, connection, Reads::Changes, now()).await.expect("queues");
    assert_eq!(runs::enqueue(&mut tx, connection, Reads::Everything, now()).await.expect("asks"), None);
    let claim = runs::claim_one(&mut tx, waiting.expect("a run"), now()).await.expect("asks").expect("waits");
    tx.commit().await.expect("commits");
    assert_eq!(base(&house, claim, "one", now()).await, None);
}

#[tokio::test]
async fn a_run_that_is_taken_up_again_knows_what_it_has_read_and_a_first_one_nothing() {
    let house = House::new().await;
    let (first, second) = (house.connection("first").await, house.connection("second").await);
    let known = async |claim: Claim| {
        let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
        let found = recall::reads(&mut tx, claim, "one", now()).await.expect("asks").known;
        tx.commit().await.expect("commits");
        found
    };
    let (one, other) = (house.claim(first).await, house.claim(second).await);
    assert!(!known(one).await && !known(other).await, "nobody has ended a run");
    assert!(known(one).await, "it had begun");
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    runs::hand_back(&mut tx, other).await.expect("hands back");
    let again = runs::claim_one(&mut tx, other.run, now()).await.expect("asks").expect("it waits");
    tx.commit().await.expect("commits");
    assert!(known(again).await, "also where it was handed back");
    end(&house, one, Ending::Done).await;
    assert!(known(house.claim(house.connection("third").await).await).await, "what another connection read");
}
