//! What a test said, as people read it: the sum first, then what is missing, then call by call.

use chrono::{DateTime, Utc};

use super::super::show;
use crate::model::{Tested, Try, Went};

/// Places named in a line before the rest is counted.
const NAMED: usize = 3;

/// Calls that went the same way, in one line.
pub struct Line {
    /// The call.
    pub call: String,
    /// On what.
    pub on: String,
    /// As a word.
    pub went: &'static str,
    /// A class for the word.
    pub look: &'static str,
    /// What came of it.
    pub said: String,
}

/// A test.
pub struct Report {
    /// When, for machines.
    pub at: String,
    /// When, for people.
    pub when: String,
    /// In one sentence.
    pub sum: String,
    /// Everything that was tried works.
    pub whole: bool,
    /// Why nothing could be tried.
    pub fault: Option<String>,
    /// The permissions that are missing.
    pub missing: Vec<String>,
    /// What did not work.
    pub wrong: Vec<Line>,
    /// What did, or was not tried.
    pub right: Vec<Line>,
}

impl Report {
    /// As it is told at `now`.
    pub fn of(tested: &Tested, now: DateTime<Utc>) -> Self {
        let is_wrong = |one: &&Try| matches!(one.went, Went::Denied | Went::Failed);
        Self {
            at: show::machine(tested.at),
            when: show::ago(now, tested.at),
            sum: sum(tested),
            whole: tested.is_whole(),
            fault: tested.fault.as_deref().map(show::capital),
            missing: tested.missing().into_iter().map(str::to_owned).collect(),
            wrong: lines(tested.tries.iter().filter(is_wrong)),
            right: lines(tested.tries.iter().filter(|one| !is_wrong(one))),
        }
    }

    /// As it was kept; none where it is in no form of ours.
    pub fn kept(tested: Option<&serde_json::Value>, now: DateTime<Utc>) -> Option<Self> {
        let tested = serde_json::from_value::<Tested>(tested?.clone()).ok()?;
        Some(Self::of(&tested, now))
    }
}

fn sum(tested: &Tested) -> String {
    let works = tested.count(Went::Works);
    if tested.fault.is_some() {
        return "It cannot be read".into();
    }
    let denied = tested.missing().len();
    match (tested.is_whole(), denied) {
        (true, _) => format!("Everything works: {works} calls tried"),
        (false, 0) => format!("{works} calls work, {} failed", tested.count(Went::Failed)),
        (false, 1) => format!("{works} calls work, one permission is missing"),
        (false, many) => format!("{works} calls work, {many} permissions are missing"),
    }
}

fn lines<'a>(tries: impl Iterator<Item = &'a Try>) -> Vec<Line> {
    let mut found: Vec<(&Try, Vec<&str>)> = Vec::new();
    for one in tries {
        let same = |(other, _): &&mut (&Try, Vec<&str>)| {
            other.call == one.call && other.went == one.went && other.said == one.said
        };
        match found.iter_mut().find(same) {
            Some((_, places)) => places.push(&one.on),
            None => found.push((one, vec![&one.on])),
        }
    }
    found.into_iter().map(|(one, places)| line(one, &places)).collect()
}

fn line(one: &Try, places: &[&str]) -> Line {
    let look = match one.went {
        Went::Works | Went::Untried => "low",
        Went::Denied => "high",
        Went::Failed => "critical",
    };
    let named = places.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let on = if places.len() > NAMED { format!("{named} and {} more", places.len() - NAMED) } else { named };
    Line { call: one.call.clone(), on, went: one.went.label(), look, said: one.said.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_call_in_many_regions_is_one_line() {
        let regions = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1"];
        let tries = regions.map(|region| Try::works("lambda:ListFunctions", region, "answered")).to_vec();
        let mut tested = Tested { at: DateTime::UNIX_EPOCH, account: "1".into(), fault: None, tries };
        let report = Report::of(&tested, DateTime::UNIX_EPOCH);
        assert_eq!(report.right.len(), 1);
        assert_eq!(report.right[0].on, "eu-west-1, eu-west-2, eu-west-3 and 2 more");
        assert!(report.whole && report.sum.starts_with("Everything works"));
        tested.tries.push(Try::denied("iam:GetRole", "deploy", "AccessDenied", "iam:GetRole"));
        let report = Report::of(&tested, DateTime::UNIX_EPOCH);
        assert_eq!((report.missing.as_slice(), report.wrong.len()), (&["iam:GetRole".to_owned()][..], 1));
        assert_eq!(report.sum, "5 calls work, one permission is missing");
    }
}
