//! The worker: claims runs and works on several at once, queues what is due, judges all once a day.
//!
//! Several workers share one database. A worker that stops cleanly hands its runs back; one that is
//! killed falls silent, and another takes its runs up after [`runs::SILENCE`].

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{Courier, Liaison, Post, judge_all, read_source, send_due, settle_exceptions};
use crate::analysis::secrets::FingerprintKey;
use crate::auth::{Vault, session};
use crate::config::Reach;
use crate::model::TenantId;
use crate::pipeline::refresh::RefreshError;
use crate::store::people::sessions;
use crate::store::runs::{self, Claim};
use crate::store::{Store, StoreError, outbox, tenants};
use crate::telemetry::meter;

/// Tells the time.
pub type Clock = fn() -> DateTime<Utc>;

/// How often an idle slot looks for a run.
const LOOK: Duration = Duration::from_millis(500);
/// How often due connections are queued.
const SCHEDULE: Duration = Duration::from_secs(15);
/// How often exceptions that are new or over are looked for.
const SETTLE: Duration = Duration::from_secs(3);
/// How long to wait when the database is away.
const AWAY: Duration = Duration::from_secs(2);

/// Works on the runs of every tenant's connections.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The database.
    pub store: Store,
    /// Opens the secrets of connections.
    pub vault: Vault,
    /// Key of fingerprints.
    pub key: FingerprintKey,
    /// How near to us addresses that people typed may lead.
    pub outgoing: Reach,
    /// The time.
    pub clock: Clock,
    /// Runs at once.
    pub slots: usize,
    /// How mails go out; none where no mail server is configured.
    pub post: Option<Post>,
    /// How webhooks are told; none where nothing is sent.
    pub courier: Option<Courier>,
    /// How trackers are looked after; none where nothing is sent.
    pub liaison: Option<Liaison>,
}

