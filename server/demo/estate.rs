//! What the sample cloud holds: how much of each, where, and what changed on which day.
//!
//! Everything is worked out from the seed when it is asked for; nothing is kept, so memory does
//! not grow with the number of assets.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use super::image::Digests;
use super::seed::{Draw, Place};

/// Size and chance of a sample estate.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Everything follows from it.
    pub seed: u64,
    /// About how many assets.
    pub assets: u32,
    /// How many of a hundred assets change from one day to the next.
    pub changed_percent: f64,
    /// One request in so many is turned away for coming too fast; 0 is never.
    pub throttle_every: u64,
    /// The second account allows what our policy asks for, as the first does. Else it lets roles be read one
    /// by one, and not all of them.
    pub allows_all: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { seed: 20_261, assets: 2_000, changed_percent: 1.0, throttle_every: 701, allows_all: false }
    }
}

/// A place in the estate where AWS resources live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: &'static str,
    /// Its share of the account, in parts.
    pub share: u32,
}

/// An AWS account of the estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: &'static str,
    /// What people call it.
    pub alias: &'static str,
    /// Its share of the estate's AWS assets, in parts.
    pub share: u32,
    /// Where it has anything.
    pub regions: &'static [Region],
}

/// The AWS accounts.
pub const ACCOUNTS: [Account; 2] = [
    Account {
        id: "482190361175",
        alias: "production",
        share: 70,
        regions: &[
            Region { name: "eu-west-1", share: 48 },
            Region { name: "eu-central-1", share: 22 },
            Region { name: "us-east-1", share: 24 },
            Region { name: "ap-southeast-2", share: 6 },
        ],
    },
    Account {
        id: "735012846692",
        alias: "development",
        share: 30,
        regions: &[Region { name: "eu-west-1", share: 75 }, Region { name: "us-east-1", share: 25 }],
    },
];

/// A region that is enabled in the first account and that a policy of the organisation forbids.
pub const FORBIDDEN_REGION: &str = "sa-east-1";

/// The Azure subscriptions and their shares.
pub const SUBSCRIPTIONS: [(&str, u32); 2] =
    [("6f1e0d5c-3b7a-4c18-9a52-0d4b8e7f2c31", 65), ("b28c94e7-51d6-4f0a-8e3d-7c6a19f05d84", 35)];

/// Assets of a thousand: Lambda functions, function apps, ECR repositories, Azure registries and
/// repositories of the plain registry. The rest are images.
const FUNCTIONS: u64 = 320;
const APPS: u64 = 180;
const ECR: u64 = 72;
const ACR: u64 = 8;
const OCI: u64 = 24;
/// Images of a repository, on average: those of the accounts and those of the plain registry.
const ECR_IMAGES: u64 = 3;
const OCI_IMAGES: u64 = 8;

/// The sample estate on some day.
#[derive(Debug)]
pub struct Estate {
    shape: Shape,
    root: Place,
    day: AtomicU32,
    /// When each day came, by the clock of whoever looks.
    days: Mutex<Vec<DateTime<Utc>>>,
    requests: AtomicU64,
    digests: Digests,
}

impl Estate {
    /// The estate of `shape` on its first day.
    pub fn new(shape: Shape) -> Self {
        let root = Place::root(shape.seed);
        Self {
            shape,
            root,
            day: AtomicU32::new(0),
            days: Mutex::default(),
            requests: AtomicU64::new(0),
            digests: Digests::default(),
        }
    }

