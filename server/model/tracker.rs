//! Trackers: where tickets are also worked on, which go there, and what its states mean here.

use serde::{Deserialize, Serialize};

use super::kinds::closed_list;
use super::{Area, Severity, TicketState};

closed_list! {
    /// What runs the tracker.
    pub enum TrackerKind {
        /// Jira Cloud.
        Jira = "jira", "Jira Cloud";
        /// Issues of a repository on GitHub.
        GitHub = "github", "GitHub issues";
        /// A table of ServiceNow.
        ServiceNow = "servicenow", "ServiceNow";
    }
}

/// The tracker's own words for our states. What is empty is found out by what the tracker says of
/// its states, or by its usual numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StateNames {
    /// For `open`.
    pub open: String,
    /// For `in_progress`.
    pub in_progress: String,
    /// For `done`.
    pub done: String,
    /// For `wont_fix`.
    pub wont_fix: String,
}

impl StateNames {
    /// The tracker's word for a state of ours, where one was given.
    pub fn of(&self, state: TicketState) -> Option<&str> {
        let name = match state {
            TicketState::Open => &self.open,
            TicketState::InProgress => &self.in_progress,
            TicketState::Done => &self.done,
            TicketState::WontFix => &self.wont_fix,
        };
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// What a word of the tracker's means here, where it was given.
    pub fn meaning(&self, word: &str) -> Option<TicketState> {
        TicketState::ALL
            .iter()
            .copied()
            .find(|state| self.of(*state).is_some_and(|name| name.eq_ignore_ascii_case(word.trim())))
    }
}

/// How a tracker is reached. Its token or password is kept sealed elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackerSpec {
    /// What runs it.
    pub kind: TrackerKind,
    /// Where it is: `https://acme.atlassian.net`, `https://api.github.com`, `https://acme.service-now.com`.
    pub address: String,
    /// Where in it tickets go: a project's key, `owner/repository`, a table.
    pub place: String,
    /// Who logs in: an e-mail address, a user name; empty for a token that stands alone.
    #[serde(default)]
    pub login: String,
    /// What is made there: `Task`; where the tracker knows only one kind, empty.
    #[serde(default)]
    pub issue_type: String,
    /// The tracker's words for our states.
    #[serde(default)]
    pub states: StateNames,
}

/// Which tickets go to a tracker by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackerRule {
    /// This severity or worse.
    pub severity: Option<Severity>,
    /// One area.
    pub area: Option<Area>,
    /// One owner.
    pub owner: Option<String>,
}

impl TrackerRule {
    /// Whether a ticket goes there.
    pub fn admits(&self, control: &str, owner: &str, severity: Severity) -> bool {
        self.severity.is_none_or(|least| severity <= least)
            && self.area.is_none_or(|area| Area::of_control(control) == Some(area))
            && self.owner.as_deref().is_none_or(|wanted| wanted == owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trackers_word_is_read_in_any_case_and_only_where_it_was_given() {
        let names = StateNames { done: "Closed".into(), ..StateNames::default() };
        assert_eq!(names.meaning(" closed "), Some(TicketState::Done));
        assert_eq!((names.meaning(""), names.meaning("Open")), (None, None));
        assert_eq!((names.of(TicketState::Done), names.of(TicketState::Open)), (Some("Closed"), None));
    }

    #[test]
    fn a_rule_admits_what_it_names_and_worse() {
        let rule = TrackerRule {
            severity: Some(Severity::High),
            owner: Some("red".into()),
            ..TrackerRule::default()
        };
        assert!(rule.admits("ACC-02", "red", Severity::Critical));
        assert!(!rule.admits("ACC-02", "blue", Severity::Critical));
        assert!(!rule.admits("ACC-02", "red", Severity::Low));
        assert!(TrackerRule::default().admits("X", "", Severity::Info));
    }
}
