//! `parallax collect --connection NAME`: one run now, with its progress on standard error.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{self, App, AppFault};
use crate::config::Config;
use crate::store::run_status::{self, Status};
use crate::store::runs::{self, Reads};
use crate::store::{StoreError, connections};

/// How often to look how far the run has come.
const LOOK: Duration = Duration::from_millis(500);

/// Read one connection now
#[derive(Debug, Args)]
pub struct Collect {
    /// Name of the connection
    #[arg(long)]
    connection: String,
}

/// Queues a run of the connection (or joins the one that waits or is under way), and tells how it
/// ended: 0 done, 1 nothing could be read, 2 could not run.
pub async fn run(config: &Config, arguments: &Collect) -> Result<ExitCode, AppFault> {
    let stop = app::Stop::on_signals()?.asked;
    let app = App::open(config).await?;
    let ending = collect(&app, &arguments.connection, &stop).await;
    app.close().await?;
    ending
}

async fn collect(app: &App, name: &str, stop: &CancellationToken) -> Result<ExitCode, AppFault> {
    let mut tx = app.store.begin(app.tenant).await?;
    let Some(connection) = connections::by_name(&mut tx, name).await? else {
        eprintln!("parallax: there is no connection named {name:?}; `parallax connection list` shows them");
        return Ok(ExitCode::from(2));
    };
    runs::enqueue(&mut tx, connection.id, Reads::Everything, app::now()).await?;
    let first = run_status::latest(&mut tx, connection.id).await?;
    tx.commit().await?;
    let Some(first) = first else { return Ok(ExitCode::from(2)) };
    let Some(mut status) = reach_the_end(app, first, stop).await? else { return Ok(ExitCode::from(2)) };
    let mut tx = app.store.begin(app.tenant).await?;
    let latest = run_status::latest(&mut tx, connection.id).await?;
    drop(tx);
    // Had it been under way already, reading only what may have changed, another one makes up for that.
    if let Some(second) = latest.filter(|latest| *latest != first) {
        let Some(made_up) = reach_the_end(app, second, stop).await? else { return Ok(ExitCode::from(2)) };
        status = made_up;
    }
    Ok(conclude(name, status))
}

/// Follows a run to its end and works on it meanwhile; none where we were told to stop.
async fn reach_the_end(
    app: &App,
    run: Uuid,
    stop: &CancellationToken,
) -> Result<Option<Option<Status>>, AppFault> {
    tokio::select! {
        status = follow(app, run) => Ok(Some(status?)),
        // Only a failure ends it: a run that ends is told of by its status.
        failed = work(app, run, stop) => failed.map(|()| None).map_err(AppFault::from),
    }
}

/// Works on the run, or waits while another worker has it; returns when told to stop.
async fn work(app: &App, run: Uuid, stop: &CancellationToken) -> Result<(), StoreError> {
    let worker = app.worker();
    while !stop.is_cancelled() {
        worker.work_on_one(app.tenant, run, stop).await?;
        sleep(LOOK).await;
    }
    eprintln!("parallax: stopped; the run waits for another worker");
    Ok(())
}

/// Prints how far the run has come until it has ended.
async fn follow(app: &App, run: Uuid) -> Result<Option<Status>, StoreError> {
    let mut last = String::new();
    loop {
        let mut tx = app.store.begin(app.tenant).await?;
        let status = run_status::get(&mut tx, run).await?;
        drop(tx);
        let Some(status) = status else { return Ok(None) };
        if status.ended {
            return Ok(Some(status));
        }
        let line = match status.total {
            Some(total) => format!("{}: {} of {total}", status.phase, status.done),
            None if status.done > 0 => format!("{}: {}", status.phase, status.done),
            None => status.phase,
        };
        if line != last && !line.is_empty() {
            eprintln!("{line}");
            last = line;
        }
        sleep(LOOK).await;
    }
}

fn conclude(name: &str, status: Option<Status>) -> ExitCode {
    let Some(status) = status else {
        eprintln!("parallax: {name} was removed meanwhile");
        return ExitCode::from(2);
    };
    println!(
        "{name}: {}, {} assets seen, {} new or changed, {} gaps, {} open findings{}",
        status.state,
        status.seen,
        status.changed,
        status.gaps,
        status.open_findings,
        status.fault.map_or(String::new(), |fault| format!(": {fault}"))
    );
    ExitCode::from(match status.state.as_str() {
        "done" => 0,
        "failed" => 1,
        _ => 2,
    })
}
