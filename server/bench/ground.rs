//! A scratch database and passes over connections into it, as the worker makes them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::BenchError;
use crate::analysis::secrets::FingerprintKey;
use crate::auth::Secret;
use crate::auth::session::{self, Beginning, Visitor};
use crate::auth::vault::{HouseKey, Vault};
use crate::jobs::Worker;
use crate::model::{
    ConnectionSpec, ExceptionKind, ExceptionScope, Permission, RegistrySpec, Role, TenantId, Verdict,
};
use crate::pipeline::exceptions::settle_all;
use crate::store::bulk::{self, Bulk};
use crate::store::exceptions::{self, NewException, Subject};
use crate::store::pages::totals;
use crate::store::people::tokens::{self, NewToken};
use crate::store::people::{self, members};
use crate::store::runs::{self, Last, Reads};
use crate::store::{PrivatePostgres, Store, Tx, connections, tenants};

const CONNECTIONS: u32 = 12;
const INTERVAL_SECONDS: i64 = 3_600;

/// A scratch database; gone when stopped.
#[derive(Debug)]
pub struct Ground {
    folder: PathBuf,
    database: PrivatePostgres,
    store: Store,
    tenant: TenantId,
    clock: fn() -> DateTime<Utc>,
}

/// What a pass came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Pass {
    /// From the first call to the last finding.
    pub seconds: f64,
    /// Assets seen.
    pub seen: i64,
    /// Assets new or changed.
    pub changed: i64,
    /// Gaps met.
    pub gaps: i64,
}

impl Ground {
    /// Starts a database in a folder of its own.
    pub async fn new(clock: fn() -> DateTime<Utc>) -> Result<Self, BenchError> {
        let folder = std::env::temp_dir().join(format!("parallax-bench-{}", std::process::id()));
        let database = PrivatePostgres::start(&folder).await?;
        Store::migrate(database.url()).await?;
        let store = Store::connect(database.url(), CONNECTIONS).await?;
        let tenant = tenants::ensure_default(&store, clock()).await?;
        Ok(Self { folder, database, store, tenant, clock })
    }

    /// Address of the database.
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// A transaction of its tenant.
    pub async fn begin(&self) -> Result<Tx, BenchError> {
        Ok(self.store.begin(self.tenant).await?)
    }

    /// Writes a large estate straight into the tables.
    pub async fn fill(&self, size: Bulk) -> Result<(), BenchError> {
        let spec = ConnectionSpec::Registry(RegistrySpec {
            address: "127.0.0.1:9".into(),
            ..RegistrySpec::default()
        });
        Ok(bulk::fill(self.url(), self.tenant, &spec, size).await?)
    }

    /// A token of the API that may do everything for a day.
    pub async fn token(&self) -> Result<String, BenchError> {
        let secret = Secret::for_api(&mut rand::rng());
        let token = NewToken {
            name: "bench".into(),
            secret_hash: secret.hash(),
            shown: secret.shown(),
            scopes: Permission::ALL.to_vec(),
            made_by: None,
            expires_at: (self.clock)() + chrono::TimeDelta::days(1),
        };
        let mut tx = self.begin().await?;
        tokens::add(&mut tx, &token, (self.clock)()).await?;
        tx.commit().await?;
        Ok(secret.tell().to_owned())
    }

    /// The cookie of an owner who is logged in.
    pub async fn cookie(&self) -> Result<String, BenchError> {
        let now = (self.clock)();
        let mut gate = self.store.gate().await?;
        let owner = people::ensure(&mut gate, "bench@example.org", "Bench", now).await?;
        members::join(&mut gate, self.tenant, owner.id, Role::Owner, now).await?;
        let beginning = Beginning { method: "password".into(), ..Beginning::default() };
        let begun = session::begin(&mut gate, &owner, beginning, &Visitor::default(), now).await;
        let secret = begun.map_err(|fault| BenchError::Setup(fault.to_string()))?;
        gate.commit().await?;
        Ok(format!("parallax={}", secret.tell()))
    }

