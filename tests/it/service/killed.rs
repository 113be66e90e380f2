//! kill -9 of a worker, and a database that goes away, in mid-run: taken up again, nothing lost,
//! nothing twice.

use std::time::{Duration, Instant};

use parallax::app::now;
use parallax::store::run_status::{self, Status};
use parallax::store::runs::{self, Reads};
use sqlx::Executor;
use tokio::time::sleep;
use uuid::Uuid;

use super::slow::SlowRegistry;
use super::{Folder, worker};
use crate::support::database::House;

/// Assets of the sample estate; its registry holds about a quarter.
const ASSETS: u32 = 2_000;

async fn queue(house: &House, registry: &SlowRegistry) -> Uuid {
    let connection = house.connect("slow", &registry.spec()).await;
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    let run = runs::enqueue(&mut tx, connection, Reads::Everything, now())
        .await
        .expect("queues")
        .expect("none yet");
    tx.commit().await.expect("commits");
    run
}

async fn status(house: &House, run: Uuid) -> Status {
    let mut tx = house.store.begin(house.tenant).await.expect("a transaction");
    run_status::get(&mut tx, run).await.expect("reads").expect("there")
}

async fn until(house: &House, run: Uuid, patience: Duration, wanted: impl Fn(&Status) -> bool) -> Status {
    let asked = Instant::now();
    loop {
        let status = status(house, run).await;
        if wanted(&status) {
            return status;
        }
        assert!(asked.elapsed() < patience, "after {} s it is {status:?}", patience.as_secs());
        sleep(Duration::from_millis(100)).await;
    }
}

/// What a run that nobody disturbed leaves behind.
async fn undisturbed(registry: &SlowRegistry) -> (i64, i64) {
    let house = House::new().await;
    let run = queue(&house, registry).await;
    let folder = Folder::new();
    let _worker = worker(&house.url, &folder);
    let status = until(&house, run, Duration::from_mins(1), |status| status.ended).await;
    assert_eq!((status.state.as_str(), status.attempts), ("done", 1));
    (status.seen, house.count("SELECT count(*) FROM findings").await)
}

async fn nothing_lost_nothing_twice(house: &House, expected: (i64, i64)) {
    assert_eq!(house.count("SELECT count(*) FROM assets WHERE state = 'present'").await, expected.0);
    assert_eq!(house.count("SELECT count(*) FROM findings WHERE state = 'open'").await, expected.1);
    assert_eq!(house.count("SELECT count(*) FROM finding_events WHERE event = 'opened'").await, expected.1);
    assert_eq!(house.count("SELECT count(*) FROM finding_events").await, expected.1);
    assert_eq!(house.count("SELECT count(*) FROM asset_versions").await, 0, "nothing changed in between");
    assert_eq!(house.miscounts().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_workers_run_is_taken_up_within_a_minute() {
    let registry = SlowRegistry::start(ASSETS).await;
    let (house, folder) = (House::new().await, Folder::new());
    let run = queue(&house, &registry).await;
    let mut first = worker(&house.url, &folder);
    let middle = until(&house, run, Duration::from_secs(30), |status| status.seen > 0).await;
    first.kill().await.expect("kill -9");
    assert!(!middle.ended, "the run was over before it could be disturbed: {middle:?}");
    let killed = Instant::now();
    let _second = worker(&house.url, &folder);
    until(&house, run, Duration::from_mins(1), |status| status.attempts == 2).await;
    println!(
        "taken up {:.1} s after kill -9, with {} assets in",
        killed.elapsed().as_secs_f64(),
        middle.seen
    );
    let ended = until(&house, run, Duration::from_mins(1), |status| status.ended).await;
    assert_eq!((ended.state.as_str(), ended.fault), ("done", None));
    nothing_lost_nothing_twice(&house, undisturbed(&registry).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_survives_a_database_that_goes_away_in_its_midst() {
    let registry = SlowRegistry::start(ASSETS).await;
    let (house, folder) = (House::new().await, Folder::new());
    let run = queue(&house, &registry).await;
    let _worker = worker(&house.url, &folder);
    let middle = until(&house, run, Duration::from_secs(30), |status| status.seen > 0).await;
    assert!(!middle.ended, "the run was over before it could be disturbed: {middle:?}");
    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
    house.alter(|name| format!("{cut}'{name}'")).await;
    sleep(Duration::from_secs(4)).await;
    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    let ended = until(&house, run, Duration::from_secs(90), |status| status.ended).await;
    assert_eq!((ended.state.as_str(), ended.attempts), ("done", 1), "it was no fault of the run: {ended:?}");
    nothing_lost_nothing_twice(&house, undisturbed(&registry).await).await;
}

#[tokio::test]
async fn a_worker_told_to_stop_hands_its_run_back() {
    let registry = SlowRegistry::start(ASSETS).await;
    let (house, folder) = (House::new().await, Folder::new());
    let run = queue(&house, &registry).await;
    let mut first = worker(&house.url, &folder);
    until(&house, run, Duration::from_secs(30), |status| status.seen > 0).await;
    let id = nix::unistd::Pid::from_raw(i32::try_from(first.id().expect("it runs")).expect("an id"));
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).expect("asks it to stop");
    let asked = Instant::now();
    assert!(first.wait().await.expect("ends").success());
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?} to stop", asked.elapsed());
    let waiting = status(&house, run).await;
    assert_eq!((waiting.state.as_str(), waiting.attempts), ("queued", 0));
    house.behind().await.execute("SELECT 1").await.expect("the database was left alone");
}
