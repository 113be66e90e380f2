//! One exception: what it accepts, by whom, why and until when; changed and taken back here.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::connection::known;
use super::exception_new::end_of;
use super::exceptions::Line;
use super::fault::Fault;
use super::findings::{self, Choice, one_of};
use super::{Answer, Frame, Visit, page, picture, show};
use crate::desk::exceptions::{self as desk, Terms};
use crate::error::AppError;
use crate::model::ExceptionKind;
use crate::pipeline::exceptions as pipeline;
use crate::store::Tx;
use crate::store::pages::exceptions::{self, Exception};
use crate::store::pages::findings::{self as found, Filter};

/// Findings shown.
const SHOWN: i64 = 20;

struct Progress {
    live: bool,
    says: &'static str,
    count: String,
    bar: String,
}

impl Progress {
    fn of(row: &Exception, now: chrono::DateTime<chrono::Utc>) -> Self {
        let done = row.done.min(row.matched);
        Self {
            live: row.unsettled(now),
            says: if row.holds(now) { "Being accepted" } else { "Coming back" },
            count: format!("{} of {}", show::number(done), show::many(row.matched, "asset", "assets")),
            bar: picture::bar(done, row.matched),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/exception.html")]
struct ExceptionPage {
    frame: Frame,
    line: Line,
    made: String,
    revoked: String,
    progress: Progress,
    findings: Vec<findings::Line>,
    more: bool,
    whys: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "parts/settling.html")]
struct Fragment {
    progress: Progress,
}

async fn one(tx: &mut Tx, id: &str) -> Result<Exception, Fault> {
    Ok(exceptions::get(tx, known(id)?).await?.ok_or(AppError::NotFound("this exception"))?)
}

/// `GET /exceptions/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let row = one(&mut tx, &id).await?;
    let filter = Filter { state: Some("accepted".into()), exception: Some(row.id), ..Filter::default() };
    let accepted = found::list(&mut tx, &filter, now, None, SHOWN).await?;
    drop(tx);
    let revoked = match (&row.revoked_at, &row.revoked_by_name) {
        (Some(at), Some(by)) => format!("Taken back by {by}, {}", show::ago(now, *at)),
        _ => String::new(),
    };
    page(&ExceptionPage {
        frame: visit.frame("exceptions"),
        made: format!("{}, {}", row.made_by_name, show::ago(now, row.made_at)),
        revoked,
        progress: Progress::of(&row, now),
        more: accepted.more,
        findings: accepted.rows.into_iter().map(|row| findings::Line::of(row, now)).collect(),
        whys: ExceptionKind::ALL
            .iter()
            .map(|kind| Choice {
                value: kind.code().into(),
                label: kind.label().into(),
                chosen: *kind == row.kind,
            })
            .collect(),
        line: Line::of(&row, now),
    })
}

/// `GET /exceptions/{id}/progress`: the part of the page that moves.
pub async fn progress(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let row = one(&mut tx, &id).await?;
    drop(tx);
    page(&Fragment { progress: Progress::of(&row, (visit.now)()) })
}

/// Other terms.
#[derive(Debug, Deserialize)]
pub struct Changed {
    why: String,
    reason: String,
    until: String,
}

/// `POST /exceptions/{id}`: another reason, another end.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Changed>) -> Answer {
    let wrong = |_| AppError::Invalid { field: "until".into(), problem: "write a day as 2026-12-31".into() };
    let mut tx = visit.begin().await?;
    let row = one(&mut tx, &id).await?;
    let day = sent.until.parse().map_err(wrong)?;
    let terms = Terms {
        kind: one_of("kind of reason", &sent.why)?.unwrap_or(row.kind),
        reason: sent.reason,
        // The day it ends already is no change.
        until: if row.until.date_naive() == day { row.until } else { end_of(day) },
    };
    desk::change(&mut tx, &visit.actor, &row, &terms, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/exceptions/{}", row.id)).into_response())
}

/// `POST /exceptions/{id}/revoke`: what it accepted is open again.
pub async fn revoke(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let row = one(&mut tx, &id).await?;
    desk::revoke(&mut tx, &visit.actor, &row, (visit.now)()).await?;
    tx.commit().await?;
    pipeline::settle_small(&visit.state.store, visit.actor.tenant, row.id, visit.now).await?;
    Ok(Redirect::to(&format!("/exceptions/{}", row.id)).into_response())
}
