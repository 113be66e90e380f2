//! `parallax bench`: measures the figures this program promises and prints them beside their bounds.
//!
//! It measures the real parts (collectors, rules, store, pages) and only what is asked for; results
//! lie in a folder, one file a measurement. It changes no database but scratch ones of its own.

mod account;
mod api;
mod crawl;
mod estate;
mod evaluate;
mod ground;
mod load;
mod moto;
mod pages;
mod peer;
mod reading;
mod recorder;
mod report;
mod usage;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use load::{Answers, ask};
pub use moto::Moto;
pub use recorder::{Recorder, replay};
pub use report::{Figure, Report};

use crate::collect::CollectError;
use crate::store::{PrivateError, StoreError};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// What the measurement needs is not there.
    #[error("{0}")]
    Setup(String),
    /// A source could not be read.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// A page was not answered.
    #[error(transparent)]
    Page(#[from] reqwest::Error),
    /// The database could not be started.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// The database refused something.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What to measure, and how large.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// What to measure; all of them where none is named.
    #[arg(value_enum)]
    what: Vec<Measurement>,
    /// Assets of the sample estate.
    #[arg(long, default_value_t = 100_000)]
    assets: u32,
    /// Folder for the results.
    #[arg(long, default_value = "bench/results")]
    results: PathBuf,
    /// Endpoint of a single pass.
    #[arg(long, hide = true, default_value = "")]
    endpoint: String,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Measurement {
    /// Every control over every asset, in memory.
    Evaluate,
    /// From the sample cloud to stored findings, and again a day later.
    Estate,
    /// Every page over a large estate, at a steady rate.
    Pages,
    /// The API and the digest over fifteen findings for each asset.
    Api,
    /// A full pass over an AWS account on moto, beside the bare calls.
    Account,
    /// One pass, for the measurement that watches it from outside.
    #[value(hide = true)]
    Pass,
}

const ALL: [Measurement; 5] =
    [Measurement::Evaluate, Measurement::Estate, Measurement::Pages, Measurement::Api, Measurement::Account];

/// Measures, prints a table for each measurement and writes its file. False where a bound was missed.
pub async fn run(args: BenchArgs, clock: fn() -> DateTime<Utc>) -> Result<bool, BenchError> {
    let wanted = if args.what.is_empty() { ALL.to_vec() } else { args.what };
    let mut good = true;
    for measurement in wanted {
        let report = match measurement {
            Measurement::Evaluate => evaluate::measure(args.assets, clock()).await?,
            Measurement::Estate => estate::measure(args.assets, clock).await?,
            Measurement::Pages => pages::measure(args.assets, clock).await?,
            Measurement::Api => api::measure(args.assets, clock).await?,
            Measurement::Account => account::measure().await?,
            Measurement::Pass => {
                println!("{}", account::pass(&args.endpoint, clock).await?);
                continue;
            }
        };
        println!("{}", report.table());
        report.write(&args.results)?;
        good &= report.good();
    }
    Ok(good)
}
