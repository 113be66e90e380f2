//! What leaves the house towards other programs: webhooks, written and signed, and trackers.
//!
//! Pure but for sending. What is told and to whom is decided elsewhere; nothing is kept here.

mod plain;
mod retry;
mod send;
mod sign;
mod slack;
mod teams;
pub mod tracker;
mod words;

pub use retry::{later, wait};
pub use send::{Answer, Fate, PATIENCE, post};
pub use sign::{Key, Secrets, sign};

use serde_json::Value;

use crate::model::{Message, WebhookForm};

/// A message as its webhook wants it written; `base` is where its links begin.
pub fn body(message: &Message, form: WebhookForm, base: &str) -> Value {
    match form {
        WebhookForm::Json => plain::body(message, base),
        WebhookForm::Slack => slack::body(message, base),
        WebhookForm::Teams => teams::body(message, base),
    }
}

#[cfg(test)]
mod samples {
    use chrono::DateTime;
    use uuid::Uuid;

    use crate::model::{
        AssetTold, FindingTold, Kind, Message, RunTold, Severity, TicketState, TicketTold, Told, WebhookEvent,
    };

    pub fn message(event: WebhookEvent, count: i64, told: Told) -> Message {
        let by_severity = if event.noun() == "finding" { [1, count - 1, 0, 0, 0] } else { [0; 5] };
        let (id, tenant) = (Uuid::from_u128(7), Uuid::from_u128(8));
        Message { id, tenant, event, at: DateTime::UNIX_EPOCH, count, by_severity, told }
    }

    pub fn findings(count: i64) -> Message {
        let one = |number: u128| FindingTold {
            id: Uuid::from_u128(100 + number),
            control: "ACC-02".into(),
            severity: if number == 0 { Severity::Critical } else { Severity::High },
            reason: "role <ops> may do everything & more".into(),
            asset: AssetTold {
                id: Uuid::from_u128(200 + number),
                name: format!("pay-*{number}*"),
                kind: Kind::Function,
                account: "111122223333".into(),
                region: "eu-west-1".into(),
            },
            connection: Uuid::from_u128(9),
        };
        let listed = u128::try_from(count.min(50)).unwrap_or(0);
        message(WebhookEvent::FindingOpened, count, Told::Findings((0..listed).map(one).collect()))
    }

    pub fn ticket() -> Message {
        let ticket = TicketTold {
            id: Uuid::from_u128(300),
            number: 12,
            control: "ACC-02".into(),
            owner: "team-payments".into(),
            state: TicketState::Done,
            severity: Severity::Critical,
            findings: 3,
            open_findings: 0,
            assignee: Some("Ann".into()),
            due_at: Some(DateTime::UNIX_EPOCH),
            by: "the estate".into(),
            words: "done: all its findings are resolved".into(),
        };
        message(WebhookEvent::TicketClosed, 1, Told::Tickets(vec![ticket]))
    }

    pub fn run() -> Message {
        let run = RunTold {
            id: Uuid::from_u128(400),
            connection: Uuid::from_u128(9),
            connection_name: "production".into(),
            state: "done".into(),
            assets: 1_200,
            gaps: 3,
            fault: None,
        };
        message(WebhookEvent::RunGaps, 1, Told::Runs(vec![run]))
    }

    pub fn test() -> Message {
        message(WebhookEvent::Test, 1, Told::Nothing)
    }

    pub fn all() -> Vec<Message> {
        vec![findings(1), findings(1_204), ticket(), run(), test()]
    }
}
