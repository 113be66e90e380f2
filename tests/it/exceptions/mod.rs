//! Exceptions: what is accepted is accepted at once and for later, comes back on time, and every count
//! follows.

mod desk;
mod race;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::model::{Asset, ExceptionKind, ExceptionScope, NamePattern, Severity};
use parallax::pipeline::exceptions::{preview, settle_all};
use parallax::store::exceptions::{self, NewException, Subject};
use parallax::store::pages::{exceptions as pages, findings as listed, totals};
use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::support::estate::{Planted, Scratch, function, now};

const ADMIN: &str = "ACC-02";

fn tomorrow() -> DateTime<Utc> {
    now() + TimeDelta::days(1)
}

fn in_two_days() -> DateTime<Utc> {
    now() + TimeDelta::days(2)
}

fn three_days_from_now() -> DateTime<Utc> {
    now() + TimeDelta::days(3)
}

/// Functions that administer their account, but for those in `fixed`; every third is tagged for test.
fn functions(count: usize, fixed: &[usize]) -> Planted {
    let one = |number: usize| -> Asset {
        let tags =
            if number.is_multiple_of(3) { json!([{ "key": "env", "value": "test" }]) } else { json!([]) };
        let admin = !fixed.contains(&number);
        let facts = json!({ "identity": { "name": "ops", "admin": admin }, "memory_mb": 128, "tags": tags });
        function(&format!("pay_{number}"), &facts.to_string())
    };
    Planted { assets: (0..count).map(one).collect(), gaps: Vec::new() }
}

fn everywhere() -> Subject {
    Subject::Control { control: ADMIN.into(), scope: ExceptionScope::default() }
}

fn of_test() -> Subject {
    let scope = ExceptionScope { tag: Some(("env".into(), "test".into())), ..ExceptionScope::default() };
    Subject::Control { control: ADMIN.into(), scope }
}

struct Estate {
    scratch: Scratch,
    connection: Uuid,
}

impl Estate {
    async fn new(count: usize) -> Self {
        let scratch = Scratch::new().await;
        let connection = scratch.connection("production").await;
        scratch.run(connection, &functions(count, &[])).await;
        Self { scratch, connection }
    }

    async fn make(&self, subject: Subject, until: DateTime<Utc>) -> Uuid {
        let new = NewException {
            subject,
            kind: ExceptionKind::Risk,
            reason: "known".into(),
            until,
            by: "person:1".into(),
            by_name: "Ann".into(),
            matched: 0,
        };
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let id = exceptions::add(&mut tx, &new, now()).await.expect("made");
        tx.commit().await.expect("commits");
        id
    }

    async fn settle(&self, clock: fn() -> DateTime<Utc>) -> usize {
        settle_all(&self.scratch.store, self.scratch.tenant, clock).await.expect("settled")
    }

    /// Findings of the control by state, as the table has them.
    async fn states(&self) -> Vec<(String, i64)> {
        let mut behind = self.scratch.behind().await;
        let rows =
            sqlx::query("SELECT state, count(*) AS n FROM findings WHERE control = $1 GROUP BY 1 ORDER BY 1")
                .bind(ADMIN)
                .fetch_all(&mut behind)
                .await;
        rows.expect("rows").iter().map(|row| (row.get("state"), row.get("n"))).collect()
    }

    /// Findings of the control in this state, as pages list them at a moment.
    async fn seen(&self, state: &str, at: DateTime<Utc>) -> usize {
        let filter = listed::Filter {
            state: Some(state.into()),
            control: Some(ADMIN.into()),
            ..listed::Filter::default()
        };
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let found = listed::list(&mut tx, &filter, at, None, 500).await.expect("a list").rows;
        assert!(found.iter().all(|one| one.state == state), "{found:?}");
        found.len()
    }

    /// The mean score, and how many verdicts are known and accepted.
    async fn score(&self) -> (f64, i64, i64) {
        let mut tx = self.scratch.store.begin(self.scratch.tenant).await.expect("a transaction");
        let sums = totals::sums(&mut tx).await.expect("sums");
        let whole = sums.iter().find(|one| one.area.is_none()).expect("of functions");
        (whole.score_sum / whole.scored as f64, whole.known, whole.accepted)
    }

    async fn events(&self, name: usize) -> Vec<String> {
        let mut behind = self.scratch.behind().await;
        sqlx::query_scalar(
            "SELECT e.event FROM finding_events e JOIN findings f ON f.id = e.finding_id JOIN assets a ON a.id = f.asset_id
             WHERE e.control = $1 AND a.name = $2 ORDER BY e.at",
        )
        .bind(ADMIN)
        .bind(format!("pay_{name}"))
        .fetch_all(&mut behind)
        .await
        .expect("events")
    }

    async fn truthful(&self) {
        assert_eq!(
            super::support::database::miscounts(&mut self.scratch.behind().await).await,
            Vec::<String>::new()
        );
    }
}

fn told(states: &[(&str, i64)]) -> Vec<(String, i64)> {
    states.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect()
}

