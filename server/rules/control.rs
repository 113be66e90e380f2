//! What a control is.
//!
//! A control is one question asked of both worlds, with one reading a kind of asset. The file of a
//! control is therefore the side-by-side comparison; nothing about it lives anywhere else.

use chrono::{DateTime, Utc};

use super::Framework;
use crate::model::{
    Area, Asset, Freshness, FunctionFacts, ImageFacts, Kind, Outcome, Platform, RepositoryFacts, Settings,
    Severity, Verdict,
};

/// What a reading may look at beside the facts of its kind.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The asset, for its platform, region and name.
    pub asset: &'a Asset,
    /// The moment the verdict speaks of.
    pub now: DateTime<Utc>,
    /// The tenant's own lines.
    pub settings: &'a Settings,
    /// How fresh the asset's facts are; none in a one-shot scan, where they are fresh by nature.
    pub freshness: Option<Freshness>,
    /// Since when this asset has been watched; none in a one-shot scan, which has no history.
    pub watched_since: Option<DateTime<Utc>>,
}

impl<'a> Context<'a> {
    /// For facts read just now, without a history.
    pub fn fresh(asset: &'a Asset, settings: &'a Settings, now: DateTime<Utc>) -> Self {
        Self { asset, now, settings, freshness: None, watched_since: None }
    }

    /// What the asset runs on.
    pub fn platform(&self) -> Platform {
        self.asset.platform
    }
}

/// A reading that looks at facts of type `F`.
pub type Check<F> = fn(&F, &Context<'_>) -> Outcome;

/// One kind's side of a control: a check, or a reasoned absence.
pub enum Reading<F> {
    /// Look at the facts.
    Check(Check<F>),
    /// The provider carries this for every asset of the kind.
    Provider(&'static str),
    /// There is no such thing on this kind.
    Absent(&'static str),
    /// No collector reads this kind's fact yet.
    NotYet(&'static str),
}

/// For kinds no collector reads yet: a check cannot be written, a reason can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoFacts {}

impl<F> Reading<F> {
    /// The verdict every asset of the kind gets, and why; none for a check.
    pub const fn fixed(&self) -> Option<(Verdict, &'static str)> {
        match self {
            Self::Check(_) => None,
            Self::Provider(why) => Some((Verdict::Provider, why)),
            Self::Absent(why) => Some((Verdict::Absent, why)),
            Self::NotYet(why) => Some((Verdict::NotYet, why)),
        }
    }

    fn judge(&self, facts: &F, context: &Context<'_>) -> Outcome {
        match self {
            Self::Check(check) => check(facts, context),
            Self::Provider(why) => Outcome::provider(*why),
            Self::Absent(why) => Outcome::absent(*why),
            Self::NotYet(why) => Outcome::not_yet(*why),
        }
    }
}

/// The readings of a control, one a kind.
pub struct Readings {
    /// Functions.
    pub function: Reading<FunctionFacts>,
    /// Repositories and registries.
    pub repository: Reading<RepositoryFacts>,
    /// Images.
    pub image: Reading<ImageFacts>,
    /// Workloads.
    pub workload: Reading<NoFacts>,
    /// Clusters.
    pub cluster: Reading<NoFacts>,
    /// Hosts.
    pub host: Reading<NoFacts>,
}

impl Readings {
    /// The fixed verdict of `kind`, and why; none where it checks.
    pub const fn fixed(&self, kind: Kind) -> Option<(Verdict, &'static str)> {
        match kind {
            Kind::Function => self.function.fixed(),
            Kind::Repository => self.repository.fixed(),
            Kind::Image => self.image.fixed(),
            Kind::Workload => self.workload.fixed(),
            Kind::Cluster => self.cluster.fixed(),
            Kind::Host => self.host.fixed(),
        }
    }
}

/// An example that is also a test: facts of one kind (and perhaps a platform) and their verdict.
#[derive(Debug, Clone, Copy)]
pub struct Vector {
    /// The expected verdict.
    pub verdict: Verdict,
    /// The kind of asset.
    pub kind: Kind,
    /// The platform; none is the kind's most common one.
    pub platform: Option<Platform>,
    /// The region; none is one that the example's settings allow.
    pub region: Option<&'static str>,
    /// How many hours ago it was last seen, where it is read every six hours; none is just now.
    pub seen_hours_ago: Option<i64>,
    /// What the example shows.
    pub name: &'static str,
    /// The facts, as JSON; those left out are unknown.
    pub facts: &'static str,
}

/// One question asked of both worlds.
pub struct Control {
    /// Area and number; never reused.
    pub code: &'static str,
    /// The area.
    pub area: Area,
    /// Severity where a reading says nothing else.
    pub severity: Severity,
    /// The version that brought it.
    pub since: &'static str,
    /// Title, then prose in Markdown under `## Why it matters` and `## What to do`.
    pub prose: &'static str,
    /// Entries of public lists that ask the same.
    pub frameworks: &'static [Framework],
    /// One reading a kind.
    pub readings: Readings,
    /// Examples that are tests.
    pub vectors: &'static [Vector],
}

impl Control {
    /// The title: the defect, in one line without a full stop.
    pub fn title(&self) -> &'static str {
        self.prose.trim_start().lines().next().unwrap_or("").trim().trim_end_matches('.')
    }

    /// The text under `heading` (`Why it matters`), without the heading.
    pub fn section(&self, heading: &str) -> Option<&'static str> {
        let mut sections = self.prose.split("\n ## ");
        sections.next();
        sections.find_map(|section| section.strip_prefix(heading)).map(str::trim)
    }

    /// The verdict on `context.asset`.
    pub fn judge(&self, context: &Context<'_>) -> Outcome {
        use crate::model::Facts;
        match &context.asset.facts {
            Facts::Function(facts) => self.readings.function.judge(facts, context),
            Facts::Repository(facts) => self.readings.repository.judge(facts, context),
            Facts::Image(facts) => self.readings.image.judge(facts, context),
        }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.code, self.title())
    }
}
