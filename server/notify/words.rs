//! A message in a line, and its things in a line each, for people in chats.

use crate::model::{FindingTold, Message, RunTold, Severity, TicketTold, Told, WebhookEvent};
use crate::rules;

/// Things listed in a chat; the rest is counted.
pub const LISTED: usize = 5;

/// A thing in a chat: where its page is, its name, what there is to say.
pub struct Line {
    /// Its severity, where it has one.
    pub severity: Option<Severity>,
    /// What it is called.
    pub name: String,
    /// Path of its page.
    pub path: String,
    /// What there is to say.
    pub about: String,
}

/// What happened, in one line.
pub fn headline(message: &Message) -> String {
    let many = |one: &str, more: &str| {
        format!("{} {}", number(message.count), if message.count == 1 { one } else { more })
    };
    match (&message.told, message.event) {
        (Told::Runs(runs), event) => {
            let name = runs.first().map_or("a connection", |run| run.connection_name.as_str());
            match event {
                WebhookEvent::RunGaps => format!("{name} was not fully seen"),
                _ => format!("{name} could not be read"),
            }
        }
        (Told::Tickets(tickets), event) if message.count == 1 => {
            let number = tickets.first().map_or(0, |one| one.number);
            format!("Ticket #{number} {}", verb(event))
        }
        (Told::Nothing, _) => "A test from Parallax: messages arrive".to_owned(),
        (Told::Tickets(_), event) => format!("{} {}", many("ticket", "tickets"), verb(event)),
        (Told::Findings(_), event) => format!("{} {}", many("finding", "findings"), verb(event)),
    }
}

const fn verb(event: WebhookEvent) -> &'static str {
    match event {
        WebhookEvent::FindingOpened | WebhookEvent::TicketOpened => "opened",
        WebhookEvent::FindingReopened => "came back",
        WebhookEvent::FindingResolved => "resolved",
        WebhookEvent::FindingStale => "out of sight",
        WebhookEvent::FindingSeenAgain => "in sight again",
        WebhookEvent::FindingAccepted => "accepted for a time",
        WebhookEvent::FindingReturned => "open again after its exception",
        WebhookEvent::TicketChanged => "changed",
        WebhookEvent::TicketCommented => "commented",
        WebhookEvent::TicketClosed => "closed",
        WebhookEvent::TicketReopened => "open again",
        WebhookEvent::RunGaps | WebhookEvent::RunFailed | WebhookEvent::Test => "",
    }
}

/// `1 critical, 20 high`; empty where nothing has a severity.
pub fn severities(message: &Message) -> String {
    let parts = Severity::ALL.iter().zip(message.by_severity).filter(|(_, count)| *count > 0);
    parts.map(|(severity, count)| format!("{} {severity}", number(count))).collect::<Vec<_>>().join(", ")
}

/// The first things it speaks of.
pub fn lines(message: &Message) -> Vec<Line> {
    match &message.told {
        Told::Findings(all) => all.iter().take(LISTED).map(of_finding).collect(),
        Told::Tickets(all) => all.iter().take(LISTED).map(of_ticket).collect(),
        Told::Runs(all) => all.iter().take(LISTED).map(of_run).collect(),
        Told::Nothing => Vec::new(),
    }
}

fn of_finding(one: &FindingTold) -> Line {
    let place = [&one.asset.account, &one.asset.region].map(String::as_str);
    let place = place.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ");
    Line {
        severity: Some(one.severity),
        name: one.asset.name.clone(),
        path: format!("/findings/{}", one.id),
        about: format!("{} ({}): {} · {place}", title(&one.control), one.control, one.reason),
    }
}

fn of_ticket(one: &TicketTold) -> Line {
    let with = one.assignee.as_ref().map(|name| format!(" · with {name}")).unwrap_or_default();
    Line {
        severity: Some(one.severity),
        name: format!("#{} {}", one.number, title(&one.control)),
        path: format!("/tickets/{}", one.id),
        about: format!(
            "{} ({}) · {} of {} still fail{with}",
            short(&one.words, 300),
            one.by,
            number(one.open_findings),
            number(one.findings)
        ),
    }
}

fn of_run(one: &RunTold) -> Line {
    let about = match &one.fault {
        Some(fault) => short(fault, 300),
        None => format!("{} assets seen, {} gaps", number(one.assets), number(one.gaps)),
    };
    Line { severity: None, name: one.connection_name.clone(), path: format!("/runs/{}", one.id), about }
}

/// The defect a control speaks of; its code where no version of ours knows it.
pub fn title(code: &str) -> String {
    rules::find(code).map_or_else(|| code.to_owned(), |control| control.title().to_owned())
}

/// Where all of it is: path and word.
pub fn all_of_it(message: &Message) -> (&'static str, &'static str) {
    match message.event.noun() {
        "finding" => ("/findings", "All findings"),
        "ticket" => ("/tickets", "All tickets"),
        "run" => ("/connections", "All connections"),
        _ => ("/", "Open Parallax"),
    }
}

/// `1,204`.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = if value < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most so many letters.
pub fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
