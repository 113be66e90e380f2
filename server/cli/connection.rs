//! `parallax connection add|list|remove`.

use std::process::ExitCode;

use clap::Subcommand;

use super::scan::Source;
use crate::app::{self, App, AppFault};
use crate::config::Config;
use crate::store::connections;

/// Connections: the sources Parallax may read
#[derive(Debug, Subcommand)]
pub enum Connection {
    /// Add a connection, or change the one of this name
    Add {
        /// Its name
        #[arg(long)]
        name: String,
        /// How often it is read, in seconds
        #[arg(long, default_value_t = 21_600, value_parser = clap::value_parser!(i64).range(60..=2_592_000))]
        every: i64,
        /// What it reads
        #[command(subcommand)]
        source: Source,
    },
    /// List connections
    List,
    /// Remove a connection with everything read through it
    Remove {
        /// Its name
        name: String,
    },
}

/// Runs the subcommand.
pub async fn run(config: &Config, command: Connection) -> Result<ExitCode, AppFault> {
    let app = App::open(config).await?;
    let done = change(&app, command).await;
    app.close().await?;
    done
}

async fn change(app: &App, command: Connection) -> Result<ExitCode, AppFault> {
    let mut tx = app.store.begin(app.tenant).await?;
    match command {
        Connection::Add { name, every, source } => {
            connections::save(&mut tx, &name, &source.spec(), every, app::now()).await?;
            tx.commit().await?;
            println!("{name} is saved; `parallax collect --connection {name}` reads it now");
        }
        Connection::List => {
            for one in connections::list(&mut tx).await? {
                let paused = if one.paused { ", paused" } else { "" };
                println!("{}\t{}\tevery {} s{paused}", one.name, one.provider.label(), one.interval_seconds);
            }
        }
        Connection::Remove { name } => {
            if !connections::remove(&mut tx, &name, app::now()).await? {
                eprintln!("parallax: there is no connection named {name:?}");
                return Ok(ExitCode::from(2));
            }
            tx.commit().await?;
            println!("{name} is removed with everything read through it");
        }
    }
    Ok(ExitCode::SUCCESS)
}
