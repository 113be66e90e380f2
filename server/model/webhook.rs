//! What webhooks are told: events, whom they concern, and the message that tells of them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kinds::closed_list;
use super::{Area, Family, Kind, Severity, TicketState};

closed_list! {
    /// What may be told. The part before the dot is what it happened to.
    pub enum WebhookEvent {
        /// A control fails for the first time.
        FindingOpened = "finding.opened", "Finding opened";
        /// It fails again.
        FindingReopened = "finding.reopened", "Finding came back";
        /// It fails no more.
        FindingResolved = "finding.resolved", "Finding resolved";
        /// It can no longer be read.
        FindingStale = "finding.stale", "Finding out of sight";
        /// It can be read again, and still fails.
        FindingSeenAgain = "finding.seen_again", "Finding in sight again";
        /// An exception accepts it for a time.
        FindingAccepted = "finding.accepted", "Finding accepted";
        /// Its exception ended, and it still fails.
        FindingReturned = "finding.returned", "Finding open again after its exception";
        /// A ticket was opened.
        TicketOpened = "ticket.opened", "Ticket opened";
        /// Its findings, assignee, due date, references or state changed while it is under way.
        TicketChanged = "ticket.changed", "Ticket changed";
        /// Somebody said something.
        TicketCommented = "ticket.commented", "Ticket commented";
        /// It is done, or left as it is.
        TicketClosed = "ticket.closed", "Ticket closed";
        /// It is open again.
        TicketReopened = "ticket.reopened", "Ticket reopened";
        /// A run ended and could not read everything.
        RunGaps = "run.gaps", "Run ended with gaps";
        /// A run could read nothing, or was stopped too often.
        RunFailed = "run.failed", "Run failed";
        /// Somebody tries whether messages arrive.
        Test = "webhook.test", "Test";
    }
}

impl WebhookEvent {
    /// What it happened to: `finding`, `ticket`, `run` or `webhook`.
    pub fn noun(self) -> &'static str {
        self.code().split('.').next().unwrap_or_default()
    }

    /// What may be chosen: a test is sent whatever was chosen.
    pub fn choices() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|event| *event != Self::Test)
    }
}

closed_list! {
    /// How a message is written.
    pub enum WebhookForm {
        /// For programs, signed.
        Json = "json", "JSON";
        /// For an incoming webhook of Slack.
        Slack = "slack", "Slack";
        /// For a workflow of Teams.
        Teams = "teams", "Teams";
    }
}

/// What a webhook is narrowed to; empty is everything. A run has no severity, area, family or
/// control: these narrow findings and tickets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFilter {
    /// This severity or worse.
    pub severity: Option<Severity>,
    /// One area.
    pub area: Option<Area>,
    /// One family.
    pub family: Option<Family>,
    /// One control.
    pub control: Option<String>,
    /// One connection.
    pub connection: Option<Uuid>,
}

impl WebhookFilter {
    /// Whether a finding or a ticket of this control and severity passes, as far as these tell.
    pub fn admits(&self, control: &str, severity: Severity) -> bool {
        self.severity.is_none_or(|least| severity <= least)
            && self.area.is_none_or(|area| Area::of_control(control) == Some(area))
            && self.control.as_deref().is_none_or(|wanted| wanted == control)
    }
}

/// A finding as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingTold {
    /// Its id.
    pub id: Uuid,
    /// Code of its control.
    pub control: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub reason: String,
    /// Its asset.
    pub asset: AssetTold,
    /// The asset's connection.
    pub connection: Uuid,
}

/// An asset as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetTold {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Account, subscription or registry.
    pub account: String,
    /// Region; empty for registries.
    pub region: String,
}

/// A ticket as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketTold {
    /// Its id.
    pub id: Uuid,
    /// Its number within the tenant.
    pub number: i64,
    /// Code of its control.
    pub control: String,
    /// Owner of its assets.
    pub owner: String,
    /// Where it stands.
    pub state: TicketState,
    /// The worst among its findings.
    pub severity: Severity,
    /// Its findings.
    pub findings: i64,
    /// Those that are not resolved.
    pub open_findings: i64,
    /// Who works on it.
    pub assignee: Option<String>,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Who did what is told.
    pub by: String,
    /// What became of it, or what was said.
    pub words: String,
}

/// A run as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTold {
    /// Its id.
    pub id: Uuid,
    /// Its connection.
    pub connection: Uuid,
    /// The connection's name.
    pub connection_name: String,
    /// `done`, `failed` or `interrupted`.
    pub state: String,
    /// Assets seen.
    pub assets: i64,
    /// Gaps met.
    pub gaps: i64,
    /// Why it failed, if it did.
    pub fault: Option<String>,
}

/// The things a message speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Findings, the worst first.
    Findings(Vec<FindingTold>),
    /// Tickets.
    Tickets(Vec<TicketTold>),
    /// Runs.
    Runs(Vec<RunTold>),
    /// Nothing: a test.
    Nothing,
}

impl Told {
    /// The things as they were written down for this event.
    pub fn read(event: WebhookEvent, items: serde_json::Value) -> Result<Self, serde_json::Error> {
        Ok(match event.noun() {
            "finding" => Self::Findings(serde_json::from_value(items)?),
            "ticket" => Self::Tickets(serde_json::from_value(items)?),
            "run" => Self::Runs(serde_json::from_value(items)?),
            _ => Self::Nothing,
        })
    }
}

/// What a webhook is told at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for each attempt.
    pub id: Uuid,
    /// Whose estate.
    pub tenant: Uuid,
    /// What happened.
    pub event: WebhookEvent,
    /// When.
    pub at: DateTime<Utc>,
    /// To how many.
    pub count: i64,
    /// To how many of each severity, critical first.
    pub by_severity: [i64; 5],
    /// The first of them.
    pub told: Told,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_lets_through_what_it_names_and_worse() {
        let filter = WebhookFilter {
            severity: Some(Severity::High),
            area: Some(Area::Access),
            ..WebhookFilter::default()
        };
        assert!(filter.admits("ACC-02", Severity::Critical) && filter.admits("ACC-01", Severity::High));
        assert!(!filter.admits("ACC-02", Severity::Medium) && !filter.admits("API-01", Severity::Critical));
        let one = WebhookFilter { control: Some("ACC-02".into()), ..WebhookFilter::default() };
        assert!(one.admits("ACC-02", Severity::Info) && !one.admits("ACC-01", Severity::Critical));
        assert!(WebhookFilter::default().admits("XXX-99", Severity::Info));
    }

    #[test]
    fn what_happened_to_what_is_read_back() {
        assert_eq!(WebhookEvent::RunGaps.noun(), "run");
        assert!(WebhookEvent::choices().all(|event| event.noun() != "webhook"));
        let told = Told::read(WebhookEvent::Test, serde_json::json!([])).expect("read");
        assert_eq!(told, Told::Nothing);
        assert!(Told::read(WebhookEvent::RunFailed, serde_json::json!([{ "id": 1 }])).is_err());
    }
}
