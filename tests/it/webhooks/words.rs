//! Every event in every form: what it is called, and where its page is.

use chrono::DateTime;
use parallax::model::{Message, Told, WebhookEvent, WebhookForm};
use parallax::notify;
use serde_json::{Value, json};
use uuid::Uuid;

const BASE: &str = "https://p.example";
/// Each event as programs know it, what a chat reads of one such thing, and where its button leads.
const SAID: [(&str, &str, &str); 15] = [
    ("finding.opened", "1 finding opened", "/findings"),
    ("finding.reopened", "1 finding came back", "/findings"),
    ("finding.resolved", "1 finding resolved", "/findings"),
    ("finding.stale", "1 finding out of sight", "/findings"),
    ("finding.seen_again", "1 finding in sight again", "/findings"),
    ("finding.accepted", "1 finding accepted for a time", "/findings"),
    ("finding.returned", "1 finding open again after its exception", "/findings"),
    ("ticket.opened", "Ticket #12 opened", "/tickets"),
    ("ticket.changed", "Ticket #12 changed", "/tickets"),
    ("ticket.commented", "Ticket #12 commented", "/tickets"),
    ("ticket.closed", "Ticket #12 closed", "/tickets"),
    ("ticket.reopened", "Ticket #12 open again", "/tickets"),
    ("run.gaps", "production was not fully seen", "/connections"),
    ("run.failed", "production could not be read", "/connections"),
    ("webhook.test", "A test from Parallax: messages arrive", "/"),
];

fn message(event: WebhookEvent) -> Message {
    let (id, connection) = (Uuid::from_u128(7), Uuid::from_u128(9));
    let items = match event.noun() {
        "finding" => json!([{
            "id": id, "control": "ACC-02", "severity": "high", "reason": "it may do everything",
            "asset": { "id": id, "name": "pay", "kind": "function", "account": "1", "region": "eu-west-1" },
            "connection": connection,
        }]),
        "ticket" => json!([{
            "id": id, "number": 12, "control": "ACC-02", "owner": "red", "state": "open",
            "severity": "high", "findings": 3, "open_findings": 1, "assignee": "Ann", "due_at": null,
            "by": "Ann", "words": "looked at",
        }]),
        "run" => json!([{
            "id": id, "connection": connection, "connection_name": "production", "state": "done",
            "assets": 12, "gaps": 3, "fault": null,
        }]),
        _ => json!([]),
    };
    let told = Told::read(event, items).expect("things of this event");
    let (tenant, at) = (Uuid::from_u128(8), DateTime::UNIX_EPOCH);
    Message { id, tenant, event, at, count: 1, by_severity: [0, 1, 0, 0, 0], told }
}

#[test]
fn every_event_is_told_in_every_form() {
    let codes: Vec<&str> = WebhookEvent::ALL.iter().map(|event| event.code()).collect();
    assert_eq!(codes, SAID.map(|(code, ..)| code), "each has its line");
    for (event, (code, headline, all)) in WebhookEvent::ALL.iter().zip(SAID) {
        let message = message(*event);
        let [plain, slack, teams] = [WebhookForm::Json, WebhookForm::Slack, WebhookForm::Teams]
            .map(|form| notify::body(&message, form, BASE));
        assert_eq!((&plain["type"], &plain["data"]["count"]), (&json!(code), &json!(1)));
        let button = slack["blocks"].as_array().and_then(|blocks| blocks.last()).expect("blocks");
        let card = &teams["attachments"][0]["content"];
        let (headline, all) = (json!(headline), json!(format!("{BASE}{all}")));
        assert_eq!((&slack["blocks"][0]["text"]["text"], &button["elements"][0]["url"]), (&headline, &all));
        assert_eq!((&card["body"][0]["text"], &card["actions"][0]["url"]), (&headline, &all));
        // A test speaks of nothing that has a page.
        if message.told != Told::Nothing {
            let page = format!("{BASE}/{}s/{}", event.noun(), message.id);
            let leads = |body: &Value| body.to_string().contains(&page);
            assert!([&plain, &slack, &teams].into_iter().all(leads), "{code}: {page}");
        }
    }
}
