//! `parallax scan`: one pass over one source, printed; no database.
//!
//! Exit code 0: nothing at or above `--fail-on`; 1: something; 2: could not run.

mod format;
mod source;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use rand::RngExt;

use crate::analysis::secrets::FingerprintKey;
use crate::collect;
use crate::model::{Settings, Severity};
use crate::pipeline::scan::{self, ScanError, Summary};
use format::Printer;
pub use source::Source;

/// One pass over one source, without a database
#[derive(Debug, Args)]
pub struct Scan {
    #[command(subcommand)]
    source: Source,
    /// How to print verdicts
    #[arg(long, value_enum, default_value_t = Format::Table, global = true)]
    format: Format,
    /// Exit with 1 when a verdict fails at this severity or worse: critical, high, medium, low, info
    #[arg(long, default_value = "high", global = true)]
    fail_on: Severity,
    /// Region assets may live in (several); without it, FRM-03 says nothing
    #[arg(long = "allowed-region", global = true)]
    allowed_regions: Vec<String>,
    /// Account, beside an asset's own, that may be let in (several)
    #[arg(long = "trusted-account", global = true)]
    trusted_accounts: Vec<String>,
}

/// How verdicts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// What fails, worst first, for people
    Table,
    /// One JSON object a verdict, all verdicts
    Ndjson,
    /// One line a verdict, all verdicts
    Csv,
}

/// Runs a scan as of `now` and says how it ended.
pub async fn run(arguments: Scan, now: DateTime<Utc>) -> ExitCode {
    match scan(&arguments, now).await {
        Ok(summary) => conclude(&summary, arguments.fail_on),
        Err(ScanError::Output(cause)) if cause.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(2),
        Err(error) => {
            eprintln!("parallax scan: {error}");
            ExitCode::from(2)
        }
    }
}

async fn scan(arguments: &Scan, now: DateTime<Utc>) -> Result<Summary, ScanError> {
    // Fingerprints only tell variables of one run apart, so a key for this run alone will do.
    let key = FingerprintKey::new(rand::rng().random());
    let settings = Settings {
        allowed_regions: arguments.allowed_regions.clone(),
        trusted_accounts: arguments.trusted_accounts.clone(),
        ..Settings::default()
    };
    let collector = collect::open(&arguments.source.spec(), key).await?;
    let output = std::io::BufWriter::new(std::io::stdout().lock());
    let mut printer = Printer::new(output, arguments.format, std::io::stderr().is_terminal());
    let summary = scan::scan(&collector, &settings, now, &mut printer).await?;
    printer.finish()?;
    Ok(summary)
}

fn conclude(summary: &Summary, fail_on: Severity) -> ExitCode {
    let failing: Vec<_> =
        summary.failing.iter().map(|(severity, count)| format!("{count} {severity}")).collect();
    let failing = if failing.is_empty() {
        "nothing fails".to_owned()
    } else {
        format!("failing: {}", failing.join(", "))
    };
    let _ = writeln!(
        std::io::stderr(),
        "{} assets, {failing}, {} unknown, {} gaps",
        summary.assets,
        summary.unknown,
        summary.gaps
    );
    if summary.assets == 0 && summary.hidden {
        eprintln!("parallax scan: nothing could be read; the gaps above say why");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(summary.fails_at(fail_on)))
}
