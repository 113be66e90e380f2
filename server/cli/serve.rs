//! `parallax serve` and `parallax worker`.

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, App, AppFault};
use crate::config::Config;

/// Serve the dashboard
#[derive(Debug, Args)]
pub struct Serve {
    /// Leave runs to `parallax worker`
    #[arg(long)]
    no_worker: bool,
}

/// Serves until told to stop. The address is taken first: a port that is taken is told at once.
pub async fn serve(config: &Config, arguments: &Serve) -> Result<ExitCode, AppFault> {
    let listener = app::listen(config.listen).await?;
    let stop = app::stop_signal()?;
    let app = App::open(config).await?;
    let worker = (!arguments.no_worker).then(|| tokio::spawn(app.worker().run(stop.clone())));
    println!("Parallax answers on http://{}", config.listen);
    if config.login
        && let Some(link) = app.first_link(config.listen).await?
    {
        println!("Nobody can log in yet. Open this link within a day to become the owner:\n{link}");
    }
    let served = app.serve(listener, stop.clone()).await;
    stop.cancel();
    if let Some(worker) = worker {
        // A worker that panicked has told so in the log; the server ends all the same.
        let _ = worker.await;
    }
    app.close().await?;
    served.map(|()| ExitCode::SUCCESS)
}

/// Works on runs until told to stop.
pub async fn work(config: &Config) -> Result<ExitCode, AppFault> {
    let stop = app::stop_signal()?;
    let app = App::open(config).await?;
    app.worker().run(stop).await;
    app.close().await?;
    Ok(ExitCode::SUCCESS)
}
