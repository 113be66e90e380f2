//! The command line: one file a subcommand.

mod bench;
mod collect;
mod connection;
mod control;
mod demo;
mod digest;
mod keys;
mod scan;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::{self, AppFault};
use crate::bench::BenchArgs;
use crate::config::Config;

/// One estate from two standpoints: the posture of serverless functions and containers
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Bring the schema up to date
#[derive(Debug, clap::Args)]
struct Migrate {
    /// Another database than PARALLAX_DATABASE_URL
    #[arg(long)]
    database_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the dashboard, with a worker inside
    Serve(serve::Serve),
    /// Work on runs, without a dashboard
    Worker,
    /// Bring the database's schema up to date
    Migrate(Migrate),
    /// Read one connection now and wait for the end
    Collect(collect::Collect),
    /// Add, list and remove connections
    #[command(subcommand)]
    Connection(connection::Connection),
    /// List and explain the controls, and try them on facts of your own
    #[command(subcommand)]
    Control(control::ControlCommand),
    /// Look at digests before they are sent
    #[command(subcommand)]
    Digest(digest::DigestCommand),
    /// Change the key that seals secrets
    #[command(subcommand)]
    Keys(keys::Keys),
    /// One pass over one source, without a database
    Scan(scan::Scan),
    /// Serve the dashboard over a sample cloud: no account, no database, nothing to set up
    Demo(demo::Demo),
    /// Measure what is promised
    #[command(hide = true)]
    Bench(BenchArgs),
    /// Show the configuration in force, and everything wrong with it
    CheckConfig,
}

/// Runs the command the arguments name.
pub async fn run(cli: Cli) -> ExitCode {
    match cli.command {
        Command::Scan(arguments) => return scan::run(arguments, app::now()).await,
        Command::Control(command) => return control::run(&command, app::now()),
        Command::Bench(arguments) => return bench::run(arguments).await,
        Command::CheckConfig => return check_config(),
        _ => {}
    }
    let config = match Config::from_environment() {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(2);
        }
    };
    let logs = app::Logs::start(&config);
    let outcome = match cli.command {
        Command::Serve(arguments) => serve::serve(&config, &arguments).await,
        Command::Worker => serve::work(&config).await,
        Command::Migrate(arguments) => migrate(config, arguments).await,
        Command::Collect(arguments) => collect::run(&config, &arguments).await,
        Command::Connection(command) => connection::run(&config, command).await,
        Command::Digest(command) => digest::run(&config, &command).await,
        Command::Keys(command) => keys::run(&config, &command).await,
        Command::Demo(arguments) => demo::run(&config, &arguments).await,
        Command::Scan(_) | Command::Control(_) | Command::Bench(_) | Command::CheckConfig => {
            Ok(ExitCode::SUCCESS)
        }
    };
    logs.end();
    outcome.unwrap_or_else(|fault| {
        eprintln!("parallax: {fault}");
        ExitCode::from(2)
    })
}

async fn migrate(mut config: Config, arguments: Migrate) -> Result<ExitCode, AppFault> {
    config.database_url = arguments.database_url.or(config.database_url);
    app::App::open(&config).await?.close().await?;
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

fn check_config() -> ExitCode {
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    for (name, value, set) in Config::lines(&environment) {
        println!("{name}={value}{}", if set { "" } else { "  (default)" });
    }
    match Config::read(&environment) {
        Ok(_) => ExitCode::SUCCESS,
        Err(faults) => {
            eprintln!("\n{faults}");
            ExitCode::from(2)
        }
    }
}
