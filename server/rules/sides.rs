//! The two sides of a control or an area, counted: what the pages and the API compare.
//!
//! Pure: tallies and a control table in, sides out.

use super::Control;
use crate::model::{Area, Family, Kind, Severity, Verdict};

/// How many present assets of a kind have this verdict of a control.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Code of the control.
    pub control: String,
    /// Kind of asset.
    pub kind: Kind,
    /// The verdict.
    pub verdict: Verdict,
    /// The severity it weighs with.
    pub severity: Severity,
    /// How many.
    pub assets: i64,
}

/// Verdicts of one family, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Fails.
    pub fail: i64,
    /// Fails, and is accepted for a time.
    pub accepted: i64,
    /// Passes.
    pub pass: i64,
    /// Unknown.
    pub unknown: i64,
    /// The provider carries it.
    pub provider: i64,
    /// No such thing.
    pub absent: i64,
    /// Not yet read.
    pub not_yet: i64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict, assets: i64) {
        let place = match verdict {
            Verdict::Fail => &mut self.fail,
            Verdict::Accepted => &mut self.accepted,
            Verdict::Pass => &mut self.pass,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Provider => &mut self.provider,
            Verdict::Absent => &mut self.absent,
            Verdict::NotYet => &mut self.not_yet,
        };
        *place += assets;
    }

    fn merge(&mut self, other: &Self) {
        self.fail += other.fail;
        self.accepted += other.accepted;
        self.pass += other.pass;
        self.unknown += other.unknown;
        self.provider += other.provider;
        self.absent += other.absent;
        self.not_yet += other.not_yet;
    }

    /// Verdicts that are known: what failing is a share of.
    pub fn judged(&self) -> i64 {
        self.fail + self.pass
    }

    /// The share that fails, 0 to 100; none where nothing is judged.
    pub fn share(&self) -> Option<f64> {
        (self.judged() > 0).then(|| 100.0 * self.fail as f64 / self.judged() as f64)
    }
}

/// What one family's side of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Assets are judged, or would be.
    Checked,
    /// The provider carries it.
    Provider,
    /// No collector reads it yet.
    NotYet,
    /// No such thing there.
    Absent,
}

/// One family's side of a row.
#[derive(Debug, Clone)]
pub struct Side {
    /// Its verdicts, counted.
    pub counts: Counts,
    /// What it is.
    pub reading: Reading,
    /// Why, where it is not checked.
    pub why: &'static str,
}

/// A control with its two sides.
#[derive(Debug)]
pub struct Row {
    /// The control.
    pub control: &'static Control,
    /// Functions.
    pub serverless: Side,
    /// Images, repositories and what runs them.
    pub container: Side,
}

/// An area with its controls.
#[derive(Debug)]
pub struct Group {
    /// The area.
    pub area: Area,
    /// Functions, over all controls.
    pub serverless: Side,
    /// Containers, over all controls.
    pub container: Side,
    /// Its controls.
    pub rows: Vec<Row>,
}

/// The difference between two sides in points of share.
pub fn gap(serverless: &Side, container: &Side) -> Option<f64> {
    Some(container.counts.share()? - serverless.counts.share()?)
}

/// The side of `family` of `control`.
pub fn side(control: &Control, family: Family, tallies: &[Tally]) -> Side {
    let mut counts = Counts::default();
    for tally in tallies.iter().filter(|tally| tally.control == control.code && tally.kind.family() == family)
    {
        counts.add(tally.verdict, tally.assets);
    }
    let kinds = || Kind::ALL.iter().copied().filter(|kind| kind.family() == family);
    let fixed =
        |verdict| kinds().filter_map(|kind| control.readings.fixed(kind)).find(|(is, _)| *is == verdict);
    let judged = counts.judged() + counts.unknown + counts.accepted > 0;
    let checks = kinds().any(|kind| control.readings.fixed(kind).is_none());
    let (reading, why) = if judged {
        (Reading::Checked, "")
    } else if counts.provider > 0 {
        (
            Reading::Provider,
            fixed(Verdict::Provider).map_or("the provider runs this part of the platform", |(_, why)| why),
        )
    } else if checks {
        (Reading::Checked, "")
    } else if let Some((_, why)) = fixed(Verdict::Provider) {
        (Reading::Provider, why)
    } else if let Some((_, why)) = fixed(Verdict::NotYet) {
        (Reading::NotYet, why)
    } else {
        (Reading::Absent, fixed(Verdict::Absent).map_or("", |(_, why)| why))
    };
    Side { counts, reading, why }
}

