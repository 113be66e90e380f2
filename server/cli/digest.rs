//! `parallax digest preview`: what a digest would say now, without sending it.

use std::process::ExitCode;

use chrono::TimeDelta;

use crate::app::{self, App, AppFault};
use crate::config::Config;
use crate::pipeline::digest;
use crate::store::digests;

/// What to do with digests.
#[derive(Debug, clap::Subcommand)]
pub enum DigestCommand {
    /// Print what would be sent now
    Preview {
        /// Name of the digest; without it the last day is told
        name: Option<String>,
        /// As HTML
        #[arg(long)]
        html: bool,
    },
}

/// Runs it.
pub async fn run(config: &Config, command: &DigestCommand) -> Result<ExitCode, AppFault> {
    let DigestCommand::Preview { name, html } = command;
    let app = App::open(config).await?;
    let now = app::now();
    let mut tx = app.store.begin(app.tenant).await?;
    let day_ago = now - TimeDelta::days(1);
    let since = match name {
        None => Some(day_ago),
        Some(name) => {
            let all = digests::list(&mut tx).await?;
            all.iter().find(|one| one.name == *name).map(|one| one.covered_until.min(day_ago))
        }
    };
    let Some(since) = since else {
        drop(tx);
        app.close().await?;
        eprintln!("parallax: no digest is called {:?}", name.as_deref().unwrap_or_default());
        return Ok(ExitCode::from(2));
    };
    let told = digest::read(&mut tx, since, now).await?;
    drop(tx);
    app.close().await?;
    let base =
        config.public_url.as_ref().map_or_else(|| format!("http://{}", config.listen), url::Url::to_string);
    match digest::render(&told, &base, "(each recipient's own link)") {
        Ok((text, rich)) => println!("Subject: {}\n\n{}", told.subject(), if *html { rich } else { text }),
        Err(fault) => eprintln!("parallax: {fault}"),
    }
    Ok(ExitCode::SUCCESS)
}