    /// Reads all of these connections at once, as runs that come by themselves do; stores and judges what
    /// they hold.
    pub async fn pass(&self, sources: &[(String, ConnectionSpec)]) -> Result<Pass, BenchError> {
        let started = Instant::now();
        let mut queued = Vec::new();
        for source in sources {
            queued.push(self.queue(source).await?);
        }
        let (worker, stop) = (self.worker(), CancellationToken::new());
        // Each in a task of its own, as the worker's slots are.
        let mut slots = JoinSet::new();
        for _ in sources {
            let (worker, stop) = (worker.clone(), stop.clone());
            slots.spawn(async move { worker.work_once(&stop).await });
        }
        while let Some(ended) = slots.join_next().await {
            ended.map_err(|fault| BenchError::Setup(fault.to_string()))??;
        }
        let mut whole = Pass::default();
        for ((name, _), connection) in sources.iter().zip(queued) {
            let last = self.last(name, connection).await?;
            whole.seen += last.seen;
            whole.changed += last.changed;
            whole.gaps += last.gaps;
        }
        whole.seconds = started.elapsed().as_secs_f64();
        Ok(whole)
    }

    /// Accepts every finding of the control that has the most, and waits until it is done: how many
    /// there were, and how many seconds it took.
    pub async fn accept_most(&self) -> Result<(i64, f64), BenchError> {
        let mut tx = self.begin().await?;
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for tally in totals::tallies(&mut tx, None).await?.iter().filter(|one| one.verdict == Verdict::Fail) {
            *counts.entry(tally.control.clone()).or_default() += tally.assets;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        let (control, count) = most.ok_or_else(|| BenchError::Setup("nothing fails".into()))?;
        let made = NewException {
            subject: Subject::Control { control, scope: ExceptionScope::default() },
            kind: ExceptionKind::Risk,
            reason: "measured".into(),
            until: (self.clock)() + chrono::TimeDelta::days(1),
            by: "bench".into(),
            by_name: "bench".into(),
            matched: count,
        };
        exceptions::add(&mut tx, &made, (self.clock)()).await?;
        tx.commit().await?;
        let started = Instant::now();
        settle_all(&self.store, self.tenant, self.clock).await?;
        Ok((count, started.elapsed().as_secs_f64()))
    }

    async fn queue(&self, (name, spec): &(String, ConnectionSpec)) -> Result<Uuid, BenchError> {
        let mut tx = self.store.begin(self.tenant).await?;
        let connection = connections::save(&mut tx, name, spec, INTERVAL_SECONDS, (self.clock)()).await?;
        runs::enqueue(&mut tx, connection, Reads::Changes, (self.clock)()).await?;
        tx.commit().await?;
        Ok(connection)
    }

    async fn last(&self, name: &str, connection: Uuid) -> Result<Last, BenchError> {
        let mut tx = self.store.begin(self.tenant).await?;
        match runs::last(&mut tx, connection).await? {
            Some(last) if last.state == "done" => Ok(last),
            Some(last) => {
                Err(BenchError::Setup(format!("{name}: {}: {}", last.state, last.fault.unwrap_or_default())))
            }
            None => Err(BenchError::Setup(format!("{name}: its run is gone"))),
        }
    }

    fn worker(&self) -> Worker {
        Worker {
            post: None,
            courier: None,
            liaison: None,
            store: self.store.clone(),
            vault: Vault::new(HouseKey::new([7; 32]), Vec::new()),
            key: FingerprintKey::new([7; 32]),
            outgoing: crate::config::Reach::Loopback,
            clock: self.clock,
            slots: 1,
        }
    }

    /// Stops the database and removes its folder.
    pub async fn stop(self) -> Result<(), BenchError> {
        drop(self.store);
        self.database.stop().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(std::fs::remove_dir_all(self.folder)?)
    }
}