/// Every area with its controls, in the order of the control table.
pub fn groups(controls: &[&'static Control], tallies: &[Tally]) -> Vec<Group> {
    Area::ALL
        .iter()
        .filter_map(|area| {
            let rows: Vec<Row> = controls
                .iter()
                .filter(|control| control.area == *area)
                .map(|control| Row {
                    control,
                    serverless: side(control, Family::Serverless, tallies),
                    container: side(control, Family::Container, tallies),
                })
                .collect();
            (!rows.is_empty()).then(|| Group {
                area: *area,
                serverless: sum(&rows.iter().map(|row| &row.serverless).collect::<Vec<_>>()),
                container: sum(&rows.iter().map(|row| &row.container).collect::<Vec<_>>()),
                rows,
            })
        })
        .collect()
}

fn sum(sides: &[&Side]) -> Side {
    let mut counts = Counts::default();
    for side in sides {
        counts.merge(&side.counts);
    }
    let first =
        |order: [Reading; 3]| order.into_iter().find(|one| sides.iter().any(|side| side.reading == *one));
    let order = if counts.judged() + counts.unknown + counts.accepted == 0 && counts.provider > 0 {
        [Reading::Provider, Reading::Checked, Reading::NotYet]
    } else {
        [Reading::Checked, Reading::Provider, Reading::NotYet]
    };
    let reading = first(order).unwrap_or(Reading::Absent);
    Side { counts, reading, why: "" }
}

/// Failing verdicts of `severity` in `family`.
pub fn failing(tallies: &[Tally], family: Family, severity: Severity) -> i64 {
    tallies
        .iter()
        .filter(|tally| {
            tally.verdict == Verdict::Fail && tally.severity == severity && tally.kind.family() == family
        })
        .map(|tally| tally.assets)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    fn tally(control: &str, kind: Kind, verdict: Verdict, assets: i64) -> Tally {
        Tally { control: control.into(), kind, verdict, severity: Severity::High, assets }
    }

    #[test]
    fn a_side_counts_its_own_family_and_unknown_is_in_no_share() {
        let control = rules::find("HST-04").expect("runs as root");
        let tallies = [
            tally("HST-04", Kind::Image, Verdict::Fail, 3),
            tally("HST-04", Kind::Image, Verdict::Pass, 1),
            tally("HST-04", Kind::Image, Verdict::Unknown, 6),
            tally("HST-04", Kind::Function, Verdict::Provider, 9),
            tally("ACC-02", Kind::Function, Verdict::Fail, 5),
        ];
        let container = side(control, Family::Container, &tallies);
        assert_eq!(container.counts.share(), Some(75.0));
        assert_eq!((container.counts.unknown, container.reading), (6, Reading::Checked));
        let serverless = side(control, Family::Serverless, &tallies);
        assert_eq!((serverless.reading, serverless.counts.share()), (Reading::Provider, None));
        assert_eq!(gap(&serverless, &container), None);
    }

    #[test]
    fn an_area_is_the_sum_of_its_controls() {
        let tallies = [
            tally("ACC-02", Kind::Function, Verdict::Fail, 1),
            tally("ACC-02", Kind::Function, Verdict::Pass, 3),
        ];
        let groups = groups(rules::all(), &tallies);
        let access = groups.iter().find(|group| group.area == Area::Access).expect("access control");
        assert_eq!(access.serverless.counts.share(), Some(25.0));
        assert_eq!(failing(&tallies, Family::Serverless, Severity::High), 1);
        assert_eq!(failing(&tallies, Family::Container, Severity::High), 0);
    }
}
