//! Connecting Azure subscriptions: who we are there, and which of those we see are to be read.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form;
use serde::Deserialize;

use super::super::connection::known;
use super::super::connection_settings::Every;
use super::super::{Answer, Frame, Visit, show};
use super::fields::{self, Place, Shown};
use crate::collect::azure::{Found, Named};
use crate::desk::Refusal;
use crate::desk::connections::{self as desk, AzureWish, Draft, Wish};
use crate::model::{AzureCredentials, AzureSpec, ConnectionSpec};
use crate::store::pages::connections;

/// What the form sends.
#[derive(Default, Clone, Deserialize)]
#[serde(default)]
pub struct Sent {
    draft: String,
    r#do: String,
    name: String,
    every: String,
    unit: String,
    identity: String,
    directory: String,
    client: String,
    secret: String,
    group: String,
    /// Chosen among those found.
    subscription: Vec<String>,
    /// Written by hand.
    subscriptions: String,
    endpoint: String,
    authority: String,
}

impl std::fmt::Debug for Sent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Sent({})", self.client)
    }
}

impl Sent {
    fn of(spec: &AzureSpec) -> Self {
        let (identity, directory, client) = match &spec.credentials {
            AzureCredentials::Environment => ("own".to_owned(), String::new(), String::new()),
            AzureCredentials::App { directory, client } => (String::new(), directory.clone(), client.clone()),
        };
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        Self {
            identity,
            directory,
            client,
            subscriptions: spec.subscriptions.join("\n"),
            endpoint: text(&spec.endpoint),
            authority: text(&spec.authority),
            ..Self::default()
        }
    }

    fn wish(&self) -> Wish {
        let mut subscriptions = desk::list(&self.subscriptions);
        for one in &self.subscription {
            if !subscriptions.contains(one) {
                subscriptions.push(one.clone());
            }
        }
        Wish::Azure(AzureWish {
            own_identity: self.identity == "own",
            directory: self.directory.clone(),
            client: self.client.clone(),
            subscriptions,
            endpoint: self.endpoint.clone(),
            authority: self.authority.clone(),
        })
    }
}

/// A subscription that can be chosen.
struct Choice {
    id: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "pages/connect_azure.html")]
struct AzurePage<'a> {
    frame: Frame,
    place: &'a Place,
    shown: &'a Shown,
    sent: &'a Sent,
    every: Every,
    own_allowed: bool,
    endpoints: bool,
    /// What was looked for and found; none before.
    found: Option<Vec<Choice>>,
    groups: Vec<Named>,
    gaps: Vec<String>,
    /// Ids written by hand, less those that can be chosen.
    by_hand: String,
}

fn render(visit: &Visit, place: &Place, sent: &Sent, shown: &Shown, found: Option<Found>) -> Answer {
    let terms = &visit.state.house.terms;
    let mut by_hand = desk::list(&sent.subscriptions);
    let looked = found.is_some();
    let found = found.unwrap_or_default();
    let choices = found.subscriptions.into_iter().map(|one| {
        let named = by_hand.contains(&one.id);
        by_hand.retain(|id| *id != one.id);
        Choice {
            chosen: named || sent.subscription.is_empty() || sent.subscription.contains(&one.id),
            id: one.id,
            name: one.name,
        }
    });
    let choices: Vec<_> = choices.collect();
    if !looked {
        by_hand.extend(sent.subscription.iter().cloned());
    }
    shown.page(&AzurePage {
        frame: visit.frame("connections"),
        place,
        shown,
        every: fields::every(&sent.every, &sent.unit),
        sent,
        own_allowed: terms.own_identity,
        endpoints: terms.endpoints,
        found: looked.then_some(choices),
        groups: found.groups,
        gaps: found.gaps,
        by_hand: by_hand.join("\n"),
    })
}

/// What came of what was asked.
enum Done {
    Shown(Box<Shown>),
    Found(Found),
    Saved(uuid::Uuid),
}

