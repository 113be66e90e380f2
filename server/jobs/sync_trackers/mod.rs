//! Tickets and trackers kept alike: what happened here is told there, what happened there is taken
//! over here. One worker at a time looks after a tracker.
//!
//! Whether something fails is decided here: a ticket whose findings are resolved is done, whatever
//! the tracker says, and one closed there while something fails stays under way. In everything else
//! (who works on it, that it is begun, that it is left as it is) the tracker's word goes. What was
//! decided between the two stands in the ticket's story.

mod hear;
mod tell;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Outward;
use super::side_by_side::{Rounds, serve_all};
use crate::auth::secrets;
use crate::model::TenantId;
use crate::notify::tracker::{self as api, Fault};
use crate::store::tickets::Author;
use crate::store::trackers::{self, Tracker, Turn};
use crate::store::{StoreError, Tx};

/// Tenants whose trackers are looked after at once.
const TENANTS: usize = 8;
/// No turn takes longer: whoever answers late is left alone for a while.
const LONGEST: Duration = Duration::from_mins(2);
/// What changed there is listened to for so long, and gone on with at the next turn.
const HEARS: Duration = Duration::from_secs(40);
/// And what happened here is told up to then.
const TELLS: Duration = Duration::from_secs(80);
/// Tickets told at one turn; the rest follows with the next.
const AT_ONCE: i64 = 20;
/// How often a tracker is asked what changed.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// What changed is asked for from so long before the last time: clocks differ, and lists lag.
const OVERLAP: TimeDelta = TimeDelta::minutes(3);
/// A tracker that refuses or does not answer is left alone for so long.
const QUIET: TimeDelta = TimeDelta::minutes(5);
/// Issues not heard of for so long are looked at, some at each turn: a deleted one says nothing.
const UNSEEN: TimeDelta = TimeDelta::hours(6);

/// Looks after trackers.
#[derive(Debug, Clone)]
pub struct Liaison(Outward);

/// A turn at a tracker: what it takes to talk to it and to note what came of it.
struct At<'a> {
    means: &'a Outward,
    tenant: TenantId,
    tracker: &'a Tracker,
    api: &'a dyn api::Tracker,
    author: Author,
    begun: Instant,
}

/// Why a turn ends early.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    There(#[from] Fault),
    #[error("another worker looks after it now")]
    Outdated,
}

impl At<'_> {
    fn now(&self) -> DateTime<Utc> {
        (self.means.clock)()
    }

    /// Whether the turn has taken so long.
    fn spent(&self, time: Duration) -> bool {
        self.begun.elapsed() >= time
    }

    /// A transaction that is ours to write in: the turn still is.
    async fn begin(&self) -> Result<Tx, Broken> {
        let mut tx = self.means.store.begin(self.tenant).await?;
        if trackers::hold(&mut tx, self.tracker, self.now()).await? { Ok(tx) } else { Err(Broken::Outdated) }
    }
}

impl Liaison {
    /// By these means.
    pub const fn new(means: Outward) -> Self {
        Self(means)
    }

    /// Looks after every tracker whose time has come, of several tenants side by side. Returns how many.
    pub async fn look_after_all(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        serve_all(self, TENANTS, stop).await
    }

    /// Looks after the next tracker of a tenant, if one's time has come.
    pub async fn look_after_one(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let mut tx = self.0.store.begin(tenant).await?;
        let Some(tracker) = trackers::take(&mut tx, (self.0.clock)()).await? else { return Ok(false) };
        let secret = secrets::open(&mut tx, &self.0.vault, tracker.secret).await;
        tx.commit().await?;
        let started = (self.0.clock)();
        let opened = secret.map_err(|fault| Fault::Invalid(fault.to_string())).and_then(|secret| {
            api::open(&tracker.spec, &secret, &self.0.guard, &self.0.client, self.0.clock)
        });
        let done = match opened {
            Ok(api) => {
                let author =
                    Author { reference: format!("tracker:{}", tracker.id), name: tracker.name.clone() };
                let begun = Instant::now();
                let at = At { means: &self.0, tenant, tracker: &tracker, api: &*api, author, begun };
                bounded(&at, started).await
            }
            Err(fault) => Err(fault.into()),
        };
        let turn = match done {
            Ok(turn) => turn,
            Err(Broken::Outdated) => return Ok(true),
            Err(Broken::Store(fault)) => return Err(fault),
            Err(Broken::There(fault)) => self.failed(&tracker, &fault),
        };
        let mut tx = self.0.store.begin(tenant).await?;
        trackers::ended(&mut tx, &tracker, &turn, (self.0.clock)()).await?;
        tx.commit().await?;
        Ok(true)
    }

    fn failed(&self, tracker: &Tracker, fault: &Fault) -> Turn {
        let now = (self.0.clock)();
        warn!(tracker = %tracker.id, %fault, "a tracker could not be looked after");
        let (quiet, fault) = match fault {
            // Asked to wait, we wait: nothing is wrong.
            Fault::Wait(until) => (*until, None),
            other => (now + QUIET, Some(other.to_string())),
        };
        Turn { quiet_until: Some(quiet), fault, ..Turn::default() }
    }
}

#[async_trait]
impl Rounds for Liaison {
    const WHAT: &'static str = "trackers";

    async fn whose_turn(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut gate = self.0.store.gate().await?;
        trackers::whose_turn(&mut gate).await
    }

    async fn serve(&self, tenant: TenantId) -> Result<usize, StoreError> {
        Ok(usize::from(self.look_after_one(tenant).await?))
    }
}

/// A turn, broken off where it takes too long: like one whose worker died.
async fn bounded(at: &At<'_>, started: DateTime<Utc>) -> Result<Turn, Broken> {
    let late = || Fault::Away(format!("it took longer than {} seconds", LONGEST.as_secs()));
    let ended = tokio::time::timeout(LONGEST, Box::pin(turn(at, started))).await;
    ended.unwrap_or_else(|_| Err(late().into()))
}

async fn turn(at: &At<'_>, started: DateTime<Utc>) -> Result<Turn, Broken> {
    // Heard first: what both changed is known before anything is told.
    let mut done = Turn::default();
    if at.tracker.next_look_at <= started {
        let from = hear::changes(at, at.tracker.read_until - OVERLAP).await?;
        hear::look_for_lost(at, started - UNSEEN).await?;
        done.read_until = Some(from.map_or(started, |from| read_until(from, started)));
        done.next_look_at = Some(started + EVERY);
    }
    tell::all(at, AT_ONCE).await?;
    Ok(done)
}

/// Up to where was read, that the next turn goes on from `from`: the tracker's own clock says that,
/// so it may say anything.
fn read_until(from: DateTime<Utc>, started: DateTime<Utc>) -> DateTime<Utc> {
    (from.min(started) + OVERLAP).min(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_was_cut_is_gone_on_with_where_it_ended() {
        let now = DateTime::from_timestamp(1_000_000, 0).expect("a time");
        let ago = |minutes| now - TimeDelta::minutes(minutes);
        assert_eq!(read_until(ago(60), now) - OVERLAP, ago(60));
        assert_eq!(read_until(ago(1), now), now);
        assert_eq!(read_until(DateTime::<Utc>::MAX_UTC, now), now, "whatever it says");
    }
}
