//! A full pass over an AWS account on moto, beside the same calls with nothing around them, and beside another
//! scanner where one is named.
//!
//! The pass runs in a process of its own, so that its processor time and memory are its own.

use std::process::Stdio;

use chrono::{DateTime, Utc};
use tokio::process::Command;

use super::ground::{Ground, Pass};
use super::moto::{Moto, REGION};
use super::peer::{self, Peer};
use super::recorder::{Recorder, replay};
use super::report::{Figure, Report};
use super::{BenchError, usage};
use crate::model::{AwsCredentials, AwsSpec, ConnectionSpec};

const FUNCTIONS: u32 = 1_000;
const REPOSITORIES: u32 = 100;
/// Bare calls under way at once. moto answers no faster with more.
const AT_ONCE: usize = 32;
/// Times each is measured, in turn; the fastest of each counts.
const ROUNDS: usize = 3;
const AT_MOST_TIMES: f64 = 1.2;
const AT_MOST_PROCESSOR: f64 = 2.0;
const AT_MOST_MB: f64 = 150.0;
/// What the other scanner used where the bounds were set. A machine that is slower for it is slower for us.
const PEER_PROCESSOR: f64 = 37.0;

/// What the process of its own tells of itself.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
struct Told {
    pass: Pass,
    processor_seconds: f64,
    peak_mb: f64,
}

/// Measures.
pub async fn measure() -> Result<Report, BenchError> {
    let scanner = peer::program()?;
    let moto = Moto::start().await?;
    eprintln!("• filling an account with {FUNCTIONS} functions and {REPOSITORIES} repositories");
    moto.fill(FUNCTIONS, REPOSITORIES).await?;
    let recorder = Recorder::start(&moto.address).await?;
    eprintln!("• taking down the calls of one pass");
    in_a_process(&format!("http://{}", recorder.address)).await?;
    let calls = recorder.calls();
    let (mut bare, mut floor, mut best): (f64, f64, Option<Told>) = (f64::INFINITY, f64::INFINITY, None);
    for round in 1..=ROUNDS {
        eprintln!("• round {round} of {ROUNDS}");
        let before = usage::processor();
        let (wall, failed) = replay(&moto.address, &calls, AT_ONCE).await;
        floor = floor.min(usage::processor().saturating_sub(before).as_secs_f64());
        if failed > 0 {
            return Err(BenchError::Setup(format!("{failed} of the bare calls got no answer")));
        }
        bare = bare.min(wall.as_secs_f64());
        let told = in_a_process(&moto.address).await?;
        if best.is_none_or(|best| told.pass.seconds < best.pass.seconds) {
            best = Some(told);
        }
    }
    let best = best.ok_or_else(|| BenchError::Setup("nothing was measured".into()))?;
    let peer = match scanner {
        Some(program) => {
            eprintln!("• the other scanner");
            Some(peer::pass(program, &moto.address).await?)
        }
        None => None,
    };
    let mut figures = vec![
        Figure::told("functions", f64::from(FUNCTIONS), ""),
        Figure::told("repositories", f64::from(REPOSITORIES), ""),
        Figure::told("assets seen", best.pass.seen as f64, ""),
        Figure::told("gaps (calls moto does not know)", best.pass.gaps as f64, ""),
        Figure::told("calls", calls.len() as f64, ""),
        Figure::told("bare calls, 32 at once", bare, "s"),
        Figure::bound("full pass: collect, evaluate, store", best.pass.seconds, "s", bare * AT_MOST_TIMES),
        Figure::bound("full pass in bare calls", best.pass.seconds / bare, "times", AT_MOST_TIMES),
        Figure::told("processor time of the bare calls", floor, "s"),
        Figure::bound("own processor time", best.processor_seconds, "s", AT_MOST_PROCESSOR),
        Figure::bound("own peak memory", best.peak_mb, "MB", AT_MOST_MB),
    ];
    figures.extend(peer.into_iter().flat_map(|peer| beside(&best, peer)));
    let command = if peer.is_some() { "./dev bench account --peer" } else { "./dev bench account" };
    Ok(Report::new("account", command, figures))
}

/// Our pass beside that of another scanner.
fn beside(ours: &Told, peer: Peer) -> Vec<Figure> {
    let share = ours.processor_seconds / peer.processor_seconds;
    vec![
        Figure::told("Prowler: lambda, ecr, ecs, iam", peer.seconds, "s"),
        Figure::told("Prowler: processor time", peer.processor_seconds, "s"),
        Figure::told("Prowler: peak memory", peer.peak_mb, "MB"),
        Figure::told("full pass in Prowler's", ours.pass.seconds / peer.seconds, "times"),
        Figure::bound("own processor time in Prowler's", share, "times", AT_MOST_PROCESSOR / PEER_PROCESSOR),
    ]
}

async fn in_a_process(endpoint: &str) -> Result<Told, BenchError> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args(["bench", "pass", "--endpoint", endpoint])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(BenchError::Setup(format!("the pass ended with {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| BenchError::Setup(error.to_string()))
}

/// The process of its own: one pass over the account at `endpoint` into a scratch database.
pub async fn pass(endpoint: &str, clock: fn() -> DateTime<Utc>) -> Result<String, BenchError> {
    let ground = Ground::new(clock).await?;
    let spec = ConnectionSpec::Aws(AwsSpec {
        regions: vec![REGION.into()],
        credentials: AwsCredentials::Sample,
        endpoint: Some(endpoint.into()),
    });
    let before = usage::processor();
    let pass = ground.pass(&[("account".into(), spec)]).await?;
    let processor_seconds = usage::processor().as_secs_f64() - before.as_secs_f64();
    ground.stop().await?;
    let told = Told { pass, processor_seconds, peak_mb: usage::peak_mb() };
    serde_json::to_string(&told).map_err(|error| BenchError::Setup(error.to_string()))
}
