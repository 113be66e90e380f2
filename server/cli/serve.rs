//! `parallax serve` and `parallax worker`.

use std::process::ExitCode;

use clap::Args;

use crate::app::{self, App, AppFault, Stop};
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
    let listener = app::listen("PARALLAX_LISTEN", config.listen).await?;
    let address = listener.local_addr().map_err(|cause| AppFault::Listen(cause.to_string()))?;
    let stop = Stop::on_signals()?;
    let app = App::open(config).await?;
    let numbers = app.tell_numbers(&stop).await?;
    let worker = (!arguments.no_worker).then(|| tokio::spawn(app.worker().run(stop.asked.clone())));
    println!("Parallax answers on http://{address}");
    if config.login
        && let Some(link) = app.first_link(address).await?
    {
        println!("Nobody can log in yet. Open this link within a day to become the owner:\n{link}");
    }
    let served = app.serve(listener, &stop).await;
    stop.now();
    // What panicked has told so in the log; the server ends all the same.
    for task in [worker, numbers].into_iter().flatten() {
        let _ = task.await;
    }
    app.close().await?;
    served.map(|()| ExitCode::SUCCESS)
}

/// Works on runs until told to stop.
pub async fn work(config: &Config) -> Result<ExitCode, AppFault> {
    let stop = Stop::on_signals()?;
    let app = App::open(config).await?;
    let numbers = app.tell_numbers(&stop).await?;
    app.worker().run(stop.asked.clone()).await;
    stop.now();
    if let Some(numbers) = numbers {
        let _ = numbers.await;
    }
    app.close().await?;
    Ok(ExitCode::SUCCESS)
}
