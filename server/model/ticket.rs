//! Work on findings: where a ticket stands, where it may go from there, and when it is due.

use serde::{Deserialize, Serialize};

use super::kinds::closed_list;
use super::{Area, Family, Severity};

closed_list! {
    /// Where a ticket stands.
    pub enum TicketState {
        /// Nobody works on it yet.
        Open = "open", "Open";
        /// Somebody does.
        InProgress = "in_progress", "In progress";
        /// Its findings are resolved, or somebody says so.
        Done = "done", "Done";
        /// It is left as it is, for a reason.
        WontFix = "wont_fix", "Won't fix";
    }
}

impl TicketState {
    /// It is over.
    pub const fn closed(self) -> bool {
        matches!(self, Self::Done | Self::WontFix)
    }

    /// Where it may go by hand. What is over is opened again before anything else.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Open => &[Self::InProgress, Self::Done, Self::WontFix],
            Self::InProgress => &[Self::Open, Self::Done, Self::WontFix],
            Self::Done | Self::WontFix => &[Self::Open],
        }
    }

    /// Whether going there asks for a reason while `open` of its findings still fail.
    pub const fn asks_why(self, open: i64) -> bool {
        match self {
            Self::WontFix => true,
            Self::Done => open > 0,
            Self::Open | Self::InProgress => false,
        }
    }
}

/// Days in which findings are to be resolved, counted from when they came into their ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DaysToFix {
    /// For critical findings.
    pub critical: u16,
    /// For high ones.
    pub high: u16,
    /// For medium ones.
    pub medium: u16,
    /// For low ones. Findings of severity info are never due.
    pub low: u16,
}

impl Default for DaysToFix {
    fn default() -> Self {
        Self { critical: 7, high: 30, medium: 90, low: 180 }
    }
}

impl DaysToFix {
    /// Days by rank of severity, critical first; none where nothing is due.
    pub fn by_rank(self) -> [Option<i32>; 5] {
        let days = |days: u16| Some(i32::from(days));
        [days(self.critical), days(self.high), days(self.medium), days(self.low), None]
    }
}

/// Findings for which a ticket is opened without anybody asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketRule {
    /// Of this severity or worse.
    pub severity: Severity,
    /// In one area.
    #[serde(default)]
    pub area: Option<Area>,
    /// Of one family.
    #[serde(default)]
    pub family: Option<Family>,
    /// On assets strangers reach.
    #[serde(default)]
    pub exposed: bool,
    /// On assets with this tag, key and value.
    #[serde(default)]
    pub tag: Option<(String, String)>,
}

/// What a tenant has decided about tickets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TicketPolicy {
    /// When they are due.
    pub days: DaysToFix,
    /// Which open by themselves.
    pub rules: Vec<TicketRule>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_that_is_over_is_only_opened_again() {
        for state in TicketState::ALL {
            assert!(!state.next().contains(state), "{state} leads to itself");
            assert!(!state.next().is_empty(), "{state} is a dead end");
            if state.closed() {
                assert_eq!(state.next(), [TicketState::Open]);
            }
        }
    }

    #[test]
    fn leaving_something_as_it_is_asks_for_a_reason() {
        assert!(TicketState::WontFix.asks_why(0) && TicketState::Done.asks_why(1));
        assert!(!TicketState::Done.asks_why(0) && !TicketState::InProgress.asks_why(9));
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let policy = TicketPolicy {
            rules: vec![TicketRule {
                severity: Severity::High,
                area: Some(Area::Access),
                family: None,
                exposed: true,
                tag: Some(("env".into(), "prod".into())),
            }],
            ..TicketPolicy::default()
        };
        let text = serde_json::to_string(&policy).expect("written");
        assert_eq!(serde_json::from_str::<TicketPolicy>(&text).expect("read"), policy);
        assert_eq!(serde_json::from_str::<TicketPolicy>("{}").expect("read"), TicketPolicy::default());
        assert_eq!(policy.days.by_rank()[0], Some(7));
    }
}
