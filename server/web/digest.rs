//! One digest: when it comes, who gets it, what it would say now.

use askama::Template;
use axum::extract::{Form, Path};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect};
use chrono::TimeDelta;
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::digests::{Fields, Sent};
use super::fault::Fault;
use super::{Answer, Frame, Visit, page, show};
use crate::desk::digests as desk;
use crate::error::AppError;
use crate::pipeline::digest::{self, Told};
use crate::store::Tx;
use crate::store::digests::{self, Digest};

/// What a mail may do in a browser: show its own style, and nothing else.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

struct Line {
    id: Uuid,
    email: String,
    member: bool,
    state: String,
}

#[derive(Template)]
#[template(path = "pages/digest.html")]
struct DigestPage {
    frame: Frame,
    id: Uuid,
    name: String,
    words: String,
    next: String,
    paused: bool,
    heartbeat: bool,
    fields: Fields,
    lines: Vec<Line>,
    subject: String,
    text: String,
}

async fn one(tx: &mut Tx, id: &str) -> Result<Digest, Fault> {
    Ok(digests::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this digest"))?)
}

fn line(one: digests::Recipient) -> Line {
    let state = match (&one.left_at, &one.last) {
        (Some(_), _) => "left the list".to_owned(),
        (None, None) => "nothing sent yet".to_owned(),
        (None, Some((state, fault))) => {
            let word = match state.as_str() {
                "sent" => "sent",
                "quiet" => "no news, no mail",
                "refused" => "refused by the mail server",
                "given_up" => "given up after a day",
                _ => "waiting",
            };
            fault.as_ref().map_or_else(|| word.to_owned(), |fault| format!("{word}: {fault}"))
        }
    };
    Line { id: one.id, email: one.email, member: one.person.is_some(), state }
}

/// What it would say now; of the day before where it was told just now.
async fn now_told(visit: &Visit, tx: &mut Tx, digest: &Digest) -> Result<Told, Fault> {
    let now = (visit.now)();
    Ok(digest::read(tx, digest.covered_until.min(now - TimeDelta::days(1)), now).await?)
}

/// `GET /digests/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    let all = digests::recipients(&mut tx, digest.id).await?;
    let told = now_told(&visit, &mut tx, &digest).await?;
    drop(tx);
    let base = visit.state.house.link("");
    let (text, _) = digest::render(&told, &base, "(each recipient's own link)")?;
    page(&DigestPage {
        frame: visit.frame("digests"),
        id: digest.id,
        words: digest.schedule.words(),
        next: show::moment(digest.next_at),
        paused: digest.paused,
        heartbeat: digest.heartbeat,
        fields: Fields::of(Some(&digest.schedule)),
        lines: all.into_iter().map(line).collect(),
        subject: told.subject(),
        text,
        name: digest.name,
    })
}

/// `GET /digests/{id}/preview`: the mail as mail programs show it.
pub async fn preview(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    let told = now_told(&visit, &mut tx, &digest).await?;
    drop(tx);
    let (_, html) = digest::render(&told, &visit.state.house.link(""), "#")?;
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    Ok(([policy] as [(HeaderName, HeaderValue); 1], Html(html)).into_response())
}

fn back(digest: &Digest) -> Answer {
    Ok(Redirect::to(&format!("/digests/{}", digest.id)).into_response())
}

/// `POST /digests/{id}`: another schedule.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let (schedule, heartbeat) = sent.read()?;
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    desk::save(&mut tx, &visit.actor, &digest.name, &schedule, heartbeat, (visit.now)()).await?;
    tx.commit().await?;
    back(&digest)
}

/// Addresses.
#[derive(Debug, Deserialize)]
pub struct Addresses {
    addresses: String,
}

/// `POST /digests/{id}/recipients`.
pub async fn add(visit: Visit, Path(id): Path<String>, Form(sent): Form<Addresses>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    desk::add(&mut tx, &visit.actor, &digest, &sent.addresses, (visit.now)()).await?;
    tx.commit().await?;
    back(&digest)
}

/// One recipient.
#[derive(Debug, Deserialize)]
pub struct Which {
    recipient: String,
}

/// `POST /digests/{id}/recipients/remove`.
pub async fn take_off(visit: Visit, Path(id): Path<String>, Form(sent): Form<Which>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    desk::remove(&mut tx, &visit.actor, &digest, known(&sent.recipient)?, (visit.now)()).await?;
    tx.commit().await?;
    back(&digest)
}

/// Hold back, or let come.
#[derive(Debug, Deserialize)]
pub struct Hold {
    paused: bool,
}

/// `POST /digests/{id}/pause`.
pub async fn pause(visit: Visit, Path(id): Path<String>, Form(sent): Form<Hold>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    desk::pause(&mut tx, &visit.actor, &digest, sent.paused, (visit.now)()).await?;
    tx.commit().await?;
    back(&digest)
}

/// `POST /digests/{id}/remove`.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let digest = one(&mut tx, &id).await?;
    desk::delete(&mut tx, &visit.actor, &digest, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/digests").into_response())
}
