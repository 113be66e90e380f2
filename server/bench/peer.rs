//! The best known open scanner over the same account: how long it takes, what it uses.
//!
//! It is measured where it is named only: with all it depends on it takes more than two gigabytes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::moto::REGION;
use super::{BenchError, usage};

/// What it reads: as where the bounds were set.
const SERVICES: [&str; 4] = ["awslambda", "ecr", "ecs", "iam"];
/// Longest wait for it.
const WITHIN: Duration = Duration::from_mins(30);

/// What a pass of the scanner took.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// From its start to its end.
    pub seconds: f64,
    /// Of it and what it started.
    pub processor_seconds: f64,
    /// Most it held, or a program that was measured before it.
    pub peak_mb: f64,
}

/// The Prowler that `PARALLAX_BENCH_PEER` names, if it names one. Fails where it is not there.
pub fn program() -> Result<Option<PathBuf>, BenchError> {
    let Some(path) = std::env::var_os("PARALLAX_BENCH_PEER").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let path = PathBuf::from(path);
    if path.is_file() {
        return Ok(Some(path));
    }
    let problem = "PARALLAX_BENCH_PEER names no program; ./dev bench account --peer installs one";
    Err(BenchError::Setup(format!("{}: {problem}", path.display())))
}

/// One pass of it over the account at `endpoint`.
pub async fn pass(program: PathBuf, endpoint: &str) -> Result<Peer, BenchError> {
    let folder = std::env::temp_dir().join(format!("parallax-peer-{}", std::process::id()));
    let before = usage::of_children();
    let started = Instant::now();
    let running = Command::new(&program)
        .args(["aws", "--no-banner", "--ignore-exit-code-3", "--region", REGION, "--service"])
        .args(SERVICES)
        .args(["--output-formats", "csv", "--output-directory"])
        .arg(&folder)
        .envs([("AWS_ENDPOINT_URL", endpoint), ("AWS_DEFAULT_REGION", REGION)])
        .envs([("AWS_ACCESS_KEY_ID", "sample"), ("AWS_SECRET_ACCESS_KEY", "sample")])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ended = tokio::time::timeout(WITHIN, running).await;
    let seconds = started.elapsed().as_secs_f64();
    let found = std::fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some());
    // What it wrote is of no use; that it wrote something shows that it read the account.
    std::fs::remove_dir_all(&folder).or_else(|gone| match gone.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(gone),
    })?;
    let failed = |problem: String| BenchError::Setup(format!("{}: {problem}", program.display()));
    let output = ended.map_err(|_| failed("it did not end within half an hour".into()))??;
    if !output.status.success() || !found {
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(failed(format!("it found nothing and ended with {}: {last}", output.status)));
    }
    let after = usage::of_children();
    Ok(Peer {
        seconds,
        processor_seconds: after.processor.saturating_sub(before.processor).as_secs_f64(),
        peak_mb: after.peak_mb,
    })
}
