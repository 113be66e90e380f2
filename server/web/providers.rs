//! The providers people log in with, and adding one.

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::{Answer, Frame, Visit, page};
use crate::desk::providers::{self as desk, Draft};
use crate::model::Role;
use crate::store::people::providers::{self, Provider};

/// A provider in the list.
struct Line {
    id: Uuid,
    name: String,
    issuer: String,
    domains: String,
    most: &'static str,
}

/// A provider as a form shows it.
pub struct Fields {
    /// Its name.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// Domains of mail it speaks for.
    pub domains: String,
    /// The claim of groups.
    pub groups_claim: String,
    /// `group = role`, a line each.
    pub roles: String,
    /// The role of everybody else.
    pub otherwise: Option<Role>,
    /// Roles the one who looks may give.
    pub may_give: Vec<Role>,
}

impl Fields {
    /// Those of a provider; without one those of a new one.
    pub fn of(one: Option<&Provider>, visit: &Visit) -> Self {
        let own = visit.actor.role.unwrap_or(Role::Viewer);
        let text = |of: fn(&Provider) -> String| one.map(of).unwrap_or_default();
        Self {
            name: text(|one| one.name.clone()),
            issuer: text(|one| one.issuer.clone()),
            client_id: text(|one| one.client_id.clone()),
            domains: text(|one| one.domains.join(", ")),
            groups_claim: one.map_or_else(|| "groups".to_owned(), |one| one.groups_claim.clone()),
            roles: text(|one| one.grants.lines()),
            otherwise: one.and_then(|one| one.grants.otherwise),
            may_give: Role::ALL.iter().copied().filter(|role| own.may_grant(*role)).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/providers.html")]
struct ProvidersPage {
    frame: Frame,
    lines: Vec<Line>,
    fields: Fields,
    /// The id the next one will have: its addresses are registered before it is added.
    next: Uuid,
    back_to: String,
    out_to: String,
}

/// `GET /providers`.
pub async fn show(visit: Visit) -> Answer {
    let mut tx = visit.begin().await?;
    let all = providers::list(&mut tx).await?;
    drop(tx);
    let line = |one: Provider| Line {
        id: one.id,
        domains: one.domains.join(", "),
        most: one.grants.most().map_or("nothing", Role::label),
        name: one.name,
        issuer: one.issuer,
    };
    let next = Uuid::now_v7();
    page(&ProvidersPage {
        frame: visit.frame("providers"),
        lines: all.into_iter().map(line).collect(),
        fields: Fields::of(None, &visit),
        next,
        back_to: visit.state.house.link(&format!("/login/back/{next}")),
        out_to: visit.state.house.link("/login"),
    })
}

/// A provider to be added.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    id: Uuid,
    #[serde(default)]
    client_secret: String,
    #[serde(flatten)]
    draft: Draft,
}

/// `POST /providers`.
pub async fn add(visit: Visit, Form(sent): Form<Wanted>) -> Answer {
    let (state, now) = (&visit.state, (visit.now)());
    let one = sent.draft.read(sent.id, &visit.actor, &state.house.envoy)?;
    desk::add(&state.store, &visit.actor, &state.house.vault, one, &sent.client_secret, now).await?;
    Ok(Redirect::to(&format!("/providers/{}", sent.id)).into_response())
}
