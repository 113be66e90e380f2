//! The digest: what changed since the last one, then what stands, as a mail in both parts.
//!
//! Reads what pages read; holds no secret, for mails pass through many hands.

use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Area, ExceptionState, Family};
use crate::rules;
use crate::store::pages::digest::{self, Alarm, Unseen};
use crate::store::pages::exceptions::{self, Exception};
use crate::store::pages::tickets::{self, Filter, Ticket};
use crate::store::pages::totals::{self, KindSum};
use crate::store::{StoreError, Tx, tenants};

/// Lines of a part.
const MOST: i64 = 8;
/// Points of score by which a difference has to move to be told.
const MOVED: f64 = 1.0;

/// An area in which serverless and containers came closer, or went apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The area.
    pub area: Area,
    /// Score of serverless then and now.
    pub serverless: (f64, f64),
    /// Score of containers then and now.
    pub container: (f64, f64),
}

impl Moved {
    fn gap(&self) -> (f64, f64) {
        (self.container.0 - self.serverless.0, self.container.1 - self.serverless.1)
    }

    /// How far the difference moved: more than zero is apart.
    fn apart(&self) -> f64 {
        let (then, now) = self.gap();
        now.abs() - then.abs()
    }

    /// In a sentence.
    pub fn words(&self) -> String {
        let way = if self.apart() > 0.0 { "moved apart" } else { "came closer" };
        format!(
            "{} {way}: serverless {:.0} to {:.0}, containers {:.0} to {:.0}",
            self.area.label(),
            self.serverless.0,
            self.serverless.1,
            self.container.0,
            self.container.1
        )
    }
}

/// How one family stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// The family.
    pub family: Family,
    /// The mean score of its assets; none where none has one.
    pub score: Option<f64>,
    /// Its assets.
    pub assets: i64,
    /// Its open critical findings.
    pub criticals: i64,
    /// Share of verdicts that are not known, in percent.
    pub unknown: i64,
    /// Verdicts that fail and are accepted.
    pub accepted: i64,
}

/// Everything a digest tells.
#[derive(Debug, Clone)]
pub struct Told {
    /// Name of the tenant.
    pub tenant: String,
    /// It begins here.
    pub since: DateTime<Utc>,
    /// It ends here.
    pub until: DateTime<Utc>,
    /// Criticals that are new or back.
    pub alarms: Vec<Alarm>,
    /// How many there are in all.
    pub alarm_count: i64,
    /// Areas whose two sides moved.
    pub moved: Vec<Moved>,
    /// Tickets past their date.
    pub overdue: Vec<Ticket>,
    /// How many there are in all.
    pub overdue_count: i64,
    /// Tickets under way.
    pub under_way: i64,
    /// Exceptions that end within two weeks.
    pub expiring: Vec<Exception>,
    /// How many there are in all.
    pub expiring_count: i64,
    /// Connections that do not show everything.
    pub unseen: Vec<Unseen>,
    /// How many there are in all.
    pub unseen_count: i64,
    /// Both families.
    pub stands: Vec<Stand>,
}

impl Told {
    /// Something happened that somebody should know.
    pub fn news(&self) -> bool {
        self.alarm_count > 0
            || !self.moved.is_empty()
            || self.overdue_count > 0
            || self.expiring_count > 0
            || self.unseen_count > 0
    }

    /// The subject: the worst first.
    pub fn subject(&self) -> String {
        let parts = [
            (self.alarm_count, "new critical finding", "new critical findings"),
            (self.overdue_count, "ticket overdue", "tickets overdue"),
            (self.expiring_count, "exception about to end", "exceptions about to end"),
            (self.unseen_count, "connection not fully seen", "connections not fully seen"),
        ];
        let mut told: Vec<String> = parts
            .into_iter()
            .filter(|part| part.0 > 0)
            .map(|(count, one, more)| many(count, one, more))
            .collect();
        if told.is_empty() && !self.moved.is_empty() {
            told.push("the two sides moved".to_owned());
        }
        let told = if told.is_empty() { "nothing new".to_owned() } else { told.join(", ") };
        format!("Parallax, {}: {told}", self.tenant)
    }
}

