//! `parallax collect --connection NAME`: one run now, with its progress on standard error.

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, App, AppFault};
use crate::config::Config;
use crate::store::{connections, runs};

/// Read one connection now
#[derive(Debug, Args)]
pub struct Collect {
    /// Name of the connection
    #[arg(long)]
    connection: String,
}

/// Queues a run of the connection (or joins the one that waits), works on what waits, and tells how
/// it ended: 0 done, 1 nothing could be read, 2 could not run.
pub async fn run(config: &Config, arguments: &Collect) -> Result<ExitCode, AppFault> {
    let stop = app::stop_signal()?;
    let app = App::open(config).await?;
    let ending = collect(&app, &arguments.connection, &stop).await;
    app.close().await?;
    ending
}

async fn collect(
    app: &App,
    name: &str,
    stop: &tokio_util::sync::CancellationToken,
) -> Result<ExitCode, AppFault> {
    let mut tx = app.store.begin(app.tenant).await?;
    let Some(connection) = connections::by_name(&mut tx, name).await? else {
        eprintln!("parallax: there is no connection named {name:?}; `parallax connection list` shows them");
        return Ok(ExitCode::from(2));
    };
    runs::enqueue(&mut tx, connection.id, app::now()).await?;
    tx.commit().await?;
    let worker = app.worker();
    while !stop.is_cancelled() && worker.work_once(stop).await? {}
    let mut tx = app.store.begin(app.tenant).await?;
    let Some(last) = runs::last(&mut tx, connection.id).await? else { return Ok(ExitCode::from(2)) };
    println!(
        "{}: {}, {} assets seen, {} new or changed, {} gaps{}",
        connection.name,
        last.state,
        last.seen,
        last.changed,
        last.gaps,
        last.fault.map_or(String::new(), |fault| format!(": {fault}"))
    );
    Ok(ExitCode::from(match last.state.as_str() {
        "done" => 0,
        "failed" => 1,
        _ => 2,
    }))
}
