//! The same controls from the other standpoint: what would be yours, and what would be carried for
//! you, if an asset were of another kind.
//!
//! Computed from the table of readings alone; it says what would be asked, not what the answer
//! would be.

use super::{Context, Control, all};
use crate::model::{Kind, Outcome, Verdict};

/// Who answers for a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// You: it is asked of the asset, and passes, fails or is not known.
    Yours,
    /// The provider.
    Providers,
    /// Nobody: there is no such thing.
    Nobodys,
}

impl Duty {
    /// Who answers where a control has this verdict. What no collector reads yet is asked of you
    /// all the same.
    pub const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fail | Verdict::Accepted | Verdict::Unknown | Verdict::Pass | Verdict::NotYet => {
                Self::Yours
            }
            Verdict::Provider => Self::Providers,
            Verdict::Absent => Self::Nobodys,
        }
    }
}

/// One control before and after a move.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The control.
    pub control: &'static Control,
    /// Its verdict on the asset as it is.
    pub now: Outcome,
    /// What would be said of every asset of the other kind; none where its facts would decide.
    pub then: Option<(Verdict, &'static str)>,
}

impl Moved {
    /// Who answers now, and who would then. Where the other kind's facts decide, it is asked of you.
    pub fn duties(&self) -> (Duty, Duty) {
        let then = self.then.map_or(Duty::Yours, |(verdict, _)| Duty::of(verdict));
        (Duty::of(self.now.verdict), then)
    }

    /// Whether the move would make it yours.
    pub fn becomes_yours(&self) -> bool {
        let (now, then) = self.duties();
        now != Duty::Yours && then == Duty::Yours
    }

    /// Whether the move would take it off you.
    pub fn leaves_you(&self) -> bool {
        let (now, then) = self.duties();
        now == Duty::Yours && then != Duty::Yours
    }
}

/// Every control on the asset of `context` as it is, beside what would be asked if it were `kind`,
/// in the order of the table.
pub fn what_if(context: &Context<'_>, kind: Kind) -> Vec<Moved> {
    all()
        .iter()
        .map(|control| Moved { control, now: control.judge(context), then: control.readings.fixed(kind) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asset, AssetKey, Facts, FunctionFacts, Platform, Provider, Settings};
    use chrono::DateTime;

    #[test]
    fn a_function_that_becomes_a_workload_takes_the_host_over() {
        let key = AssetKey {
            provider: Provider::Aws,
            account: "1".into(),
            region: "r".into(),
            native_id: "n".into(),
        };
        let facts = Facts::Function(Box::<FunctionFacts>::default());
        let asset = Asset { key, name: "n".into(), platform: Platform::LambdaZip, facts };
        let settings = Settings::default();
        let context = Context::fresh(&asset, &settings, DateTime::UNIX_EPOCH);
        let moved = what_if(&context, Kind::Workload);
        assert_eq!(moved.len(), all().len());
        let find = |code: &str| moved.iter().find(|one| one.control.code == code).expect("a control");
        assert!(find("HST-01").becomes_yours(), "privileged mode is chosen by whoever runs containers");
        assert!(find("API-04").becomes_yours(), "TLS is the listener's");
        assert!(find("RES-07").leaves_you(), "a container has no trigger to loop through");
        assert!(!find("ACC-02").becomes_yours(), "rights are yours on both sides");
    }
}