    /// What its images are known by.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The day after, which is come `now`: about [`Shape::changed_percent`] of the assets have changed.
    pub fn next_day(&self, now: DateTime<Utc>) -> u32 {
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        days.push(now);
        // Told of before it is seen.
        self.day.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The days that came from one moment to another, numbered from 1.
    pub fn days_between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<u32> {
        let days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let numbered = (1..).zip(days.iter());
        numbered.filter(|(_, came)| (from..=to).contains(*came)).map(|(number, _)| number).collect()
    }

    /// When a day came.
    pub fn came(&self, day: u32) -> Option<DateTime<Utc>> {
        let days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        days.get(usize::try_from(day).ok()?.checked_sub(1)?).copied()
    }

    /// Requests answered so far, those turned away included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Counts a request; tells whether it comes too fast.
    pub fn too_fast(&self) -> bool {
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.shape.throttle_every > 0 && count.is_multiple_of(self.shape.throttle_every)
    }

    /// The root of all draws.
    pub const fn root(&self) -> Place {
        self.root
    }

    /// Whether an account lets us read all its roles at once.
    pub const fn lists_roles(&self, account: usize) -> bool {
        account == 0 || self.shape.allows_all
    }

    /// Lambda functions of an account in a region.
    pub fn functions(&self, account: usize, region: &str) -> u64 {
        self.aws(FUNCTIONS, account, region)
    }

    /// ECR repositories of an account in a region.
    pub fn ecr_repositories(&self, account: usize, region: &str) -> u64 {
        self.aws(ECR, account, region)
    }

    /// Function apps of a subscription.
    pub fn apps(&self, subscription: usize) -> u64 {
        portion(self.total(APPS), &SUBSCRIPTIONS.iter().map(|(_, share)| *share), subscription)
    }

    /// Container registries of a subscription.
    pub fn registries(&self, subscription: usize) -> u64 {
        portion(self.total(ACR), &SUBSCRIPTIONS.iter().map(|(_, share)| *share), subscription)
    }

    /// Repositories of the plain registry.
    pub fn oci_repositories(&self) -> u64 {
        self.total(OCI)
    }

    /// The thing at `place` as it is today; `moving` are the facets a change may touch.
    pub fn thing(&self, place: Place, moving: &'static [&'static str]) -> Thing {
        let mut changes = Vec::new();
        for day in 1..=self.day.load(Ordering::Relaxed) {
            let mut draw = place.at("day").nth(u64::from(day)).draw("changed");
            if draw.chance(self.shape.changed_percent) {
                changes.push((day, *draw.pick(moving)));
            }
        }
        Thing { place, changes }
    }

    fn total(&self, share: u64) -> u64 {
        (u64::from(self.shape.assets) * share / 1000).max(1)
    }

    fn aws(&self, share: u64, account: usize, region: &str) -> u64 {
        let here = portion(self.total(share), &ACCOUNTS.iter().map(|one| one.share), account);
        let regions = ACCOUNTS[account].regions;
        match regions.iter().position(|one| one.name == region) {
            Some(index) => portion(here, &regions.iter().map(|one| one.share), index),
            None => 0,
        }
    }
}

/// Images an ECR repository was born with.
pub fn ecr_images(place: Place) -> u64 {
    1 + place.draw("images").below(ECR_IMAGES * 2 - 1)
}

/// Images a repository of the plain registry was born with.
pub fn oci_images(place: Place) -> u64 {
    1 + place.draw("images").below(OCI_IMAGES * 2 - 1)
}

/// When the estate was first looked at; changes come a minute a day after it.
pub fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_520_000, 0).unwrap_or_default()
}

/// A thing of the estate with its changes so far.
#[derive(Debug, Clone)]
pub struct Thing {
    /// Where its draws come from.
    pub place: Place,
    changes: Vec<(u32, &'static str)>,
}

impl Thing {
    /// Draws for `facet`, other ones since a change touched it.
    pub fn draw(&self, facet: &str) -> Draw {
        match self.changes.iter().rev().find(|(_, touched)| *touched == facet) {
            Some((day, _)) => self.place.at("since").nth(u64::from(*day)).draw(facet),
            None => self.place.draw(facet),
        }
    }

    /// What a change touched on `day`, if one did.
    pub fn touched(&self, day: u32) -> Option<&'static str> {
        self.changes.iter().find(|(changed, _)| *changed == day).map(|(_, facet)| *facet)
    }