#[tokio::test]
async fn an_exception_accepts_what_is_there_and_what_comes_and_gives_it_back_on_time() {
    let estate = Estate::new(6).await;
    let before = estate.score().await;
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    let would = preview(&mut tx, &of_test(), now()).await.expect("a preview");
    drop(tx);
    assert_eq!((would.count(), would.assets, would.exact), (2, 2, true));
    assert_eq!(would.severities, [(Severity::Critical, 2)]);

    estate.make(of_test(), tomorrow()).await;
    assert_eq!(estate.settle(now).await, 1);
    assert_eq!(estate.settle(now).await, 0, "nothing is left to do");
    assert_eq!(estate.states().await, told(&[("accepted", 2), ("open", 4)]));
    let after = estate.score().await;
    assert!(after.0 > before.0 && after.2 == 2 && after.1 == before.1 - 2, "{before:?} {after:?}");
    let moved = would.moves[0].after.expect("a score");
    assert!((moved - after.0).abs() < 0.01, "the preview said {moved}, it is {after:?}");
    estate.truthful().await;

    estate.scratch.run(estate.connection, &functions(10, &[])).await;
    assert_eq!(estate.states().await, told(&[("accepted", 4), ("open", 6)]), "born accepted");
    assert_eq!(estate.events(9).await, ["accepted"]);
    estate.truthful().await;

    estate.scratch.run(estate.connection, &functions(10, &[0])).await;
    assert_eq!(estate.states().await, told(&[("accepted", 3), ("open", 6), ("resolved", 1)]));
    estate.truthful().await;

    assert_eq!(estate.seen("open", now()).await, 6);
    assert_eq!((estate.seen("accepted", now()).await, estate.seen("accepted", in_two_days()).await), (3, 0));
    assert_eq!(estate.seen("open", in_two_days()).await, 9, "also while the worker sleeps");
    assert_eq!(estate.settle(in_two_days).await, 1);
    assert_eq!(estate.states().await, told(&[("open", 9), ("resolved", 1)]));
    assert_eq!(estate.events(3).await, ["opened", "accepted", "returned"]);
    assert_eq!(estate.settle(in_two_days).await, 0);
    assert!((estate.score().await.2) == 0);
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn a_finding_hangs_on_the_exception_that_lasts_longest() {
    let estate = Estate::new(3).await;
    estate.make(everywhere(), tomorrow()).await;
    let longer = estate.make(of_test(), three_days_from_now()).await;
    estate.settle(now).await;
    assert_eq!(estate.states().await, told(&[("accepted", 3)]));
    estate.settle(in_two_days).await;
    assert_eq!(estate.states().await, told(&[("accepted", 1), ("open", 2)]));
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    assert!(exceptions::revoke(&mut tx, longer, "Ann", now()).await.expect("taken back"));
    tx.commit().await.expect("commits");
    assert_eq!(estate.seen("open", now()).await, 3, "at once");
    estate.settle(now).await;
    assert_eq!(estate.states().await, told(&[("open", 3)]));
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn many_are_accepted_batch_by_batch_and_a_dead_worker_is_followed() {
    let estate = Estate::new(2_300).await;
    let id = estate.make(everywhere(), tomorrow()).await;
    let mut behind = estate.scratch.behind().await;
    let took = "UPDATE exceptions SET worked_at = now() - interval '50 seconds'";
    sqlx::query(took).execute(&mut behind).await.expect("somebody has it");
    assert_eq!(estate.settle(now).await, 0, "one that is at work is left alone");
    let fell = "UPDATE exceptions SET worked_at = now() - interval '61 seconds'";
    sqlx::query(fell).execute(&mut behind).await.expect("it fell silent");
    assert_eq!(estate.settle(now).await, 1);
    assert_eq!(estate.states().await, told(&[("accepted", 2_300)]));
    let mut tx = estate.scratch.store.begin(estate.scratch.tenant).await.expect("a transaction");
    let one = pages::get(&mut tx, id).await.expect("read").expect("there");
    assert_eq!((one.phase.as_str(), one.matched, one.done, one.findings), ("held", 2_300, 2_300, 1_001));
    drop(tx);
    estate.truthful().await;
    estate.settle(in_two_days).await;
    assert_eq!(estate.states().await, told(&[("open", 2_300)]));
    estate.truthful().await;
    estate.scratch.end().await;
}

#[tokio::test]
async fn a_pattern_means_the_same_to_the_database() {
    let scratch = Scratch::new().await;
    let mut behind = scratch.behind().await;
    let names = ["pay", "pay-1", "pay_1", "pay%1", "Pay-1", "xpay-1", "pay\\1", "päy-1", "", "pay-1-2"];
    for text in ["*", "pay*", "pay_1", "pay%1", "*-1", "p?y-1", "pay-*-*", "?", "pay\\1", "*pay*"] {
        let pattern: NamePattern = text.parse().expect("a pattern");
        for name in names {
            let like: bool = sqlx::query_scalar("SELECT $1::text LIKE $2::text")
                .bind(name)
                .bind(pattern.like())
                .fetch_one(&mut behind)
                .await
                .expect("an answer");
            assert_eq!(pattern.matches(name), like, "{text} {name}");
        }
    }
    scratch.end().await;
}