/// `GET /connections/new/azure`.
pub async fn show(visit: Visit) -> Answer {
    let place = Place::new(&visit, Draft::fresh((visit.now)()))?;
    render(&visit, &place, &Sent::default(), &Shown::default(), None)
}

/// `POST /connections/new/azure`: looks for subscriptions, tests it, or makes it.
pub async fn take(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let mut draft = Place::opened(&visit, &sent.draft)?;
    let done = act(&visit, &mut draft, &sent).await;
    let place = Place::new(&visit, draft)?;
    answer(&visit, &place, &sent, done)
}

fn answer(visit: &Visit, place: &Place, sent: &Sent, done: Result<Done, Refusal>) -> Answer {
    match done {
        Ok(Done::Saved(id)) => Ok(Redirect::to(&format!("/connections/{id}")).into_response()),
        Ok(Done::Found(found)) => render(visit, place, sent, &Shown::default(), Some(found)),
        Ok(Done::Shown(shown)) => render(visit, place, sent, &shown, None),
        Err(refusal) => render(visit, place, sent, &Shown::wrong(refusal)?, None),
    }
}

async fn look(visit: &Visit, sent: &Sent, secret: Option<crate::collect::Password>) -> Result<Done, Refusal> {
    let (terms, now, wish) = (&visit.state.house.terms, (visit.now)(), sent.wish());
    if sent.r#do == "test" {
        let tested = desk::test(&wish, "", secret, terms, now).await?;
        return Ok(Done::Shown(Box::new(Shown::tested(&tested, visit))));
    }
    desk::subscriptions(&wish, secret, terms, &sent.group).await.map(Done::Found)
}

async fn act(visit: &Visit, draft: &mut Draft, sent: &Sent) -> Result<Done, Refusal> {
    let (house, now) = (&visit.state.house, (visit.now)());
    draft.keep(desk::secret(&sent.secret)?.as_ref(), now);
    if matches!(sent.r#do.as_str(), "test" | "find") {
        return look(visit, sent, draft.secret()).await;
    }
    let named = fields::named(&sent.name, &sent.every, &sent.unit)?;
    let mut tx = visit.begin().await?;
    let made = desk::Made { named, wish: &sent.wish(), secret: draft.secret() };
    let id = desk::add(&mut tx, &visit.actor, house.keeping(), draft, made, now).await?;
    tx.commit().await?;
    Ok(Done::Saved(id))
}

/// `GET /connections/{id}/source/azure`.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    let since = connections::get(&mut tx, connection.id).await?.and_then(|one| one.kept_since);
    drop(tx);
    let ConnectionSpec::Azure(spec) = &connection.spec else { return Err(super::another().into()) };
    let place = Place::Kept { id: connection.id, name: connection.name, since: since.map(show::moment) };
    render(&visit, &place, &Sent::of(spec), &Shown::default(), None)
}

/// `POST /connections/{id}/source/azure`: looks, tests another way to reach it, or takes it.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    if !matches!(connection.spec, ConnectionSpec::Azure(_)) {
        return Err(super::another().into());
    }
    let since = connections::get(&mut tx, connection.id).await?.and_then(|one| one.kept_since);
    drop(tx);
    let done = act_on(&visit, &connection, &sent).await;
    let place = Place::Kept { id: connection.id, name: connection.name, since: since.map(show::moment) };
    answer(&visit, &place, &sent, done)
}

async fn act_on(visit: &Visit, connection: &desk::Connection, sent: &Sent) -> Result<Done, Refusal> {
    let (house, now) = (&visit.state.house, (visit.now)());
    let wish = sent.wish();
    let lead = desk::Lead { wish: &wish, secret: desk::secret(&sent.secret)? };
    let mut tx = visit.begin().await?;
    if matches!(sent.r#do.as_str(), "test" | "find") {
        let secret = desk::secret_for(&mut tx, house.keeping(), connection, &lead).await?;
        drop(tx);
        return look(visit, sent, secret).await;
    }
    desk::lead(&mut tx, &visit.actor, house.keeping(), connection, lead, now).await?;
    tx.commit().await?;
    Ok(Done::Saved(connection.id))
}
