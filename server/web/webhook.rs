//! One webhook: what it is told, what became of each message, and what may be done with it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::fault::Fault;
use super::webhooks::{Fields, Line, Sent};
use super::{Answer, Frame, Visit, page, show};
use crate::desk::webhooks::{self as desk, Means};
use crate::error::AppError;
use crate::model::WebhookForm;
use crate::store::outbox::{self, Delivery};
use crate::store::webhooks::{self, Webhook};
use crate::store::{Tx, connections};

/// Messages of a page.
const SIZE: i64 = 30;

/// A message in the list.
struct Sending {
    id: Uuid,
    event: &'static str,
    count: String,
    at: String,
    when: String,
    state: String,
    look: &'static str,
    answer: String,
    reply: String,
    over: bool,
}

impl Sending {
    fn of(one: Delivery, now: DateTime<Utc>) -> Self {
        let tries = show::many(i64::from(one.attempts), "attempt", "attempts");
        let (state, look) = match one.state.as_str() {
            "sent" => ("Arrived".to_owned(), "low"),
            "dead" => (format!("Given up after {tries}"), "critical"),
            "held" => ("Held back".to_owned(), "low"),
            _ if one.attempts == 0 => ("Waiting".to_owned(), "low"),
            _ if one.next_try_at > now => {
                (format!("{tries}, again in {}", show::span(one.next_try_at - now)), "medium")
            }
            _ => (format!("{tries}, again now"), "medium"),
        };
        let answer = match (one.status, &one.fault) {
            (Some(status), _) => status.to_string(),
            (None, Some(fault)) => fault.clone(),
            (None, None) => String::new(),
        };
        Self {
            id: one.id,
            event: one.event.label(),
            count: if one.count > 1 { show::number(one.count) } else { String::new() },
            at: show::machine(one.at),
            when: show::ago(now, one.at),
            over: matches!(one.state.as_str(), "sent" | "dead"),
            state,
            look,
            answer,
            reply: one.reply.unwrap_or_default(),
        }
    }
}

/// One webhook.
#[derive(Template)]
#[template(path = "pages/webhook.html")]
pub struct WebhookPage {
    frame: Frame,
    line: Line,
    fields: Fields,
    paused: bool,
    paused_why: String,
    signed: bool,
    rotated: Option<String>,
    secret: Option<String>,
    messages: Vec<Sending>,
    dead: i64,
    only_dead: bool,
    next: Option<String>,
}

async fn one(tx: &mut Tx, id: &str) -> Result<Webhook, Fault> {
    Ok(webhooks::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this webhook"))?)
}

impl WebhookPage {
    /// The newest messages of a webhook, with its secret where it was made just now.
    pub async fn load(visit: &Visit, id: Uuid, secret: Option<String>) -> Result<Self, Fault> {
        Self::part(visit, id, secret, &Part::default()).await
    }

    async fn part(visit: &Visit, id: Uuid, secret: Option<String>, part: &Part) -> Result<Self, Fault> {
        let now = (visit.now)();
        let mut tx = visit.begin().await?;
        let webhook = webhooks::get(&mut tx, id).await?.ok_or(AppError::NotFound("this webhook"))?;
        let standing = outbox::standing(&mut tx, id).await?;
        let only_dead = part.state == "dead";
        let state = only_dead.then_some("dead");
        let found = outbox::list(&mut tx, id, state, part.before.parse().ok(), SIZE).await?;
        let all = connections::list(&mut tx).await?;
        drop(tx);
        let last = found.rows.last().filter(|_| found.more).map(|row| row.seq.to_string());
        let signed = webhook.form == WebhookForm::Json;
        let both = webhook.rotated_at.filter(|at| now - *at < chrono::TimeDelta::hours(24));
        Ok(Self {
            frame: visit.frame("integrations"),
            line: Line::of(&webhook, &standing, now),
            fields: Fields::of(Some(&webhook), &all),
            paused: webhook.paused_at.is_some(),
            paused_why: webhook.paused_why.clone().unwrap_or_default(),
            signed,
            rotated: both.map(|at| show::moment(at + chrono::TimeDelta::hours(24))),
            secret: secret.filter(|_| signed),
            messages: found.rows.into_iter().map(|row| Sending::of(row, now)).collect(),
            dead: standing.dead,
            only_dead,
            next: last.map(|before| {
                let path = format!("/integrations/webhooks/{id}");
                show::link(&path, &[("state", &part.state), ("before", &before)])
            }),
        })
    }
}

/// Which messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Part {
    state: String,
    before: String,
}

/// `GET /integrations/webhooks/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(part): Query<Part>) -> Answer {
    page(&WebhookPage::part(&visit, known(&id)?, None, &part).await?)
}

fn back(webhook: &Webhook) -> Answer {
    Ok(Redirect::to(&format!("/integrations/webhooks/{}", webhook.id)).into_response())
}

/// `POST /integrations/webhooks/{id}`: another name, address, choice.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let house = &visit.state.house;
    let means = Means { vault: &house.vault, guard: &house.guard };
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    desk::change(&mut tx, &visit.actor, means, &webhook, &sent.read()?, (visit.now)()).await?;
    tx.commit().await?;
    back(&webhook)
}

/// `POST /integrations/webhooks/{id}/test`.
pub async fn test(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    desk::test(&mut tx, &visit.actor, &webhook, (visit.now)()).await?;
    tx.commit().await?;
    back(&webhook)
}

/// Pause, or not.
#[derive(Debug, Deserialize)]
pub struct Hold {
    paused: bool,
}

/// `POST /integrations/webhooks/{id}/pause`.
pub async fn pause(visit: Visit, Path(id): Path<String>, Form(sent): Form<Hold>) -> Answer {
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    desk::pause(&mut tx, &visit.actor, &webhook, sent.paused, (visit.now)()).await?;
    tx.commit().await?;
    back(&webhook)
}

/// `POST /integrations/webhooks/{id}/rotate`: shows the new secret, once.
pub async fn rotate(visit: Visit, Path(id): Path<String>) -> Answer {
    let house = &visit.state.house;
    let means = Means { vault: &house.vault, guard: &house.guard };
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    let secret = desk::rotate(&mut tx, &visit.actor, means, &webhook, (visit.now)()).await?;
    tx.commit().await?;
    page(&WebhookPage::load(&visit, webhook.id, Some(secret)).await?)
}

/// One message, or all that were given up.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default)]
    message: String,
}

/// `POST /integrations/webhooks/{id}/replay`.
pub async fn replay(visit: Visit, Path(id): Path<String>, Form(sent): Form<Which>) -> Answer {
    let message = if sent.message.is_empty() { None } else { Some(known(&sent.message)?) };
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    desk::replay(&mut tx, &visit.actor, &webhook, message, (visit.now)()).await?;
    tx.commit().await?;
    back(&webhook)
}

/// `POST /integrations/webhooks/{id}/remove`.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let webhook = one(&mut tx, &id).await?;
    desk::delete(&mut tx, &visit.actor, &webhook, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/integrations").into_response())
}