    /// Days on which it changed.
    pub fn days(&self) -> impl DoubleEndedIterator<Item = u32> + '_ {
        self.changes.iter().map(|(day, _)| *day)
    }

    /// The last day on which it changed; 0 is the first.
    pub fn version(&self) -> u32 {
        self.days().next_back().unwrap_or_default()
    }

    /// The last day on which a change touched `facet`; 0 is the first.
    pub fn last(&self, facet: &str) -> u32 {
        let days = self.changes.iter().rev().find(|(_, touched)| *touched == facet);
        days.map_or(0, |(day, _)| *day)
    }

    /// The thing as it was on `day`.
    pub fn until(&self, day: u32) -> Self {
        let changes = self.changes.iter().filter(|(changed, _)| *changed <= day).copied().collect();
        Self { place: self.place, changes }
    }

    /// How often a change touched `facet`.
    pub fn times(&self, facet: &str) -> u64 {
        self.changes.iter().filter(|(_, touched)| *touched == facet).count() as u64
    }

    /// The day on which image `number` of this repository was pushed: 0 for the `first` it was born
    /// with, unless image 0 was built again since.
    pub fn born(&self, number: u64, first: u64) -> u32 {
        let day_of = |facet: &str, nth: usize| {
            self.changes.iter().filter(|(_, touched)| *touched == facet).map(|(day, _)| *day).nth(nth)
        };
        let rebuilt = usize::try_from(self.times("rebuild")).unwrap_or_default();
        match (number, number.checked_sub(first)) {
            (0, _) if rebuilt > 0 => day_of("rebuild", rebuilt - 1).unwrap_or_default(),
            (_, Some(pushed)) => {
                day_of("push", usize::try_from(pushed).unwrap_or_default()).unwrap_or_default()
            }
            _ => 0,
        }
    }

    /// When it last changed: on a day we saw, or some time up to `oldest` days before.
    pub fn changed_at(&self, oldest: u64) -> DateTime<Utc> {
        self.changed_in(&|_| true, oldest)
    }

    /// When one of these facets last changed.
    pub fn changed_in(&self, facets: &dyn Fn(&str) -> bool, oldest: u64) -> DateTime<Utc> {
        match self.changes.iter().rev().find(|(_, facet)| facets(facet)) {
            None => before(&mut self.place.draw("changed-at"), oldest),
            Some((day, _)) => on(*day),
        }
    }
}

/// Some moment up to `oldest` days before the beginning.
pub fn before(draw: &mut Draw, oldest: u64) -> DateTime<Utc> {
    let seconds = i64::try_from(draw.below(oldest * 86_400)).unwrap_or_default();
    beginning() - TimeDelta::seconds(seconds)
}

/// When things change on `day`.
pub fn on(day: u32) -> DateTime<Utc> {
    beginning() + TimeDelta::minutes(i64::from(day))
}

/// The part of `total` that falls to the share at `index`; the parts add up to the whole.
fn portion(total: u64, shares: &(impl Iterator<Item = u32> + Clone), index: usize) -> u64 {
    let whole: u64 = shares.clone().map(u64::from).sum();
    let upto = |count: usize| shares.clone().take(count).map(u64::from).sum::<u64>() * total / whole;
    upto(index + 1) - upto(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_add_up_to_the_whole() {
        for total in [0, 1, 7, 640, 32_000] {
            let sum: u64 = (0..4).map(|index| portion(total, &[48, 22, 24, 6].into_iter(), index)).sum();
            assert_eq!(sum, total);
        }
    }

    #[test]
    fn about_the_asked_share_changes_from_day_to_day() {
        let estate = Estate::new(Shape { changed_percent: 1.0, ..Shape::default() });
        let version = |estate: &Estate, i| estate.thing(estate.root().at("t").nth(i), &["a", "b"]).version();
        assert!((0..20_000).all(|i| version(&estate, i) == 0));
        estate.next_day(beginning());
        let changed = (0..20_000).filter(|i| version(&estate, *i) == 1).count();
        assert!((140..260).contains(&changed), "{changed}");
    }

    #[test]
    fn the_estate_is_about_as_large_as_asked() {
        for assets in [500_u32, 2_000, 100_000] {
            let estate = Estate::new(Shape { assets, ..Shape::default() });
            let functions: u64 = (0..ACCOUNTS.len())
                .flat_map(|account| ACCOUNTS[account].regions.iter().map(move |one| (account, one.name)))
                .map(|(account, region)| estate.functions(account, region))
                .sum();
            assert_eq!(functions, u64::from(assets) * FUNCTIONS / 1000);
        }
    }
}
