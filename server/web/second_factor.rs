//! Switching the second factor on and off: the code to scan, the first code back, recovery codes
//! shown once and renewed.

use askama::Template;
use axum::extract::Form;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect};
use serde::Deserialize;

use super::account::{came_by_password, oneself};
use super::{Answer, Frame, Visit, page};
use crate::auth::audit::Change;
use crate::auth::login::{code_is_right, totp_bound};
use crate::auth::{throttle, totp};
use crate::error::AppError;
use crate::store::people::{self, Person};

#[derive(Template)]
#[template(path = "pages/second_factor.html")]
struct FactorPage {
    frame: Frame,
    shown: totp::Shown,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/recovery.html")]
struct RecoveryPage {
    frame: Frame,
    codes: Vec<String>,
}

/// A code.
#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    code: String,
}

async fn person(visit: &Visit) -> Result<Person, super::Fault> {
    let mut gate = visit.state.store.gate().await?;
    Ok(people::by_id(&mut gate, oneself(visit)?).await?.ok_or(AppError::NotFound("this person"))?)
}

/// `GET /account/second-factor`: the secret to scan, kept sealed until a code of it comes back.
pub async fn show(visit: Visit) -> Answer {
    came_by_password(&visit)?;
    let person = person(&visit).await?;
    if person.totp_on {
        return Ok(Redirect::to("/account").into_response());
    }
    let vault = &visit.state.house.vault;
    let bound = totp_bound(person.id);
    let begun = person.totp_secret.as_ref().and_then(|sealed| vault.open(sealed, &bound).ok());
    let secret = if let Some(secret) = begun {
        secret
    } else {
        let secret = totp::fresh(&mut rand::rng());
        let sealed = vault.seal(&secret, &bound)?;
        let mut gate = visit.state.store.gate().await?;
        people::set_totp(&mut gate, person.id, Some(&sealed), false).await?;
        gate.commit().await?;
        secret
    };
    let shown = totp::show(&secret, &person.email)?;
    page(&FactorPage { frame: visit.frame("account"), shown, problem: None })
}

/// `POST /account/second-factor`: a right code switches it on and shows the recovery codes.
pub async fn confirm(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    came_by_password(&visit)?;
    let (person, now) = (person(&visit).await?, (visit.now)());
    if person.totp_on {
        return Ok(Redirect::to("/account").into_response());
    }
    let store = &visit.state.store;
    throttle::attempt(store, &format!("code:{}", person.email), &visit.actor.address, now).await?;
    let vault = &visit.state.house.vault;
    let mut gate = store.gate().await?;
    if !code_is_right(&mut gate, vault, &person, &sent.code, now).await? {
        let sealed = person.totp_secret.as_deref().ok_or(AppError::NotFound("a second factor"))?;
        let shown = totp::show(&vault.open(sealed, &totp_bound(person.id))?, &person.email)?;
        let problem = Some("That code is not right. Check that the phone's clock is.".to_owned());
        let page = FactorPage { frame: visit.frame("account"), shown, problem };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response());
    }
    let (codes, hashes) = totp::recovery(&mut rand::rng());
    people::set_totp(&mut gate, person.id, person.totp_secret.as_deref(), true).await?;
    people::set_recovery(&mut gate, person.id, &hashes).await?;
    gate.commit().await?;
    noted(&visit, "person.second_factor_on").await?;
    page(&RecoveryPage { frame: visit.frame("account"), codes })
}

/// Whether somebody sends a code of theirs, so that an open browser is not enough.
async fn proven(visit: &Visit, person: &Person, code: &str) -> Result<(), super::Fault> {
    let (store, now) = (&visit.state.store, (visit.now)());
    throttle::attempt(store, &format!("code:{}", person.email), &visit.actor.address, now).await?;
    let mut gate = store.gate().await?;
    let right = code_is_right(&mut gate, &visit.state.house.vault, person, code, now).await?
        || people::take_recovery(&mut gate, person.id, &totp::recovery_hash(code), now).await?;
    if !right {
        let problem = "that code is not right".to_owned();
        return Err(AppError::Invalid { field: "code".into(), problem }.into());
    }
    Ok(gate.commit().await?)
}

/// `POST /account/second-factor/codes`: new recovery codes; those before work no more.
pub async fn renew(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    came_by_password(&visit)?;
    let person = person(&visit).await?;
    if !person.totp_on {
        return Ok(Redirect::to("/account").into_response());
    }
    proven(&visit, &person, &sent.code).await?;
    let (codes, hashes) = totp::recovery(&mut rand::rng());
    let mut gate = visit.state.store.gate().await?;
    people::set_recovery(&mut gate, person.id, &hashes).await?;
    gate.commit().await?;
    noted(&visit, "person.recovery_codes_renewed").await?;
    page(&RecoveryPage { frame: visit.frame("account"), codes })
}

/// `POST /account/second-factor/off`.
pub async fn switch_off(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    came_by_password(&visit)?;
    let person = person(&visit).await?;
    proven(&visit, &person, &sent.code).await?;
    let mut gate = visit.state.store.gate().await?;
    people::set_totp(&mut gate, person.id, None, false).await?;
    people::set_recovery(&mut gate, person.id, &[]).await?;
    gate.commit().await?;
    noted(&visit, "person.second_factor_off").await?;
    Ok(Redirect::to("/account").into_response())
}

async fn noted(visit: &Visit, action: &'static str) -> Result<(), super::Fault> {
    let mut tx = visit.begin().await?;
    let change = Change { action, subject: visit.actor.email.clone(), ..Change::default() };
    visit.record(&mut tx, change).await?;
    Ok(tx.commit().await?)
}
