//! Two servers and three workers on one Postgres, all of them killed and started again at random
//! while others ask: no run is lost, no finding or mail comes twice, each answer is right or a clear
//! 503.
//!
//! 40 seconds, or `PARALLAX_TEST_CHAOS` seconds; `PARALLAX_TEST_SEED` repeats a course of events as
//! far as a machine's timing lets it.

mod crew;
mod load;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parallax::app::now;
use parallax::auth::Secret;
use parallax::demo::{SampleCloud, Shape};
use parallax::model::Permission;
use parallax::store::people::tokens::{self, NewToken};
use parallax::store::{Store, connections, tenants};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::database::miscounts;
use crate::support::people::Browser;
use crate::support::post::Sink;
use crate::support::postgres::OWNER;
use crew::Crew;
use load::{Heard, Load, ids};

/// Enough for a run to have a middle.
const ASSETS: u32 = 100;
const RECIPIENTS: [&str; 3] = ["one@example.org", "two@example.org", "three@example.org"];
/// What recovery may take at most.
const RECOVERY: Duration = Duration::from_secs(10);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

async fn count(session: &mut PgConnection, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(session).await.expect("a number")
}

/// A token of the API, and connections to the sample cloud.
async fn furnish(crew: &Crew, cloud: &SampleCloud) -> (String, Vec<String>) {
    let store = Store::connect(&crew.postgres.url(OWNER, "parallax"), 2).await.expect("connects");
    let secret = Secret::for_api(&mut rand::rng());
    let token = NewToken {
        name: "load".into(),
        secret_hash: secret.hash(),
        shown: secret.shown(),
        scopes: vec![Permission::Read, Permission::Run],
        made_by: None,
        expires_at: now() + chrono::TimeDelta::days(1),
    };
    let mut tx = store.begin(tenants::DEFAULT).await.expect("a transaction");
    tokens::add(&mut tx, &token, now()).await.expect("a token");
    let mut all = Vec::new();
    for (name, spec) in cloud.connections() {
        all.push(connections::save(&mut tx, &name, &spec, 3_600, now()).await.expect("saved").to_string());
    }
    tx.commit().await.expect("commits");
    store.close().await;
    (secret.tell().to_owned(), all)
}

async fn digest(owner: &Browser) {
    let form = [("name", "morning"), ("every", ""), ("at", "08:00"), ("zone", "UTC"), ("heartbeat", "1")];
    let digest = owner.submit("/digests", "/digests", &form).await.location;
    let add = [("addresses", RECIPIENTS.join("\n"))];
    let add: Vec<_> = add.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(owner.submit(&digest, &format!("{digest}/recipients"), &add).await.status, 303);
}

/// Waits until a count is 0.
async fn drained(session: &mut PgConnection, query: &str, patience: u64) {
    let since = Instant::now();
    while count(session, query).await > 0 {
        assert!(since.elapsed().as_secs() < patience, "after {patience} s still: {query}");
        sleep(Duration::from_millis(200)).await;
    }
}

const UNDER_WAY: &str = "SELECT count(*) FROM runs WHERE state IN ('queued', 'running')";

/// Everything in place: every connection read once, the list of findings known.
async fn settled(crew: &Crew, cloud: &SampleCloud) -> Arc<Load> {
    let owner = crew.owner().await;
    digest(&owner).await;
    let (token, connections) = furnish(crew, cloud).await;
    let mut session = crew.postgres.superuser("parallax").await;
    let done = format!(
        "SELECT {} - count(DISTINCT connection_id) FROM runs WHERE state = 'done'",
        connections.len()
    );
    drained(&mut session, &done, 120).await;
    let list = format!("http://{}/api/v1/findings?limit=500", crew.addresses[0]);
    let text = owner
        .client
        .get(list)
        .bearer_auth(&token)
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    let findings = ids(&text).expect("findings");
    assert!((20..500).contains(&findings.len()), "too few to get wrong, or more than a page");
    Arc::new(Load {
        addresses: crew.addresses.clone(),
        outages: crew.outages.clone(),
        client: owner.client,
        token,
        connections,
        findings,
        over: AtomicBool::new(false),
        heard: std::sync::Mutex::default(),
    })
}

