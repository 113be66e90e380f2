//! A scratch database and passes over connections into it, as the worker makes them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::try_join_all;

use super::BenchError;
use crate::analysis::secrets::FingerprintKey;
use crate::collect;
use crate::model::{ConnectionSpec, TenantId};
use crate::pipeline::assess::{Assess, assess};
use crate::pipeline::refresh::refresh;
use crate::store::assessments::Scope;

use crate::store::runs::Ending;
use crate::store::{PrivatePostgres, Store, connections, runs, tenants};

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
    /// Of that, until everything was read and stored.
    pub reading_seconds: f64,
    /// Assets seen.
    pub seen: i64,
    /// Assets new or changed.
    pub changed: i64,
    /// Assets judged.
    pub judged: u64,
    /// Findings opened, resolved or changed.
    pub findings: u64,
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

    /// Reads all of these connections at once, stores and judges what they hold.
    pub async fn pass(&self, sources: &[(String, ConnectionSpec)]) -> Result<Pass, BenchError> {
        let started = Instant::now();
        let passes = sources.iter().map(|(name, spec)| self.one(name, spec, started));
        let mut whole = Pass::default();
        for pass in try_join_all(passes).await? {
            whole.reading_seconds = whole.reading_seconds.max(pass.reading_seconds);
            whole.seen += pass.seen;
            whole.changed += pass.changed;
            whole.judged += pass.judged;
            whole.findings += pass.findings;
            whole.gaps += pass.gaps;
        }
        whole.seconds = started.elapsed().as_secs_f64();
        Ok(whole)
    }

    async fn one(&self, name: &str, spec: &ConnectionSpec, started: Instant) -> Result<Pass, BenchError> {
        let collector = collect::open(spec, FingerprintKey::new([7; 32])).await?;
        let mut tx = self.store.begin(self.tenant).await?;
        let connection = connections::save(&mut tx, name, spec, INTERVAL_SECONDS, (self.clock)()).await?;
        runs::enqueue(&mut tx, connection, (self.clock)()).await?;
        let claim = runs::claim(&mut tx, (self.clock)()).await?;
        tx.commit().await?;
        let claim = claim.ok_or_else(|| BenchError::Setup(format!("{name}: no run to claim")))?;
        let standing = refresh(&self.store, self.tenant, claim, &collector, self.clock).await?;
        let reading = started.elapsed();
        let what = Assess {
            tenant: self.tenant,
            connection: Some(connection),
            scope: Scope::Changed,
            run: Some(claim.run),
            now: (self.clock)(),
        };
        let assessed = assess(&self.store, what).await?;
        let mut tx = self.store.begin(self.tenant).await?;
        runs::finish(&mut tx, claim, Ending::Done, None, (self.clock)()).await?;
        tx.commit().await?;
        Ok(Pass {
            seconds: started.elapsed().as_secs_f64(),
            reading_seconds: reading.as_secs_f64(),
            seen: standing.seen,
            changed: standing.changed,
            judged: assessed.assets,
            findings: assessed.findings,
            gaps: standing.gaps,
        })
    }

    /// Stops the database and removes its folder.
    pub async fn stop(self) -> Result<(), BenchError> {
        drop(self.store);
        self.database.stop().await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(std::fs::remove_dir_all(self.folder)?)
    }
}