fn many(count: i64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Reads what happened between two moments, and what stands.
pub async fn read(tx: &mut Tx, since: DateTime<Utc>, until: DateTime<Utc>) -> Result<Told, StoreError> {
    let (alarms, alarm_count) = digest::alarms(tx, since, until, MOST).await?;
    let (unseen, unseen_count) = digest::unseen(tx, MOST).await?;
    let (under_way, overdue_count) = digest::tickets(tx, until).await?;
    let late = Filter { due_before: Some(until), ..Filter::default() };
    let overdue = tickets::list(tx, &late, None, MOST).await?.rows;
    let soon = exceptions::Filter { state: Some(ExceptionState::Expiring), control: None };
    let expiring = exceptions::list(tx, &soon, until, None, MOST).await?.rows;
    let expiring_count = exceptions::expiring(tx, until).await?;
    let then = digest::sums_of(tx, (since - TimeDelta::days(1)).date_naive()).await?;
    let now = totals::sums(tx).await?;
    let criticals = digest::criticals(tx).await?;
    Ok(Told {
        tenant: tenants::name(tx).await?,
        since,
        until,
        alarms,
        alarm_count,
        moved: moved(&then, &now),
        overdue,
        overdue_count,
        under_way,
        expiring,
        expiring_count,
        unseen,
        unseen_count,
        stands: criticals.into_iter().map(|(family, criticals)| stand(&now, family, criticals)).collect(),
    })
}

fn score(sums: &[KindSum], family: Family, area: Option<Area>) -> Option<f64> {
    let of: Vec<&KindSum> =
        sums.iter().filter(|one| one.kind.family() == family && one.area == area).collect();
    let scored: i64 = of.iter().map(|one| one.scored).sum();
    let sum: f64 = of.iter().map(|one| one.score_sum).sum();
    (scored > 0).then(|| sum / scored as f64)
}

/// The areas whose two sides moved, the furthest first.
fn moved(then: &[KindSum], now: &[KindSum]) -> Vec<Moved> {
    let both = |family, area| Some((score(then, family, Some(area))?, score(now, family, Some(area))?));
    let mut moved: Vec<Moved> = Area::ALL
        .iter()
        .filter_map(|area| {
            let (serverless, container) = (both(Family::Serverless, *area)?, both(Family::Container, *area)?);
            Some(Moved { area: *area, serverless, container })
        })
        .filter(|one| one.apart().abs() >= MOVED)
        .collect();
    moved.sort_by(|one, other| other.apart().abs().total_cmp(&one.apart().abs()));
    moved
}

fn stand(now: &[KindSum], family: Family, criticals: i64) -> Stand {
    let of = || now.iter().filter(|one| one.kind.family() == family && one.area.is_none());
    let sum = |pick: fn(&KindSum) -> i64| -> i64 { of().map(pick).sum() };
    let unknown = sum(|one| one.unknown);
    let accepted = sum(|one| one.accepted);
    let all = sum(|one| one.known) + unknown + accepted;
    Stand {
        family,
        score: score(now, family, None),
        assets: of().map(|one| one.assets).sum(),
        criticals,
        unknown: if all == 0 { 0 } else { (unknown * 100 + all / 2) / all },
        accepted,
    }
}

#[derive(Template)]
#[template(path = "emails/digest.txt")]
struct Plain<'a> {
    told: &'a Told,
    base: &'a str,
    leave: &'a str,
}

#[derive(Template)]
#[template(path = "emails/digest.html")]
struct Rich<'a> {
    told: &'a Told,
    base: &'a str,
    leave: &'a str,
}

/// Both parts, plain and HTML. `base` is where our pages are, `leave` where a reader leaves.
pub fn render(told: &Told, base: &str, leave: &str) -> Result<(String, String), askama::Error> {
    let base = base.trim_end_matches('/');
    Ok((Plain { told, base, leave }.render()?, Rich { told, base, leave }.render()?))
}

/// The defect a control names.
fn title(control: &str) -> &str {
    rules::find(control).map_or(control, |one| one.title())
}

/// What an exception accepts, in words.
fn accepts(exception: &Exception) -> String {
    match &exception.control {
        Some(code) => {
            format!(
                "{} ({code}), {}",
                title(code),
                exception.scope.words(exception.connection_name.as_deref())
            )
        }
        None => many(exception.chosen, "chosen finding", "chosen findings"),
    }
}

/// What is wrong with a connection, in words.
fn what(unseen: &Unseen) -> String {
    match unseen.state.as_deref() {
        None => "was never read".to_owned(),
        Some("done") => format!("{} in what it may read", many(unseen.gaps, "gap", "gaps")),
        Some(_) => "its last run failed".to_owned(),
    }
}

#[cfg(test)]
mod tests;
