//! Which finding first: severity, raised by what makes its asset easy to reach or dangerous to lose.

use crate::model::{Severity, Verdict};

/// Controls whose failure means that strangers reach the asset.
const EXPOSING: [&str; 2] = ["ACC-01", "API-01"];
/// Controls whose failure means that the asset's identity can do much harm.
const EMPOWERING: [&str; 3] = ["ACC-02", "ACC-03", "ACC-04"];

/// What about an asset raises all its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Strangers reach it.
    pub exposed: bool,
    /// Its identity can do much harm.
    pub powerful: bool,
}

impl Standing {
    /// Read from the asset's own verdicts.
    pub fn of<'a>(verdicts: impl IntoIterator<Item = (&'a str, Verdict)>) -> Self {
        let mut standing = Self::default();
        for (control, verdict) in verdicts {
            if verdict == Verdict::Fail {
                standing.exposed |= EXPOSING.contains(&control);
                standing.powerful |= EMPOWERING.contains(&control);
            }
        }
        standing
    }
}

/// The urgency of a finding; higher is more urgent. Severity always outweighs what raises it
/// within a severity, except that a finding on an exposed asset with a powerful identity passes
/// the calm ones a level above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Priority(pub i32);

const EXPOSED: i32 = 60;
const POWERFUL: i32 = 50;

impl Priority {
    /// What is left over a severity's hundreds where strangers reach the asset.
    pub const EXPOSED: [i32; 2] = [EXPOSED, (EXPOSED + POWERFUL) % 100];

    /// The priority of a finding of `severity` on an asset standing so.
    pub const fn of(severity: Severity, standing: Standing) -> Self {
        let base = match severity {
            Severity::Critical => 400,
            Severity::High => 300,
            Severity::Medium => 200,
            Severity::Low => 100,
            Severity::Info => 0,
        };
        let exposed = if standing.exposed { EXPOSED } else { 0 };
        let powerful = if standing.powerful { POWERFUL } else { 0 };
        Self(base + exposed + powerful)
    }

    /// What raised it above its severity, in words.
    pub fn reasons(self) -> &'static [&'static str] {
        match self.0 % 100 {
            60 => &["strangers reach the asset"],
            50 => &["its identity can do much harm"],
            10 => &["strangers reach the asset", "its identity can do much harm"],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposure_and_power_raise_and_say_so() {
        let standing =
            Standing::of([("ACC-01", Verdict::Fail), ("ACC-02", Verdict::Fail), ("RES-01", Verdict::Pass)]);
        assert_eq!(standing, Standing { exposed: true, powerful: true });
        let raised = Priority::of(Severity::Medium, standing);
        assert!(raised > Priority::of(Severity::High, Standing::default()));
        assert!(raised < Priority::of(Severity::High, standing));
        assert_eq!(raised.reasons().len(), 2);
        assert_eq!(
            Priority::of(Severity::Medium, Standing { exposed: true, powerful: false }).reasons().len(),
            1
        );
        assert!(Priority::of(Severity::Low, Standing::default()).reasons().is_empty());
    }

    #[test]
    fn unknown_exposure_raises_nothing() {
        assert_eq!(Standing::of([("ACC-01", Verdict::Unknown)]), Standing::default());
    }
}
