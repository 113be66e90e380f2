//! An exception is made or ended just while findings are being written: whichever comes first, the
//! findings end as the exceptions say.

use sqlx::PgConnection;

use super::{Estate, everywhere, functions, in_two_days, now, told, tomorrow};

/// Who judges and who settles meet at this lock; see `store::exceptions::work`.
const GATE: i64 = 8;
/// Who judges or settles assets of one connection does so in turn.
const TURN: i64 = 7;

/// A session that takes and gives locks as a server would.
struct Hand(PgConnection);

impl Hand {
    async fn of(estate: &Estate) -> Self {
        Self(estate.scratch.behind().await)
    }

    async fn say(&mut self, what: &'static str, key: String, kind: i64) {
        sqlx::query(what).bind(key).bind(kind).execute(&mut self.0).await.expect("a lock");
    }

    async fn take(&mut self, key: String, kind: i64) {
        self.say("SELECT pg_advisory_lock(hashtextextended($1, $2))", key, kind).await;
    }

    async fn give(&mut self, key: String, kind: i64) {
        self.say("SELECT pg_advisory_unlock(hashtextextended($1, $2))", key, kind).await;
    }

    /// Returns when somebody waits for a lock of this mode.
    async fn waits(&mut self, mode: &str) {
        let text = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = $1
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        for _ in 0..500 {
            let waiting: i64 =
                sqlx::query_scalar(text).bind(mode).fetch_one(&mut self.0).await.expect("a number");
            if waiting > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("nobody waits for a {mode}");
    }
}

#[tokio::test]
async fn one_made_while_assets_are_judged_accepts_what_is_written() {
    let estate = Estate::new(6).await;
    let (mut hand, tenant) = (Hand::of(&estate).await, estate.scratch.tenant.0.to_string());
    hand.take(tenant.clone(), GATE).await;
    let eight = functions(8, &[]);
    let judging = estate.scratch.run(estate.connection, &eight);
    let meddling = async {
        hand.waits("ShareLock").await;
        estate.make(everywhere(), tomorrow()).await;
        hand.give(tenant, GATE).await;
    };
    tokio::join!(Box::pin(judging), meddling);
    assert_eq!(estate.states().await, told(&[("accepted", 2), ("open", 6)]), "the rest is to be settled");
    estate.settle(now).await;
    assert_eq!(estate.states().await, told(&[("accepted", 8)]));
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn whoever_settles_waits_for_those_about_to_write() {
    let estate = Estate::new(3).await;
    let (mut hand, tenant) = (Hand::of(&estate).await, estate.scratch.tenant.0.to_string());
    estate.make(everywhere(), tomorrow()).await;
    hand.say("SELECT pg_advisory_lock_shared(hashtextextended($1, $2))", tenant.clone(), GATE).await;
    let meddling = async {
        hand.waits("ExclusiveLock").await;
        assert_eq!(estate.states().await, told(&[("open", 3)]));
        hand.say("SELECT pg_advisory_unlock_shared(hashtextextended($1, $2))", tenant, GATE).await;
    };
    tokio::join!(estate.settle(now), meddling);
    assert_eq!(estate.states().await, told(&[("accepted", 3)]));
    estate.scratch.end().await;
}

#[tokio::test]
async fn one_made_while_another_ends_takes_its_findings_over() {
    let estate = Estate::new(4).await;
    estate.make(everywhere(), tomorrow()).await;
    estate.settle(now).await;
    let (mut turn, mut gate) = (Hand::of(&estate).await, Hand::of(&estate).await);
    let (tenant, connection) = (estate.scratch.tenant.0.to_string(), estate.connection.to_string());
    turn.take(connection.clone(), TURN).await;
    let meddling = async {
        turn.waits("ExclusiveLock").await;
        gate.take(tenant.clone(), GATE).await;
        turn.give(connection, TURN).await;
        gate.waits("ShareLock").await;
        estate.make(everywhere(), super::three_days_from_now()).await;
        gate.give(tenant, GATE).await;
    };
    tokio::join!(estate.settle(in_two_days), meddling);
    assert_eq!(estate.states().await, told(&[("accepted", 4)]), "none is given back that another accepts");
    estate.truthful().await;
    estate.scratch.end().await;
}
