//! From verdicts to numbers: an asset's score and coverage, and a finding's priority.
//!
//! Pure. Scores of areas, families, connections and the estate are means of asset scores, which
//! the store keeps as sums; see [`Sum`].

mod priority;

pub use priority::{Priority, Standing};

use crate::model::{Area, Severity, Verdict};

/// One verdict as far as a score cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// Area of the control.
    pub area: Area,
    /// Severity of the reading.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
}

/// A score with its coverage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// 0 to 100; none where nothing that weighs is known.
    pub score: Option<f64>,
    /// Applicable verdicts that are known: pass or fail.
    pub known: u32,
    /// Applicable verdicts that are not.
    pub unknown: u32,
    /// Failing verdicts that are accepted: they count neither way.
    pub accepted: u32,
    /// The worst severity that fails.
    pub worst: Option<Severity>,
}

/// The weight of a severity: critical 40, high 20, medium 8, low 3, info 0.
pub const fn weight(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 40,
        Severity::High => 20,
        Severity::Medium => 8,
        Severity::Low => 3,
        Severity::Info => 0,
    }
}

/// The most an asset may score with this failing: 39 under a critical, 69 under a high.
const fn cap(worst: Option<Severity>) -> f64 {
    match worst {
        Some(Severity::Critical) => 39.0,
        Some(Severity::High) => 69.0,
        _ => 100.0,
    }
}

/// The score of one asset, or of one of its areas: 100 × weight passed ÷ weight passed and failed,
/// capped by the worst that fails. Provider, absent and not_yet count nowhere; unknown and accepted
/// count against coverage alone.
pub fn score(verdicts: impl IntoIterator<Item = Weighed>) -> Score {
    let mut result = Score::default();
    let (mut passed, mut failed) = (0, 0);
    for one in verdicts {
        match one.verdict {
            Verdict::Pass => {
                passed += weight(one.severity);
                result.known += 1;
            }
            Verdict::Fail => {
                failed += weight(one.severity);
                result.known += 1;
                result.worst = Some(result.worst.map_or(one.severity, |worst| worst.min(one.severity)));
            }
            Verdict::Unknown => result.unknown += 1,
            Verdict::Accepted => result.accepted += 1,
            Verdict::Provider | Verdict::Absent | Verdict::NotYet => {}
        }
    }
    if passed + failed > 0 {
        let plain = 100.0 * f64::from(passed) / f64::from(passed + failed);
        result.score = Some(plain.min(cap(result.worst)));
    }
    result
}

/// A sum of asset scores, from which any mean is a division.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sum {
    /// Assets.
    pub assets: i64,
    /// Assets that have a score.
    pub scored: i64,
    /// Sum of their scores.
    pub score_sum: f64,
    /// Known verdicts.
    pub known: i64,
    /// Unknown verdicts.
    pub unknown: i64,
    /// Accepted verdicts.
    pub accepted: i64,
}

impl Sum {
    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        self.assets += other.assets;
        self.scored += other.scored;
        self.score_sum += other.score_sum;
        self.known += other.known;
        self.unknown += other.unknown;
        self.accepted += other.accepted;
    }

    /// Adds (`sign` 1) or takes away (`sign` -1) one asset's score.
    pub fn count(&mut self, score: &Score, sign: i32) {
        let many = i64::from(sign);
        self.assets += many;
        if let Some(value) = score.score {
            self.scored += many;
            self.score_sum += f64::from(sign) * value;
        }
        self.known += many * i64::from(score.known);
        self.unknown += many * i64::from(score.unknown);
        self.accepted += many * i64::from(score.accepted);
    }

    /// The mean score; none where no asset has one.
    pub fn mean(&self) -> Option<f64> {
        (self.scored > 0).then(|| (self.score_sum / self.scored as f64).clamp(0.0, 100.0))
    }

    /// The share of applicable verdicts that count, 0 to 100; none where none apply. What is
    /// accepted is left out of the score, and so lowers this: nobody raises one without the other.
    pub fn coverage(&self) -> Option<f64> {
        let all = self.known + self.unknown + self.accepted;
        (all > 0).then(|| 100.0 * self.known as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(severity: Severity, verdict: Verdict) -> Weighed {
        Weighed { area: Area::Access, severity, verdict }
    }

    #[test]
    fn weights_make_the_score_and_an_open_critical_caps_it() {
        let passes = [one(Severity::High, Verdict::Pass), one(Severity::Medium, Verdict::Pass)];
        assert_eq!(score(passes).score, Some(100.0));
        let medium = [one(Severity::High, Verdict::Pass), one(Severity::Medium, Verdict::Fail)];
        assert_eq!(score(medium).score, Some(100.0 * 20.0 / 28.0));
        let mut many = vec![one(Severity::Critical, Verdict::Pass); 20];
        many.push(one(Severity::High, Verdict::Fail));
        assert_eq!(score(many.clone()).score, Some(69.0));
        many.push(one(Severity::Critical, Verdict::Fail));
        assert_eq!(score(many).score, Some(39.0));
    }

    #[test]
    fn unknown_lowers_coverage_and_never_the_score() {
        let mixed = [
            one(Severity::High, Verdict::Pass),
            one(Severity::Critical, Verdict::Unknown),
            one(Severity::Critical, Verdict::Provider),
            one(Severity::Critical, Verdict::NotYet),
            one(Severity::Critical, Verdict::Absent),
        ];
        let result = score(mixed);
        assert_eq!((result.score, result.known, result.unknown), (Some(100.0), 1, 1));
        assert_eq!(score([one(Severity::High, Verdict::Unknown)]).score, None);
    }

    #[test]
    fn what_is_accepted_counts_neither_way_and_lifts_its_cap() {
        let mixed = |verdict| [one(Severity::High, Verdict::Pass), one(Severity::Critical, verdict)];
        assert_eq!(score(mixed(Verdict::Fail)).score, Some(100.0 * 20.0 / 60.0));
        let result = score(mixed(Verdict::Accepted));
        assert_eq!((result.score, result.worst), (Some(100.0), None));
        assert_eq!((result.known, result.unknown, result.accepted), (1, 0, 1));
        let mut sum = Sum::default();
        sum.count(&result, 1);
        assert_eq!(sum.coverage(), Some(50.0), "and coverage says so");
    }

    #[test]
    fn sums_take_back_what_they_were_given() {
        let result = score([one(Severity::High, Verdict::Pass), one(Severity::Low, Verdict::Fail)]);
        let mut sum = Sum::default();
        sum.count(&result, 1);
        assert_eq!(sum.mean(), result.score);
        assert_eq!(sum.coverage(), Some(100.0));
        sum.count(&result, -1);
        assert_eq!(sum, Sum::default());
    }
}
