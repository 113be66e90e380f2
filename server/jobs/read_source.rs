//! One run: read a connection's source, then judge what changed.

use std::future::Future;
use std::time::Duration;

use super::Worker;
use crate::collect::{self, CollectError};
use crate::pipeline::assess::{Assess, assess};
use crate::pipeline::refresh::{RefreshError, refresh};
use crate::store::StoreError;
use crate::store::assessments::Scope;
use crate::store::connections::{self, Connection};
use crate::store::runs::{self, Claim, Ending, Standing};

/// No source takes longer; a run that does is stuck.
const LONGEST: Duration = Duration::from_hours(6);
/// How often the heart beats.
const BEAT: Duration = Duration::from_secs(5);

/// Works on a claimed run until it has ended, beating its heart all the while. An error means that
/// the run could not be brought to an end here.
pub async fn work_on(worker: &Worker, claim: Claim) -> Result<(), RefreshError> {
    tokio::select! {
        outcome = read(worker, claim) => outcome,
        lost = beat(worker, claim) => Err(lost),
    }
}

async fn read(worker: &Worker, claim: Claim) -> Result<(), RefreshError> {
    let connection = connection(worker, claim).await?;
    let read = match connection {
        Some(connection) => Box::pin(collected(worker, claim, &connection)).await,
        None => return Ok(()),
    };
    let (ending, fault, mut standing) = match read {
        Ok(standing) => (Ending::Done, None, standing),
        Err(RefreshError::Collect(fault)) => (Ending::Failed, Some(fault.to_string()), Standing::default()),
        Err(other) => return Err(other),
    };
    standing.phase = "judging".into();
    let what = Assess {
        tenant: claim.tenant,
        connection: Some(claim.connection),
        scope: Scope::Changed,
        run: Some(claim.run),
        now: (worker.clock)(),
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
    Ok(tx.commit().await?)
}

async fn collected(worker: &Worker, claim: Claim, connection: &Connection) -> Result<Standing, RefreshError> {
    let source = Box::pin(opened(collect::open(&connection.spec, worker.key.clone()))).await;
    let reading = refresh(&worker.store, claim.tenant, claim, &source, worker.clock);
    tokio::time::timeout(LONGEST, reading).await.unwrap_or_else(|_| {
        let what = connection.name.clone();
        Err(CollectError::Invalid { what, problem: "reading it took longer than six hours".into() }.into())
    })
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
async fn beat(worker: &Worker, claim: Claim) -> RefreshError {
    loop {
        tokio::time::sleep(BEAT).await;
        match touch(worker, claim).await {
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
