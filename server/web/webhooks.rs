//! The integrations of a tenant: trackers, webhooks, and making one.

use askama::Template;
use axum::response::IntoResponse;
use axum_extra::extract::Form;
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::findings::{Choice, choices, one_of};
use super::webhook::WebhookPage;
use super::{Answer, Frame, Visit, page, show, tracker};
use crate::desk::webhooks::{self as desk, Means, Wanted};
use crate::error::AppError;
use crate::model::{Area, Family, Severity, WebhookEvent, WebhookFilter, WebhookForm};
use crate::store::connections::Connection;
use crate::store::webhooks::{self, Webhook};
use crate::store::{connections, outbox, trackers};

/// An event in a form: code, label, chosen.
pub type Event = (&'static str, &'static str, bool);

/// A webhook as a form shows it.
pub struct Fields {
    /// Its name.
    pub name: String,
    /// What stands in the field of its address.
    pub place: String,
    /// How messages are written.
    pub forms: Vec<Choice>,
    /// What is told, by what it happens to.
    pub events: Vec<(&'static str, Vec<Event>)>,
    /// This severity or worse.
    pub severities: Vec<Choice>,
    /// One area.
    pub areas: Vec<Choice>,
    /// One family.
    pub families: Vec<Choice>,
    /// One connection.
    pub connections: Vec<Choice>,
    /// One control.
    pub control: String,
}

impl Fields {
    /// Those of a webhook, or of a new one.
    pub fn of(webhook: Option<&Webhook>, all: &[Connection]) -> Self {
        let none = WebhookFilter::default();
        let filter = webhook.map_or(&none, |one| &one.filter);
        let form = webhook.map_or(WebhookForm::Json, |one| one.form);
        let ids: Vec<(String, &str)> =
            all.iter().map(|one| (one.id.to_string(), one.name.as_str())).collect();
        let connection = filter.connection.map(|id| id.to_string()).unwrap_or_default();
        Self {
            name: webhook.map(|one| one.name.clone()).unwrap_or_default(),
            place: webhook.map(|one| format!("{}/…", one.place)).unwrap_or_default(),
            forms: WebhookForm::ALL
                .iter()
                .map(|one| Choice {
                    value: one.code().into(),
                    label: one.label().into(),
                    chosen: *one == form,
                })
                .collect(),
            events: events(webhook),
            severities: choices(
                "Any",
                Severity::ALL.iter().map(|one| (one.code(), one.label())),
                filter.severity.map_or("", Severity::code),
            ),
            areas: choices(
                "Any",
                Area::ALL.iter().map(|one| (one.code(), one.label())),
                filter.area.map_or("", Area::code),
            ),
            families: choices(
                "Both",
                Family::ALL.iter().map(|one| (one.code(), one.label())),
                filter.family.map_or("", Family::code),
            ),
            connections: choices("Any", ids.iter().map(|(id, name)| (id.as_str(), *name)), &connection),
            control: filter.control.clone().unwrap_or_default(),
        }
    }
}

/// The events there are, by what they happen to; of a new webhook the usual ones are chosen.
fn events(webhook: Option<&Webhook>) -> Vec<(&'static str, Vec<Event>)> {
    use WebhookEvent::{FindingOpened, FindingReopened, FindingResolved, RunFailed};
    let usual = [FindingOpened, FindingReopened, FindingResolved, RunFailed];
    let chosen = |event| webhook.map_or(usual.contains(&event), |one| one.events.contains(&event));
    let group = |noun: &'static str| {
        WebhookEvent::choices()
            .filter(|event| event.noun() == noun)
            .map(|event| (event.code(), event.label(), chosen(event)))
            .collect()
    };
    vec![("Findings", group("finding")), ("Tickets", group("ticket")), ("Runs", group("run"))]
}

/// A webhook as a form sends it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    name: String,
    url: String,
    form: String,
    event: Vec<String>,
    severity: String,
    area: String,
    family: String,
    control: String,
    connection: String,
}

