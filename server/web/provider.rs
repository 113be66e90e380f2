//! One provider: what is registered there, what it gives, whether it works.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::providers::Fields;
use super::{Answer, Frame, Visit, page};
use crate::auth::oidc::{self, Sight};
use crate::auth::throttle;
use crate::desk::providers::{self as desk, Draft};
use crate::model::Role;

#[derive(Template)]
#[template(path = "pages/provider.html")]
struct ProviderPage {
    frame: Frame,
    id: Uuid,
    name: String,
    issuer: String,
    has_secret: bool,
    changeable: bool,
    fields: Fields,
    sights: Option<Vec<Sight>>,
    back_to: String,
    out_to: String,
    log_in: String,
}

async fn shown(visit: &Visit, id: Uuid, sights: Option<Vec<Sight>>) -> Answer {
    let mut tx = visit.begin().await?;
    let one = desk::known(&mut tx, id).await?;
    drop(tx);
    let (house, own) = (&visit.state.house, visit.actor.role.unwrap_or(Role::Viewer));
    page(&ProviderPage {
        frame: visit.frame("providers"),
        id,
        fields: Fields::of(Some(&one), visit),
        has_secret: one.client_secret.is_some(),
        changeable: one.grants.most().is_none_or(|most| own.may_grant(most)),
        sights,
        back_to: house.link(&format!("/login/back/{id}")),
        out_to: house.link("/login"),
        log_in: house.link(&format!("/login/at/{id}")),
        name: one.name,
        issuer: one.issuer,
    })
}

fn back(id: Uuid) -> Answer {
    Ok(Redirect::to(&format!("/providers/{id}")).into_response())
}

/// `GET /providers/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    shown(&visit, known(&id)?, None).await
}

/// `POST /providers/{id}`.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(draft): Form<Draft>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    desk::known(&mut tx, id).await?;
    drop(tx);
    let one = draft.read(id, &visit.actor, &visit.state.house.envoy)?;
    desk::change(&visit.state.store, &visit.actor, &one, (visit.now)()).await?;
    back(id)
}

/// `POST /providers/{id}/check`: what the provider says of itself right now.
pub async fn check(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    let one = desk::known(&mut tx, id).await?;
    drop(tx);
    throttle::departure(&visit.state.store, &visit.actor.address, (visit.now)()).await?;
    let sights = oidc::look(visit.state.porter(), &one).await;
    shown(&visit, id, Some(sights)).await
}

/// Another secret.
#[derive(Debug, Deserialize)]
pub struct Secret {
    #[serde(default)]
    client_secret: String,
}

/// `POST /providers/{id}/secret`.
pub async fn rotate(visit: Visit, Path(id): Path<String>, Form(sent): Form<Secret>) -> Answer {
    let id = known(&id)?;
    let mut tx = visit.begin().await?;
    let vault = &visit.state.house.vault;
    desk::rotate(&mut tx, &visit.actor, vault, id, &sent.client_secret, (visit.now)()).await?;
    tx.commit().await?;
    back(id)
}

/// `POST /providers/{id}/remove`.
pub async fn remove(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    desk::remove(&mut tx, &visit.actor, known(&id)?, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/providers").into_response())
}
