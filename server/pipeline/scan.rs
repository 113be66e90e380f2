//! One pass without a database: collect, judge, hand each verdict to whoever prints it.
//!
//! The same collectors and the same controls as the service; nothing is kept, so memory does not
//! grow with the estate.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::analysis::history;
use crate::collect::{CollectError, Collector, Event, Progress, RunBuilder};
use crate::model::{Asset, Gap, Outcome, Settings, Severity, Verdict};
use crate::rules::{self, Context, Control};

/// Events that may wait between the collector and us.
const DEPTH: usize = 256;

/// Receives what a scan finds, as it finds it.
pub trait Observer {
    /// One asset with the verdict of every control, in the order of [`rules::all`].
    fn judged(&mut self, asset: &Asset, outcomes: &[Outcome]) -> std::io::Result<()>;
    /// Something could not be read.
    fn gap(&mut self, gap: &Gap);
    /// A phase moved on.
    fn progress(&mut self, progress: &Progress);
}

/// What a scan amounts to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Assets judged.
    pub assets: u64,
    /// Gaps met.
    pub gaps: u64,
    /// Whether a gap may have hidden assets.
    pub hidden: bool,
    /// Failing verdicts by severity.
    pub failing: BTreeMap<Severity, u64>,
    /// Unknown verdicts.
    pub unknown: u64,
}

impl Summary {
    /// Whether anything failed at `severity` or worse.
    pub fn fails_at(&self, severity: Severity) -> bool {
        self.failing.range(..=severity).any(|(_, count)| *count > 0)
    }

    fn count(&mut self, control: &Control, outcome: &Outcome) {
        match outcome.verdict {
            Verdict::Fail => {
                *self.failing.entry(outcome.severity.unwrap_or(control.severity)).or_default() += 1;
            }
            Verdict::Unknown => self.unknown += 1,
            _ => {}
        }
    }
}

/// Why a scan could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The source could not be read at all.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// What was found could not be written out.
    #[error("the output could not be written: {0}")]
    Output(#[from] std::io::Error),
}

/// Reads `collector` once and judges everything it finds as of `now`.
pub async fn scan<C: Collector>(
    collector: &C,
    settings: &Settings,
    now: DateTime<Utc>,
    observer: &mut impl Observer,
) -> Result<Summary, ScanError> {
    let (run, mut events) = RunBuilder::channel(DEPTH);
    let reading = async move { collector.collect(&run).await };
    // Owns the stream, so that it closes, and the reading stops, when the judging does.
    let judging = async move {
        let mut summary = Summary::default();
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(mut asset, _) => {
                    history::carry(None, now, &mut asset, now);
                    judge(&asset, settings, now, &mut summary, observer)?;
                }
                Event::Gap(gap) => {
                    summary.gaps += 1;
                    summary.hidden |= gap.hides_assets;
                    observer.gap(&gap);
                }
                Event::Progress(progress) => observer.progress(&progress),
                // Nothing was kept.
                Event::Ask(_) | Event::Seen(_) => {}
            }
        }
        Ok::<_, ScanError>(summary)
    };
    let (read, judged) = tokio::join!(reading, judging);
    // A broken pipe stops the judging, which stops the reading: the first cause is the one to tell.
    let summary = judged?;
    read?;
    Ok(summary)
}

fn judge(
    asset: &Asset,
    settings: &Settings,
    now: DateTime<Utc>,
    summary: &mut Summary,
    observer: &mut impl Observer,
) -> Result<(), ScanError> {
    let outcomes = rules::evaluate(&Context::fresh(asset, settings, now));
    summary.assets += 1;
    for (control, outcome) in rules::all().iter().zip(&outcomes) {
        summary.count(control, outcome);
    }
    Ok(observer.judged(asset, &outcomes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_on_counts_the_worse_ones_too() {
        let summary = Summary { failing: BTreeMap::from([(Severity::High, 1)]), ..Summary::default() };
        assert!(summary.fails_at(Severity::High));
        assert!(summary.fails_at(Severity::Low));
        assert!(!summary.fails_at(Severity::Critical));
    }
}
