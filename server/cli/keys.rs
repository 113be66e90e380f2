//! `parallax keys rotate`: seals every secret with the present key.

use std::process::ExitCode;

use clap::Subcommand;

use crate::app::{App, AppFault};
use crate::auth::rotate::rotate;
use crate::config::Config;

/// The house's key
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Seal everything anew that PARALLAX_FORMER_KEY sealed; may be stopped and begun again
    Rotate,
}

/// Runs the subcommand: 0 where everything is sealed with the present key, 1 where something could
/// not be opened.
pub async fn run(config: &Config, command: &Keys) -> Result<ExitCode, AppFault> {
    let Keys::Rotate = command;
    let app = App::open(config).await?;
    let done = rotate(&app.store, app.vault()).await;
    let key = app.vault().key_id();
    app.close().await?;
    let done = done?;
    println!(
        "key {key} seals everything: {} secrets, {} second factors and {} of log-in providers were sealed anew",
        done.secrets, done.factors, done.providers
    );
    if done.unopened > 0 {
        eprintln!(
            "parallax: {} could not be opened with PARALLAX_KEY or PARALLAX_FORMER_KEY and stay as they were; the log names them",
            done.unopened
        );
        return Ok(ExitCode::from(1));
    }
    println!("PARALLAX_FORMER_KEY can be taken away");
    Ok(ExitCode::SUCCESS)
}
