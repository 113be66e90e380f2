//! Connecting every account of an AWS organisation: the role once by a stack set, the accounts listed
//! and chosen, one connection for each.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect};
use axum_extra::extract::Form;
use serde::Deserialize;

use super::super::connection_settings::Every;
use super::super::{Answer, Frame, Visit};
use super::aws::{self, Asked, Told};
use super::fields::{self, Place, Shown};
use crate::collect::aws as source;
use crate::desk::Refusal;
use crate::desk::connections::{self as desk, AwsWish, Chosen, Draft, Organisation};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    draft: String,
    r#do: String,
    every: String,
    unit: String,
    role_arn: String,
    regions: String,
    endpoint: String,
    /// Number and name, with a space between.
    account: Vec<String>,
}

impl Sent {
    fn wish(&self) -> AwsWish {
        AwsWish {
            role_arn: self.role_arn.clone(),
            regions: desk::list(&self.regions),
            endpoint: self.endpoint.clone(),
        }
    }

    fn chosen(&self) -> Vec<Chosen> {
        let split = |text: &String| {
            let (id, name) = text.split_once(' ').unwrap_or((text, text));
            Chosen { id: id.to_owned(), name: name.to_owned() }
        };
        self.account.iter().map(split).collect()
    }
}

/// An account that can be chosen.
struct Choice {
    id: String,
    name: String,
    /// A connection reads it already.
    known: bool,
}

#[derive(Template)]
#[template(path = "pages/connect_organisation.html")]
struct OrganisationPage<'a> {
    frame: Frame,
    place: &'a Place,
    shown: &'a Shown,
    sent: &'a Sent,
    every: Every,
    external_id: &'a str,
    told: Option<Told>,
    endpoints: bool,
    accounts: Option<Vec<Choice>>,
}

async fn render(
    visit: &Visit,
    draft: Draft,
    sent: &Sent,
    shown: &Shown,
    accounts: Option<Vec<Choice>>,
) -> Answer {
    let external_id = draft.external_id.clone();
    let place = Place::new(visit, draft)?;
    let mut principal = String::new();
    let grant = aws::grant(visit, &external_id, source::ROLE, true, &mut principal).await;
    let told = grant
        .map(|grant| Told { trust: source::pretty(&grant.trust()), policy: source::pretty(&grant.policy()) });
    shown.page(&OrganisationPage {
        frame: visit.frame("connections"),
        place: &place,
        shown,
        every: fields::every(&sent.every, &sent.unit),
        sent,
        external_id: &external_id,
        told,
        endpoints: visit.state.house.terms.endpoints,
        accounts,
    })
}

/// `GET /connections/new/organisation`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let Ok(draft) = Place::opened(&visit, asked.draft()) else {
        let draft = Draft::fresh((visit.now)());
        let sealed = draft.seal(&visit.state.house.vault, visit.actor.tenant)?;
        return Ok(Redirect::to(&format!("/connections/new/organisation?draft={sealed}")).into_response());
    };
    render(&visit, draft, &Sent::default(), &Shown::default(), None).await
}

/// `GET /connections/new/organisation/template`.
pub async fn template(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let Ok(draft) = Place::opened(&visit, asked.draft()) else {
        return Ok(Redirect::to("/connections/new/organisation").into_response());
    };
    aws::download(&visit, &draft.external_id, source::ROLE, true).await
}

/// `POST /connections/new/organisation`: lists the accounts, or connects those chosen.
pub async fn take(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let draft = Place::opened(&visit, &sent.draft)?;
    let done = if sent.r#do == "save" {
        make(&visit, &draft, &sent).await.map(|()| None)
    } else {
        look(&visit, &draft, &sent).await.map(Some)
    };
    match done {
        Ok(None) => Ok(Redirect::to("/connections").into_response()),
        Ok(Some(accounts)) => render(&visit, draft, &sent, &Shown::default(), Some(accounts)).await,
        Err(refusal) => render(&visit, draft, &sent, &Shown::wrong(refusal)?, None).await,
    }
}

async fn look(visit: &Visit, draft: &Draft, sent: &Sent) -> Result<Vec<Choice>, Refusal> {
    let found = desk::accounts(&sent.wish(), draft, &visit.state.house.terms, (visit.now)()).await?;
    let mut tx = visit.begin().await?;
    let known = desk::known(&mut tx).await?;
    drop(tx);
    let choice = |one: source::Account| Choice { known: known.contains(&one.id), id: one.id, name: one.name };
    Ok(found.into_iter().map(choice).collect())
}

async fn make(visit: &Visit, draft: &Draft, sent: &Sent) -> Result<(), Refusal> {
    let interval_seconds = Every::read(&sent.every, &sent.unit)?;
    let (wish, chosen) = (sent.wish(), sent.chosen());
    let organisation = Organisation { wish: &wish, interval_seconds, chosen: &chosen };
    let mut tx = visit.begin().await?;
    let terms = &visit.state.house.terms;
    desk::add_all(&mut tx, &visit.actor, terms, draft, organisation, (visit.now)()).await?;
    Ok(tx.commit().await?)
}