/// Looks every moment for runs that nobody works on though their worker is dead, as far as there is
/// a database, and makes the digest due. Returns the longest a run lay so.
async fn watch(load: Arc<Load>, url: String) -> Duration {
    const SILENT: &str = "SELECT coalesce(extract(epoch FROM max(now() - heartbeat_at)), 0)::float8
        FROM runs WHERE state = 'running'";
    let (mut longest, mut there_since, mut turn) = (Duration::ZERO, Instant::now(), 0_u32);
    let mut session: Option<PgConnection> = None;
    while !load.over.load(Ordering::SeqCst) {
        let silent = match session.as_mut() {
            Some(open) => sqlx::query_scalar::<_, f64>(SILENT).fetch_one(open).await.ok(),
            None => None,
        };
        if let Some(silent) = silent {
            longest = longest.max(Duration::from_secs_f64(silent.max(0.0)).min(there_since.elapsed()));
        } else {
            session = PgConnection::connect(&url).await.ok();
            there_since = Instant::now();
        }
        turn += 1;
        if let (Some(open), true) = (session.as_mut(), turn.is_multiple_of(20)) {
            let _ = open.execute("UPDATE digests SET next_at = now()").await;
        }
        sleep(Duration::from_millis(200)).await;
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_comes_twice() {
    let seconds = number("PARALLAX_TEST_CHAOS").unwrap_or(40);
    let seed = number("PARALLAX_TEST_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("{seconds} s of chaos, seed {seed}");
    let (cloud, sink) = (
        SampleCloud::start(Shape { assets: ASSETS, throttle_every: 0, ..Shape::default() })
            .await
            .expect("a port"),
        Sink::start().await,
    );
    let mut crew = Crew::start(sink.port).await;
    let load = settled(&crew, &cloud).await;
    let mut random = StdRng::seed_from_u64(seed);
    let mut asking = JoinSet::new();
    for reader in 0..3 {
        asking.spawn(load.clone().read(seed + reader));
    }
    asking.spawn(load.clone().start_runs(seed + 10));
    let watching = tokio::spawn(watch(load.clone(), crew.postgres.url("postgres", "parallax")));
    let begun = Instant::now();
    while begun.elapsed().as_secs() < seconds {
        sleep(Duration::from_millis(random.random_range(500..2_500))).await;
        crew.disturb(&mut random).await;
    }
    load.over.store(true, Ordering::SeqCst);
    while let Some(done) = asking.join_next().await {
        done.expect("no panic");
    }
    let silent = watching.await.expect("no panic");
    verdict(&crew, &load, &sink, silent).await;
}

async fn verdict(crew: &Crew, load: &Load, sink: &Sink, silent: Duration) {
    let heard = std::mem::take(&mut *load.heard.lock().expect("heard"));
    let mut session = crew.postgres.superuser("parallax").await;
    drained(&mut session, UNDER_WAY, 90).await;
    let again = count(&mut session, "SELECT count(*) FROM runs WHERE attempts > 1").await;
    let Heard { right, unavailable, killed, slowest, .. } = &heard;
    println!("{:?}", crew.tally);
    println!(
        "{right} right, {unavailable} clear 503, {killed} asked of a server as it was killed, {} wrong; slowest right {slowest:?}",
        heard.wrong.len()
    );
    println!(
        "{} runs started, {again} taken up again; longest without a worker {silent:?}",
        heard.runs.len()
    );
    assert!(heard.wrong.is_empty(), "{:#?}\n{}", &heard.wrong[..heard.wrong.len().min(10)], crew.log());
    assert!(*right > 50 && heard.runs.len() > 5, "hardly anything was asked");
    nothing_lost(&mut session, load, &heard).await;
    every_mail_once(&mut session, sink).await;
    assert!(crew.tally.recovery < RECOVERY, "pages came back after {:?}", crew.tally.recovery);
    assert!(silent < RECOVERY, "a run lay for {silent:?}");
}

async fn nothing_lost(session: &mut PgConnection, load: &Load, heard: &Heard) {
    let done: Vec<String> = sqlx::query_scalar("SELECT id::text FROM runs WHERE state = 'done'")
        .fetch_all(&mut *session)
        .await
        .expect("runs");
    let lost: Vec<_> = heard.runs.iter().filter(|run| !done.contains(run)).collect();
    let fates: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s %s %s %s', id, state, attempts, fault) FROM runs WHERE state <> 'done'",
    )
    .fetch_all(&mut *session)
    .await
    .expect("runs");
    assert!(lost.is_empty() && fates.is_empty(), "lost {lost:?}; not done {fates:?}");
    let open = count(session, "SELECT count(*) FROM findings WHERE state = 'open'").await;
    assert_eq!(open, i64::try_from(load.findings.len()).expect("few"), "findings came or went");
    for (what, query) in [
        (
            "findings twice",
            "SELECT count(*) - count(DISTINCT (asset_id, control, discriminator)) FROM findings",
        ),
        (
            "turns nothing led to",
            "SELECT (SELECT count(*) FROM finding_events) - (SELECT count(*) FROM findings)",
        ),
        ("versions of what never changed", "SELECT count(*) FROM asset_versions"),
        (
            "runs at once of a connection",
            "SELECT count(*) FROM (SELECT FROM runs a JOIN runs b USING (connection_id)
            WHERE a.id < b.id AND a.started_at < b.finished_at AND b.started_at < a.finished_at) AS overlapping",
        ),
    ] {
        assert_eq!(count(session, query).await, 0, "{what}");
    }
    assert_eq!(miscounts(session).await, Vec::<String>::new());
}

async fn every_mail_once(session: &mut PgConnection, sink: &Sink) {
    // Whatever a worker died over is left for some minutes, so that nobody sends it beside it.
    session
        .execute("UPDATE digest_mails SET next_try_at = now() WHERE state = 'waiting'")
        .await
        .expect("a row");
    drained(session, "SELECT count(*) FROM digest_mails WHERE state = 'waiting'", 60).await;
    let due = count(session, "SELECT count(*) FROM digest_mails").await;
    assert_eq!(count(session, "SELECT count(*) FROM digest_mails WHERE state = 'sent'").await, due);
    let mut came: BTreeMap<String, u32> = BTreeMap::new();
    for mail in sink.came() {
        *came.entry(mail.id).or_default() += 1;
    }
    let twice = came.values().filter(|times| **times > 1).count();
    println!("{due} mails due, {} came, {twice} of them a second time under their id", came.len());
    assert_eq!(i64::try_from(came.len()).expect("few"), due, "a mail for each, and none beside");
    assert!(due >= 3, "hardly any mail was due");
}
