//! Connecting a registry: its address, and the login it asks for.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::super::connection::known;
use super::super::connection_settings::Every;
use super::super::{Answer, Frame, Visit, show};
use super::fields::{self, Place, Shown};
use crate::config::Reach;
use crate::desk::Refusal;
use crate::desk::connections::{self as desk, Draft, RegistryWish, Wish};
use crate::model::{ConnectionSpec, RegistryCredentials, RegistrySpec};
use crate::store::pages::connections;

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    draft: String,
    r#do: String,
    name: String,
    every: String,
    unit: String,
    address: String,
    plain_http: String,
    username: String,
    password: String,
    repositories: String,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sent({})", self.address)
    }
}

impl Sent {
    fn of(spec: &RegistrySpec) -> Self {
        let username = match &spec.credentials {
            RegistryCredentials::Sealed { username } | RegistryCredentials::Basic { username, .. } => {
                username.clone()
            }
            RegistryCredentials::Anonymous => String::new(),
        };
        Self {
            address: spec.address.clone(),
            plain_http: if spec.plain_http { "1".into() } else { String::new() },
            username,
            repositories: spec.repositories.join("\n"),
            ..Self::default()
        }
    }

    fn wish(&self) -> Wish {
        Wish::Registry(RegistryWish {
            address: self.address.clone(),
            plain_http: !self.plain_http.is_empty(),
            username: self.username.clone(),
            repositories: desk::list(&self.repositories),
        })
    }
}

#[derive(Template)]
#[template(path = "pages/connect_registry.html")]
struct RegistryPage<'a> {
    frame: Frame,
    place: &'a Place,
    shown: &'a Shown,
    sent: &'a Sent,
    every: Every,
    plain_allowed: bool,
}

fn render(visit: &Visit, place: &Place, sent: &Sent, shown: &Shown) -> Answer {
    shown.page(&RegistryPage {
        frame: visit.frame("connections"),
        place,
        shown,
        sent,
        every: fields::every(&sent.every, &sent.unit),
        plain_allowed: visit.state.house.terms.outgoing != Reach::Internet,
    })
}

/// `GET /connections/new/registry`.
pub async fn show(visit: Visit) -> Answer {
    let place = Place::new(&visit, Draft::fresh((visit.now)()))?;
    render(&visit, &place, &Sent::default(), &Shown::default())
}

/// `POST /connections/new/registry`: tests it, or makes it.
pub async fn take(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let mut draft = Place::opened(&visit, &sent.draft)?;
    let done = act(&visit, &mut draft, &sent).await;
    let shown = match done {
        Ok(Ok(shown)) => shown,
        Ok(Err(id)) => return Ok(Redirect::to(&format!("/connections/{id}")).into_response()),
        Err(refusal) => Shown::wrong(refusal)?,
    };
    let place = Place::new(&visit, draft)?;
    render(&visit, &place, &sent, &shown)
}

async fn act(visit: &Visit, draft: &mut Draft, sent: &Sent) -> Result<Result<Shown, uuid::Uuid>, Refusal> {
    let (house, now) = (&visit.state.house, (visit.now)());
    draft.keep(desk::secret(&sent.password)?.as_ref(), now);
    let wish = sent.wish();
    if sent.r#do == "test" {
        let tested = desk::test(&wish, &draft.external_id, draft.secret(), &house.terms, now).await?;
        return Ok(Ok(Shown::tested(&tested, visit)));
    }
    let named = fields::named(&sent.name, &sent.every, &sent.unit)?;
    let mut tx = visit.begin().await?;
    let made = desk::Made { named, wish: &wish, secret: draft.secret() };
    let id = desk::add(&mut tx, &visit.actor, house.keeping(), draft, made, now).await?;
    tx.commit().await?;
    Ok(Err(id))
}

/// `GET /connections/{id}/source/registry`.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    let shown = connections::get(&mut tx, connection.id).await?;
    drop(tx);
    let ConnectionSpec::Registry(spec) = &connection.spec else { return Err(super::another().into()) };
    let since = shown.and_then(|one| one.kept_since).map(show::moment);
    let place = Place::Kept { id: connection.id, name: connection.name, since };
    render(&visit, &place, &Sent::of(spec), &Shown::default())
}

/// `POST /connections/{id}/source/registry`: tests another way to reach it, or takes it.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    if !matches!(connection.spec, ConnectionSpec::Registry(_)) {
        return Err(super::another().into());
    }
    let since = connections::get(&mut tx, connection.id).await?.and_then(|one| one.kept_since);
    drop(tx);
    let shown = match act_on(&visit, &connection, &sent).await {
        Ok(Some(shown)) => shown,
        Ok(None) => return Ok(Redirect::to(&format!("/connections/{}", connection.id)).into_response()),
        Err(refusal) => Shown::wrong(refusal)?,
    };
    let place = Place::Kept { id: connection.id, name: connection.name, since: since.map(show::moment) };
    render(&visit, &place, &sent, &shown)
}

async fn act_on(visit: &Visit, connection: &desk::Connection, sent: &Sent) -> Result<Option<Shown>, Refusal> {
    let (house, now) = (&visit.state.house, (visit.now)());
    let (wish, secret) = (sent.wish(), desk::secret(&sent.password)?);
    let mut tx = visit.begin().await?;
    if sent.r#do == "test" {
        let lead = desk::Lead { wish: &wish, secret };
        let secret = desk::secret_for(&mut tx, house.keeping(), connection, &lead).await?;
        drop(tx);
        let tested = desk::test(&wish, "", secret, &house.terms, now).await?;
        return Ok(Some(Shown::tested(&tested, visit)));
    }
    let lead = desk::Lead { wish: &wish, secret };
    desk::lead(&mut tx, &visit.actor, house.keeping(), connection, lead, now).await?;
    tx.commit().await?;
    Ok(None)
}
