//! Every control over every asset of a sample estate, in memory, on all cores.

use std::time::Instant;

use chrono::{DateTime, Utc};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::reading::{Found, read};
use super::report::{Figure, Report};
use super::{BenchError, usage};
use crate::demo::{SampleCloud, Shape};
use crate::model::{Asset, Outcome, Settings, Verdict};
use crate::rules::{self, Context};

/// Times the same work is done; the fastest counts.
const ROUNDS: usize = 5;
/// Wanted at most, in seconds, at 100,000 assets.
const AT_MOST: f64 = 2.0;

/// Measures with about `assets` assets.
pub async fn measure(assets: u32, now: DateTime<Utc>) -> Result<Report, BenchError> {
    let command = format!("./dev bench evaluate --assets {assets}");
    let shape = Shape { assets, throttle_every: 0, ..Shape::default() };
    let cloud = SampleCloud::start(shape).await?;
    let (mut found, started) = (Found::default(), Instant::now());
    for (name, spec) in cloud.connections() {
        eprintln!("• reading {name}");
        read(&spec, &mut found).await?;
    }
    let reading = started.elapsed().as_secs_f64();
    let assets = &found.assets;
    let (floor, _) = fastest(|| walk(assets));
    let (wall, failing) = fastest(|| evaluate(assets, now));
    let verdicts = assets.len() * rules::all().len();
    let figures = vec![
        Figure::told("assets", assets.len() as f64, ""),
        Figure::told("controls", rules::all().len() as f64, ""),
        Figure::told("failing verdicts", failing as f64, ""),
        Figure::told("floor: as many empty outcomes", floor, "s"),
        Figure::bound("evaluation", wall, "s", AT_MOST),
        Figure::told("per verdict", wall * 1e9 / verdicts.max(1) as f64, "ns"),
        Figure::told("reading them from the sample cloud", reading, "s"),
        Figure::told("peak memory, all assets held at once", usage::peak_mb(), "MB"),
    ];
    Ok(Report::new("evaluate", command, figures))
}

fn fastest(work: impl Fn() -> usize) -> (f64, usize) {
    let mut best = (f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let outcome = work();
        best = (started.elapsed().as_secs_f64().min(best.0), outcome);
    }
    best
}

fn evaluate(assets: &[Asset], now: DateTime<Utc>) -> usize {
    let settings = Settings::default();
    assets
        .par_iter()
        .map(|asset| {
            let context = Context::fresh(asset, &settings, now);
            failing(&rules::evaluate(&context))
        })
        .sum()
}

/// The least any evaluation must do: touch each asset and hand over one outcome for each control.
fn walk(assets: &[Asset]) -> usize {
    let count = rules::all().len();
    let empty = |asset: &Asset| (0..count).map(|_| Outcome::pass(asset.kind().code())).collect::<Vec<_>>();
    assets.par_iter().map(|asset| failing(&std::hint::black_box(empty(asset)))).sum()
}

fn failing(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail).count()
}
