//! `parallax control list|explain|try`: the table of controls, on the command line.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Subcommand;

use crate::model::{Asset, Kind, Settings};
use crate::rules::{self, Context, Control};

/// The controls
#[derive(Debug, Subcommand)]
pub enum ControlCommand {
    /// List all controls
    List,
    /// Explain one control
    Explain {
        /// Its code: ACC-02
        code: String,
    },
    /// Judge an asset of your own: a JSON file with key, name, platform, kind and facts
    Try {
        /// Code of the control
        code: String,
        /// The file
        file: PathBuf,
    },
}

/// Runs the subcommand.
pub fn run(command: &ControlCommand, now: DateTime<Utc>) -> ExitCode {
    let outcome = match command {
        ControlCommand::List => {
            for control in rules::all() {
                println!("{}  {:<8}  {}", control.code, control.severity, control.title());
            }
            Ok(())
        }
        ControlCommand::Explain { code } => find(code).map(explain),
        ControlCommand::Try { code, file } => find(code).and_then(|control| judge(control, file, now)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("parallax: {problem}");
            ExitCode::from(2)
        }
    }
}

fn find(code: &str) -> Result<&'static Control, String> {
    rules::find(&code.to_uppercase())
        .ok_or_else(|| format!("there is no control {code:?}; `parallax control list` shows them"))
}

fn explain(control: &'static Control) {
    println!("{}  {}", control.code, control.title());
    println!("{}, {}, since {}", control.area.label(), control.severity.label(), control.since);
    for heading in ["Why it matters", "What to do"] {
        let text = control.section(heading).unwrap_or_default();
        println!("\n{heading}\n{}", text.lines().map(str::trim).collect::<Vec<_>>().join("\n"));
    }
    println!("\nReadings");
    for kind in Kind::ALL {
        match control.readings.fixed(*kind) {
            Some((verdict, why)) => println!("  {:<10}  {}: {why}", kind.label(), verdict.label()),
            None => println!("  {:<10}  Checked", kind.label()),
        }
    }
    println!("\nAlso asked by");
    for framework in control.frameworks {
        let (list, entry) = framework.parts();
        println!("  {list}: {entry}");
    }
}

fn judge(control: &Control, file: &PathBuf, now: DateTime<Utc>) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|cause| format!("{}: {cause}", file.display()))?;
    let asset: Asset = serde_json::from_str(&text).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let settings = Settings::default();
    let outcome = control.judge(&Context::fresh(&asset, &settings, now));
    println!("{}: {}", outcome.verdict.label(), outcome.reason);
    for evidence in &outcome.evidence {
        println!("  {}: {}", evidence.fact, evidence.value);
    }
    Ok(())
}
