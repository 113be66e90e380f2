//! Tokens of the API: made with scopes and an end, shown once, taken back.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form as Repeated;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Answer, Frame, Visit, page, show};
use crate::auth::Secret;
use crate::auth::audit::Change;
use crate::error::AppError;
use crate::model::{Permission, TICKETING};
use crate::store::people::tokens::{self, NewToken, Token};

/// A token may last at most so long.
const LONGEST_DAYS: i64 = 366;

/// A token in the list.
pub struct Line {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its first letters.
    pub shown: String,
    /// What it may do.
    pub scopes: String,
    /// Who made it.
    pub made_by: String,
    /// Ends, or ended.
    pub state: String,
    /// It still works.
    pub works: bool,
    /// Last used.
    pub used: String,
}

#[derive(Template)]
#[template(path = "pages/tokens.html")]
struct TokensPage {
    frame: Frame,
    lines: Vec<Line>,
    scopes: Vec<(Permission, bool)>,
    made: Option<(String, String)>,
}

async fn shown(visit: &Visit, made: Option<(String, String)>) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let all = tokens::list(&mut tx).await?;
    drop(tx);
    let line = |one: Token| {
        let works = one.revoked_at.is_none() && one.expires_at > now;
        let state = match one.revoked_at {
            Some(at) => format!("taken back {}", show::ago(now, at)),
            None if works => format!("ends in {}", show::span(one.expires_at - now)),
            None => format!("ended {}", show::ago(now, one.expires_at)),
        };
        Line {
            id: one.id,
            name: one.name,
            shown: one.shown,
            scopes: one.scopes.iter().map(|scope| scope.code()).collect::<Vec<_>>().join(", "),
            made_by: one.made_by.unwrap_or_else(|| "somebody who is gone".into()),
            state,
            works,
            used: one.used_at.map_or_else(|| "never".into(), |at| show::ago(now, at)),
        }
    };
    let scopes = visit.actor.may.iter().map(|one| (*one, TICKETING.contains(one))).collect();
    page(&TokensPage {
        frame: visit.frame("tokens"),
        lines: all.into_iter().map(line).collect(),
        scopes,
        made,
    })
}

/// `GET /tokens`.
pub async fn show(visit: Visit) -> Answer {
    shown(&visit, None).await
}

/// A token to be made.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    name: String,
    #[serde(default)]
    scope: Vec<String>,
    days: i64,
}

/// `POST /tokens`: shows it, once. Nobody gives a token more than they have.
pub async fn make(visit: Visit, Repeated(sent): Repeated<Wanted>) -> Answer {
    let invalid =
        |field: &str, problem: &str| AppError::Invalid { field: field.into(), problem: problem.into() };
    let name = sent.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(invalid("name", "write 1 to 100 characters").into());
    }
    if !(1..=LONGEST_DAYS).contains(&sent.days) {
        return Err(invalid("days", "choose 1 to 366").into());
    }
    let mut scopes = Vec::new();
    for code in &sent.scope {
        let scope: Permission = code.parse().map_err(|problem: String| invalid("scope", &problem))?;
        if !visit.actor.may(scope) {
            return Err(AppError::Forbidden(format!("give a token the scope {scope}")).into());
        }
        scopes.push(scope);
    }
    if scopes.is_empty() {
        return Err(invalid("scope", "choose at least one").into());
    }
    let (secret, now) = (Secret::for_api(&mut rand::rng()), (visit.now)());
    let new = NewToken {
        name: name.clone(),
        secret_hash: secret.hash(),
        shown: secret.shown(),
        scopes,
        made_by: visit.actor.person,
        expires_at: now + TimeDelta::days(sent.days),
    };
    let mut tx = visit.begin().await?;
    tokens::add(&mut tx, &new, now).await?;
    let after = Some(json!({ "scopes": sent.scope, "days": sent.days, "begins": new.shown }));
    visit
        .record(&mut tx, Change { action: "token.made", subject: name.clone(), before: None, after })
        .await?;
    tx.commit().await?;
    shown(&visit, Some((name, secret.tell().to_owned()))).await
}

/// One token.
#[derive(Debug, Deserialize)]
pub struct Which {
    id: Uuid,
}

/// `POST /tokens/revoke`.
pub async fn revoke(visit: Visit, Form(sent): Form<Which>) -> Answer {
    let mut tx = visit.begin().await?;
    let name = tokens::list(&mut tx).await?.into_iter().find(|one| one.id == sent.id).map(|one| one.name);
    let Some(name) = name else { return Err(AppError::NotFound("this token").into()) };
    if tokens::revoke(&mut tx, sent.id, (visit.now)()).await? {
        visit.record(&mut tx, Change { action: "token.revoked", subject: name, ..Change::default() }).await?;
    }
    tx.commit().await?;
    Ok(Redirect::to("/tokens").into_response())
}
