//! One run: read a connection's source, then judge what changed. The last run of a removed connection
//! reads nothing: it puts away what was read, or erases it.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::Worker;
use crate::auth::{AuthError, secrets};
use crate::collect::{self, Access, CollectError, Password};
use crate::outgoing::{Guard, Zone};
use crate::pipeline::assess::{Assess, assess};
use crate::pipeline::refresh::{RefreshError, refresh};
use crate::store::assessments::Scope;
use crate::store::connections::{self, Connection, keep};
use crate::store::runs::{self, Claim, Ending, Standing};
use crate::store::{StoreError, tickets};
use crate::telemetry::meter;

/// No source takes longer; a run that does is stuck.
const LONGEST: Duration = Duration::from_hours(6);
/// How often the heart beats.
const BEAT: Duration = Duration::from_secs(2);

/// Works on a claimed run until it has ended, beating its heart all the while. An error means that
/// the run could not be brought to an end here.
pub async fn work_on(worker: &Worker, claim: Claim) -> Result<(), RefreshError> {
    // In a task of its own: a heart beats also while the reading holds its thread.
    let mut heart = Heart(tokio::spawn(beat(worker.clone(), claim)));
    tokio::select! {
        outcome = read(worker, claim) => outcome,
        lost = &mut heart.0 => Err(lost.unwrap_or(RefreshError::Outdated)),
    }
}

/// A beating heart; it stops with its owner.
struct Heart(JoinHandle<RefreshError>);

impl Drop for Heart {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn read(worker: &Worker, claim: Claim) -> Result<(), RefreshError> {
    let started = Instant::now();
    let Some(connection) = connection(worker, claim).await? else { return Ok(()) };
    if connection.erase {
        return erase(worker, claim).await;
    }
    let read = if connection.removed_at.is_some() {
        put_away(worker, claim).await
    } else {
        Box::pin(collected(worker, claim, &connection)).await
    };
    let (ending, fault, mut standing) = match read {
        Ok(standing) => (Ending::Done, None, standing),
        Err(RefreshError::Collect(fault)) => (Ending::Failed, Some(fault.to_string()), Standing::default()),
        Err(other) => return Err(other),
    };
    let (source, gaps) = (connection.spec.provider().code(), standing.gaps);
    standing.phase = "judging".into();
    let what = Assess {
        tenant: claim.tenant,
        connection: Some(claim.connection),
        scope: Scope::Changed,
        run: Some(claim.run),
        clock: worker.clock,
    };
    let mut tx = worker.store.begin(claim.tenant).await?;
    if ending == Ending::Done {
        runs::beat(&mut tx, claim, (worker.clock)(), &standing).await?;
    }
    tx.commit().await?;
    assess(&worker.store, what).await?;
    let mut tx = worker.store.begin(claim.tenant).await?;
    if !runs::finish(&mut tx, claim, ending, fault.as_deref(), (worker.clock)()).await? {
        return Err(RefreshError::Outdated);
    }
    tx.commit().await?;
    meter::run_ended(source, ending.code(), started.elapsed());
    meter::gaps(source, u64::try_from(gaps).unwrap_or_default());
    Ok(())
}

async fn collected(worker: &Worker, claim: Claim, connection: &Connection) -> Result<Standing, RefreshError> {
    let opening = async {
        let access = access(worker, claim, connection).await?;
        collect::open(&connection.spec, access).await
    };
    let source = Box::pin(opened(opening)).await;
    let reading = refresh(&worker.store, claim.tenant, claim, &source, worker.clock);
    Box::pin(tokio::time::timeout(LONGEST, reading)).await.unwrap_or_else(|_| {
        let what = connection.name.clone();
        Err(CollectError::Invalid { what, problem: "reading it took longer than six hours".into() }.into())
    })
}

/// What opening the source takes. Its secret is unsealed here, for this run alone.
async fn access(worker: &Worker, claim: Claim, connection: &Connection) -> Result<Access, CollectError> {
    let secret = match connection.secret {
        None => None,
        Some(id) => Some(unsealed(worker, claim, id).await.map_err(|fault| CollectError::Invalid {
            what: "the kept secret".into(),
            problem: fault.to_string(),
        })?),
    };
    let guard = if connection.by_operator { Guard::to(Zone::Loopback) } else { Guard::new(worker.outgoing) };
    Ok(Access { key: worker.key.clone(), secret, guard })
}

async fn unsealed(worker: &Worker, claim: Claim, id: uuid::Uuid) -> Result<Password, AuthError> {
    let mut tx = worker.store.begin(claim.tenant).await?;
    secrets::open(&mut tx, &worker.vault, id).await.map(Password::new)
}

/// Nothing of a removed connection is there any more: its findings are resolved when it is judged.
async fn put_away(worker: &Worker, claim: Claim) -> Result<Standing, RefreshError> {
    let mut tx = worker.store.begin(claim.tenant).await?;
    keep::put_away(&mut tx, claim.connection).await?;
    tx.commit().await?;
    Ok(Standing::default())
}

/// The connection goes with everything read through it, this run too.
async fn erase(worker: &Worker, claim: Claim) -> Result<(), RefreshError> {
    let mut tx = worker.store.begin(claim.tenant).await?;
    keep::erase(&mut tx, claim.connection).await?;
    tickets::recount(&mut tx, (worker.clock)()).await?;
    Ok(tx.commit().await?)
}

/// A source that cannot even be opened is read like any other: as one gap that hides everything.
async fn opened<C: collect::Collector>(
    opening: impl Future<Output = Result<C, CollectError>>,
) -> collect::Opened<C> {
    collect::Opened::new(opening.await)
}

async fn connection(worker: &Worker, claim: Claim) -> Result<Option<Connection>, StoreError> {
    let mut tx = worker.store.begin(claim.tenant).await?;
    connections::get(&mut tx, claim.connection).await
}

/// Beats until the claim is lost. A database that is away for a moment loses nothing.
async fn beat(worker: Worker, claim: Claim) -> RefreshError {
    loop {
        tokio::time::sleep(BEAT).await;
        match touch(&worker, claim).await {
            Ok(false) => return RefreshError::Outdated,
            Ok(true) => {}
            Err(fault) => tracing::warn!(error = &fault as &dyn std::error::Error, "a heartbeat was lost"),
        }
    }
}

async fn touch(worker: &Worker, claim: Claim) -> Result<bool, StoreError> {
    let mut tx = worker.store.begin(claim.tenant).await?;
    let held = runs::touch(&mut tx, claim, (worker.clock)()).await?;
    tx.commit().await?;
    Ok(held)
}