impl Worker {
    /// Works until `stop`; runs under way are handed back.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for _ in 0..self.slots.max(1) {
            tasks.spawn(self.clone().work(stop.clone()));
        }
        tasks.spawn(self.clone().schedule(stop.clone()));
        tasks.spawn(self.clone().mail(stop.clone()));
        tasks.spawn(self.clone().tell(stop.clone()));
        tasks.spawn(self.clone().settle(stop.clone()));
        tasks.spawn(self.clone().keep_alike(stop.clone()));
        while tasks.join_next().await.is_some() {}
    }

    async fn work(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.claim().await {
                Ok(Some(claim)) => self.guarded(claim, &stop).await,
                Ok(None) => pause(LOOK, &stop).await,
                Err(fault) => {
                    warn!(error = &fault as &dyn std::error::Error, "no run could be claimed");
                    pause(AWAY, &stop).await;
                }
            }
        }
    }

    /// Works on the next run that waits, if one does; for tests and measurements.
    pub async fn work_once(&self, stop: &CancellationToken) -> Result<bool, StoreError> {
        let claim = self.claim().await?;
        if let Some(claim) = claim {
            self.work_on(claim, stop).await;
        }
        Ok(claim.is_some())
    }

    /// Works on this run, if it waits or its worker fell silent.
    pub async fn work_on_one(
        &self,
        tenant: TenantId,
        run: Uuid,
        stop: &CancellationToken,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin(tenant).await?;
        let claim = runs::claim_one(&mut tx, run, (self.clock)()).await?;
        tx.commit().await?;
        if let Some(claim) = claim {
            self.work_on(claim, stop).await;
        }
        Ok(claim.is_some())
    }

    /// Works in a task of its own, so that a panic costs the run and not the slot.
    async fn guarded(&self, claim: Claim, stop: &CancellationToken) {
        let (worker, token) = (self.clone(), stop.clone());
        let done = tokio::spawn(async move { worker.work_on(claim, &token).await }).await;
        if let Err(panic) = done {
            error!(run = %claim.run, error = %panic, "run broke off");
            pause(AWAY, stop).await;
        }
    }

    async fn claim(&self) -> Result<Option<Claim>, StoreError> {
        let mut gate = self.store.gate().await?;
        let Some(tenant) = runs::whose_turn(&mut gate, (self.clock)()).await? else { return Ok(None) };
        drop(gate);
        let mut tx = self.store.begin(tenant).await?;
        let claim = runs::claim(&mut tx, (self.clock)()).await?;
        tx.commit().await?;
        Ok(claim)
    }

    #[tracing::instrument(name = "run", level = "error", skip_all, fields(run = %claim.run, attempt = claim.attempt))]
    async fn work_on(&self, claim: Claim, stop: &CancellationToken) {
        info!(run = %claim.run, attempt = claim.attempt, "run claimed");
        if claim.attempt > 1 {
            meter::run_taken_up();
        }
        tokio::select! {
            outcome = Box::pin(read_source::work_on(self, claim)) => match outcome {
                Ok(()) => info!(run = %claim.run, "run ended"),
                Err(RefreshError::Store(StoreError::Unavailable(cause))) => {
                    warn!(run = %claim.run, %cause, "run broke off: the database is away");
                    self.hand_back_in_time(claim).await;
                }
                // The run keeps its claim and falls silent; whoever is well takes it up.
                Err(fault) => error!(run = %claim.run, error = &fault as &dyn std::error::Error, "run broke off"),
            },
            () = stop.cancelled() => {
                if let Err(fault) = self.hand_back(claim).await {
                    warn!(run = %claim.run, error = &fault as &dyn std::error::Error, "run not handed back");
                }
            }
        }
    }

    /// Hands a run back as soon as the database is there again. It did not fail, so this is no attempt;
    /// where the database stays away, the run falls silent like that of a dead worker.
    async fn hand_back_in_time(&self, claim: Claim) {
        let until = (self.clock)() + runs::SILENCE;
        while (self.clock)() < until {
            match self.hand_back(claim).await {
                Err(StoreError::Unavailable(_)) => tokio::time::sleep(LOOK).await,
                Err(fault) => {
                    warn!(run = %claim.run, error = &fault as &dyn std::error::Error, "run not handed back");
                    return;
                }
                Ok(()) => return,
            }
        }
    }

    async fn hand_back(&self, claim: Claim) -> Result<(), StoreError> {
        let mut tx = self.store.begin(claim.tenant).await?;
        runs::hand_back(&mut tx, claim).await?;
        tx.commit().await?;
        meter::run_handed_back();
        info!(run = %claim.run, "run handed back");
        Ok(())
    }

    async fn schedule(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(fault) = self.tick().await {
                warn!(error = &fault as &dyn std::error::Error, "the schedule could not be kept");
            }
            pause(SCHEDULE, &stop).await;
        }
    }

    /// Apart from the schedule: a mail server that does not answer keeps no run waiting.
    async fn mail(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(fault) = self.mail_once(&stop).await {
                warn!(error = &fault as &dyn std::error::Error, "digests could not be sent");
            }
            pause(SCHEDULE, &stop).await;
        }
    }

    /// Tells webhooks what waits for them.
    async fn tell(self, stop: CancellationToken) {
        let Some(courier) = &self.courier else { return };
        while !stop.is_cancelled() {
            match courier.send_due(&stop).await {
                Ok(0) => pause(LOOK, &stop).await,
                Ok(_) => {}
                Err(fault) => {
                    warn!(error = &fault as &dyn std::error::Error, "webhooks could not be told");
                    pause(AWAY, &stop).await;
                }
            }
        }
    }

    /// Apart from the schedule and at shorter steps: somebody waits for what they accepted.
    async fn settle(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(fault) = self.settle_once(&stop).await {
                warn!(error = &fault as &dyn std::error::Error, "exceptions could not be settled");
            }
            pause(SETTLE, &stop).await;
        }
    }

    async fn settle_once(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut gate = self.store.gate().await?;
        let tenants = tenants::all(&mut gate).await?;
        drop(gate);
        for tenant in tenants {
            tokio::select! {
                done = settle_exceptions::if_due(&self.store, tenant, self.clock) => {
                    others_go_on(tenant, done, "exceptions could not be settled")?;
                }
                // A batch that is not committed leaves nothing; what is left is still due.
                () = stop.cancelled() => return Ok(()),
            }
        }
        Ok(())
    }

    /// Keeps tickets and trackers alike.
    async fn keep_alike(self, stop: CancellationToken) {
        let Some(liaison) = &self.liaison else { return };
        while !stop.is_cancelled() {
            match liaison.look_after_all(&stop).await {
                Ok(0) => pause(AWAY, &stop).await,
                Ok(_) => {}
                Err(fault) => {
                    warn!(error = &fault as &dyn std::error::Error, "trackers could not be looked after");
                    pause(AWAY, &stop).await;
                }
            }
        }
    }

    async fn mail_once(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut gate = self.store.gate().await?;
        let tenants = tenants::all(&mut gate).await?;
        drop(gate);
        for tenant in tenants {
            let done = send_due(&self.store, tenant, self.post.as_ref(), self.clock, stop).await;
            others_go_on(tenant, done.map(drop), "digests could not be sent")?;
        }
        Ok(())
    }

    /// Does for each tenant what is due. What is wrong with one does not keep the others waiting.
    async fn tick(&self) -> Result<(), StoreError> {
        let mut gate = self.store.gate().await?;
        let tenants = tenants::all(&mut gate).await?;
        sessions::sweep(&mut gate, (self.clock)(), (self.clock)() - session::IDLE).await?;
        gate.commit().await?;
        for tenant in tenants {
            others_go_on(tenant, self.tick_of(tenant).await, "a schedule could not be kept")?;
        }
        Ok(())
    }

    async fn tick_of(&self, tenant: TenantId) -> Result<(), StoreError> {
        let now = (self.clock)();
        let mut tx = self.store.begin(tenant).await?;
        runs::give_up(&mut tx, now).await?;
        runs::enqueue_due(&mut tx, now).await?;
        outbox::sweep(&mut tx, now).await?;
        tx.commit().await?;
        judge_all::if_due(&self.store, tenant, self.clock).await
    }
}

/// What is wrong with one tenant is told and ends nobody else's turn; a database that is away ends all.
fn others_go_on(tenant: TenantId, done: Result<(), StoreError>, what: &str) -> Result<(), StoreError> {
    match done {
        Err(fault) if !matches!(fault, StoreError::Unavailable(_)) => {
            error!(tenant = %tenant, error = &fault as &dyn std::error::Error, "{what}");
            Ok(())
        }
        other => other,
    }
}

/// Waits for `time` or for `stop`, whichever comes first.
async fn pause(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}