impl Sent {
    /// What is wanted.
    pub fn read(&self) -> Result<Wanted, Fault> {
        let wrong = |problem| AppError::Invalid { field: "events".into(), problem };
        let events = self.event.iter().map(|code| code.parse::<WebhookEvent>().map_err(wrong));
        let connection = |_| AppError::Invalid { field: "connection".into(), problem: "it is no id".into() };
        Ok(Wanted {
            name: self.name.clone(),
            form: one_of("form", &self.form)?,
            url: self.url.clone(),
            events: events.collect::<Result<_, _>>()?,
            filter: WebhookFilter {
                severity: one_of("severity", &self.severity)?,
                area: one_of("area", &self.area)?,
                family: one_of("family", &self.family)?,
                control: Some(self.control.trim().to_uppercase()).filter(|code| !code.is_empty()),
                connection: match self.connection.as_str() {
                    "" => None,
                    id => Some(id.parse().map_err(connection)?),
                },
            },
        })
    }
}

/// A webhook in the list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Where it leads, as far as it is told.
    pub place: String,
    /// How messages are written.
    pub form: &'static str,
    /// What it is told.
    pub told: String,
    /// How it stands: word and look.
    pub state: (String, &'static str),
    /// When the last message arrived.
    pub last: String,
}

impl Line {
    /// From what is known of it.
    pub fn of(one: &Webhook, standing: &outbox::Standing, now: chrono::DateTime<chrono::Utc>) -> Self {
        let waits =
            |count: i64| if count >= 1_000 { "1,000 or more".to_owned() } else { show::number(count) };
        let state = match (&one.paused_at, one.failing_since) {
            (Some(_), _) if one.paused_why.is_some() => ("Paused by itself".to_owned(), "critical"),
            (Some(_), _) => ("Paused".to_owned(), "low"),
            (None, Some(since)) => (format!("Failing since {}", show::ago(now, since)), "high"),
            (None, None) if standing.dead > 0 => (format!("{} given up", waits(standing.dead)), "medium"),
            (None, None) if standing.waiting > 0 => (format!("{} waiting", waits(standing.waiting)), "low"),
            (None, None) => ("Well".to_owned(), "low"),
        };
        Self {
            id: one.id,
            name: one.name.clone(),
            place: one.place.clone(),
            form: one.form.label(),
            told: show::many(i64::try_from(one.events.len()).unwrap_or(0), "event", "events"),
            state,
            last: standing.last_sent.map_or_else(|| "nothing yet".into(), |at| show::ago(now, at)),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    trackers: Vec<tracker::Line>,
    lines: Vec<Line>,
    fields: Fields,
}

/// `GET /integrations`.
pub async fn show(visit: Visit) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let mut lines = Vec::new();
    for one in webhooks::list(&mut tx).await? {
        let standing = outbox::standing(&mut tx, one.id).await?;
        lines.push(Line::of(&one, &standing, now));
    }
    let all = connections::list(&mut tx).await?;
    let elsewhere = trackers::list(&mut tx).await?;
    drop(tx);
    page(&WebhooksPage {
        frame: visit.frame("integrations"),
        trackers: elsewhere.iter().map(|one| tracker::Line::of(one, now)).collect(),
        lines,
        fields: Fields::of(None, &all),
    })
}

/// `POST /integrations/webhooks`: shows its signing secret, once.
pub async fn make(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let wanted = sent.read()?;
    let house = &visit.state.house;
    let means = Means { vault: &house.vault, guard: &house.guard };
    let mut tx = visit.begin().await?;
    let (id, secret) = desk::add(&mut tx, &visit.actor, means, &wanted, (visit.now)()).await?;
    tx.commit().await?;
    let page = WebhookPage::load(&visit, id, Some(secret)).await?;
    Ok(super::page(&page)?.into_response())
}
