//! Connecting an AWS account: what to let us in with, which role it became, whether it works.

use askama::Template;
use axum::extract::{Form, Path, Query};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;

use super::super::connection::known;
use super::super::connection_settings::Every;
use super::super::{Answer, Frame, Visit};
use super::fields::{self, Place, Shown};
use crate::collect::aws::{self as source, Grant};
use crate::desk::Refusal;
use crate::desk::connections::{self as desk, AwsWish, Draft, Wish};
use crate::model::{AwsCredentials, AwsSpec, ConnectionSpec};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    draft: String,
    r#do: String,
    name: String,
    every: String,
    unit: String,
    role_arn: String,
    regions: String,
    endpoint: String,
}

impl Sent {
    fn of(spec: &AwsSpec) -> Self {
        let role_arn = match &spec.credentials {
            AwsCredentials::AssumeRole { role_arn, .. } => role_arn.clone(),
            AwsCredentials::Environment | AwsCredentials::Sample => String::new(),
        };
        let endpoint = spec.endpoint.clone().unwrap_or_default();
        Self { role_arn, regions: spec.regions.join(", "), endpoint, ..Self::default() }
    }

    fn wish(&self) -> Wish {
        Wish::Aws(AwsWish {
            role_arn: self.role_arn.clone(),
            regions: desk::list(&self.regions),
            endpoint: self.endpoint.clone(),
        })
    }
}

/// What an account is to be told.
pub struct Told {
    /// Whom to trust.
    pub trust: String,
    /// What to allow.
    pub policy: String,
}

#[derive(Template)]
#[template(path = "pages/connect_aws.html")]
struct AwsPage<'a> {
    frame: Frame,
    place: &'a Place,
    shown: &'a Shown,
    sent: &'a Sent,
    every: Every,
    external_id: &'a str,
    /// None where this server has no identity on AWS.
    told: Option<Told>,
    endpoints: bool,
}

/// What lets us into one account; none where this server has no identity on AWS.
pub async fn grant<'a>(
    visit: &Visit,
    external_id: &'a str,
    role: &'a str,
    organisation: bool,
    principal: &'a mut String,
) -> Option<Grant<'a>> {
    *principal = match &visit.state.house.terms.principal {
        Some(principal) => principal.clone(),
        None => source::principal().await?,
    };
    Some(Grant { principal, external_id, role, organisation })
}

async fn render(visit: &Visit, place: &Place, external_id: &str, sent: &Sent, shown: &Shown) -> Answer {
    let mut principal = String::new();
    let grant = grant(visit, external_id, source::ROLE, false, &mut principal).await;
    let told = grant
        .map(|grant| Told { trust: source::pretty(&grant.trust()), policy: source::pretty(&grant.policy()) });
    shown.page(&AwsPage {
        frame: visit.frame("connections"),
        place,
        shown,
        every: fields::every(&sent.every, &sent.unit),
        sent,
        external_id,
        told,
        endpoints: visit.state.house.terms.endpoints,
    })
}

/// Which draft an address is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    draft: String,
}

impl Asked {
    /// The draft, sealed.
    pub fn draft(&self) -> &str {
        &self.draft
    }
}

/// `GET /connections/new/aws`: the external id is in the address, so that a reload shows the same.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let Ok(draft) = Place::opened(&visit, &asked.draft) else {
        let draft = Draft::fresh((visit.now)());
        let sealed = draft.seal(&visit.state.house.vault, visit.actor.tenant)?;
        return Ok(Redirect::to(&format!("/connections/new/aws?draft={sealed}")).into_response());
    };
    let external_id = draft.external_id.clone();
    let place = Place::new(&visit, draft)?;
    render(&visit, &place, &external_id, &Sent::default(), &Shown::default()).await
}

/// `GET /connections/new/aws/template`: a CloudFormation template that makes the role.
pub async fn template(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let Ok(draft) = Place::opened(&visit, &asked.draft) else {
        return Ok(Redirect::to("/connections/new/aws").into_response());
    };
    download(&visit, &draft.external_id, source::ROLE, false).await
}

/// A template as a file.
pub async fn download(visit: &Visit, external_id: &str, role: &str, organisation: bool) -> Answer {
    let mut principal = String::new();
    let Some(grant) = grant(visit, external_id, role, organisation, &mut principal).await else {
        return Err(crate::error::AppError::NotFound("an identity of this server on AWS").into());
    };
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"parallax-reader.template.json\""),
        ),
    ];
    Ok((headers, source::pretty(&grant.template())).into_response())
}

/// `POST /connections/new/aws`: tests it, or makes it.
pub async fn take(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let draft = Place::opened(&visit, &sent.draft)?;
    let external_id = draft.external_id.clone();
    let done = if sent.r#do == "test" {
        let terms = &visit.state.house.terms;
        desk::test(&sent.wish(), &external_id, None, terms, (visit.now)()).await.map(Ok)
    } else {
        make(&visit, &draft, &sent).await.map(Err)
    };
    let shown = match done {
        Ok(Ok(tested)) => Shown::tested(&tested, &visit),
        Ok(Err(id)) => return Ok(Redirect::to(&format!("/connections/{id}")).into_response()),
        Err(refusal) => Shown::wrong(refusal)?,
    };
    let place = Place::new(&visit, draft)?;
    render(&visit, &place, &external_id, &sent, &shown).await
}

async fn make(visit: &Visit, draft: &Draft, sent: &Sent) -> Result<uuid::Uuid, Refusal> {
    let named = fields::named(&sent.name, &sent.every, &sent.unit)?;
    let mut tx = visit.begin().await?;
    let (house, now) = (&visit.state.house, (visit.now)());
    let made = desk::Made { named, wish: &sent.wish(), secret: None };
    let id = desk::add(&mut tx, &visit.actor, house.keeping(), draft, made, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// `GET /connections/{id}/source/aws`.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    drop(tx);
    let ConnectionSpec::Aws(spec) = &connection.spec else { return Err(super::another().into()) };
    let place = Place::Kept { id: connection.id, name: connection.name, since: None };
    let external_id = desk::external_id_of(spec).unwrap_or_default();
    render(&visit, &place, external_id, &Sent::of(spec), &Shown::default()).await
}

/// `POST /connections/{id}/source/aws`: tests another way to reach it, or takes it.
pub async fn change(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    let ConnectionSpec::Aws(spec) = &connection.spec else { return Err(super::another().into()) };
    let external_id = desk::external_id_of(spec).unwrap_or_default().to_owned();
    let (house, now) = (&visit.state.house, (visit.now)());
    let shown = if sent.r#do == "test" {
        drop(tx);
        match desk::test(&sent.wish(), &external_id, None, &house.terms, now).await {
            Ok(tested) => Shown::tested(&tested, &visit),
            Err(refusal) => Shown::wrong(refusal)?,
        }
    } else {
        let lead = desk::Lead { wish: &sent.wish(), secret: None };
        match desk::lead(&mut tx, &visit.actor, house.keeping(), &connection, lead, now).await {
            Ok(()) => {
                tx.commit().await?;
                return Ok(Redirect::to(&format!("/connections/{}", connection.id)).into_response());
            }
            Err(refusal) => Shown::wrong(refusal)?,
        }
    };
    let place = Place::Kept { id: connection.id, name: connection.name, since: None };
    render(&visit, &place, &external_id, &sent, &shown).await
}
