//! The tenant itself: its name, its lines in the sand, everything it has as a file, and its end.

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::Form;
use axum::http::header;
use axum::response::{IntoResponse, Redirect};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use super::account::oneself;
use super::{Answer, Frame, Visit, page};
use crate::auth::audit::Change;
use crate::error::AppError;
use crate::model::Settings;
use crate::store::people::sessions;
use crate::store::{takeout, tenants};

#[derive(Template)]
#[template(path = "pages/tenant.html")]
struct TenantPage {
    frame: Frame,
    name: String,
    settings: Settings,
    decided: bool,
    has_person: bool,
}

/// `GET /tenant`.
pub async fn show(visit: Visit) -> Answer {
    let mut tx = visit.begin().await?;
    let name = tenants::name(&mut tx).await?;
    let settings = tenants::settings(&mut tx).await?;
    let decided = tenants::decided(&mut tx).await?;
    drop(tx);
    let has_person = visit.actor.person.is_some();
    page(&TenantPage { frame: visit.frame("tenant"), name, settings, decided, has_person })
}

/// What was decided.
#[derive(Debug, Deserialize)]
pub struct Decided {
    name: String,
    #[serde(default)]
    allowed_regions: String,
    #[serde(default)]
    trusted_accounts: String,
    #[serde(default)]
    trusted_registries: String,
    #[serde(default)]
    owner_tags: String,
}

fn named(text: &str) -> Result<String, AppError> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(AppError::Invalid { field: "name".into(), problem: "write 1 to 100 characters".into() });
    }
    Ok(name.to_owned())
}

fn words(field: &str, text: &str) -> Result<Vec<String>, AppError> {
    let words: Vec<String> =
        text.split([',', '\n', ' ', '\r']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    if words.len() > 500 || words.iter().any(|word| word.len() > 255) {
        let problem = "write at most 500 words of at most 255 letters".into();
        return Err(AppError::Invalid { field: field.into(), problem });
    }
    Ok(words)
}

/// `POST /tenant`: what changes here changes verdicts at the next judging.
pub async fn decide(visit: Visit, Form(sent): Form<Decided>) -> Answer {
    let name = named(&sent.name)?;
    let settings = Settings {
        allowed_regions: words("allowed regions", &sent.allowed_regions)?,
        trusted_accounts: words("trusted accounts", &sent.trusted_accounts)?,
        trusted_registries: words("trusted registries", &sent.trusted_registries)?,
        owner_tags: words("owner tags", &sent.owner_tags)?,
    };
    let mut tx = visit.begin().await?;
    let before =
        json!({ "name": tenants::name(&mut tx).await?, "settings": tenants::settings(&mut tx).await? });
    tenants::rename(&mut tx, &name).await?;
    tenants::set_settings(&mut tx, &settings).await?;
    tenants::set_decided(&mut tx).await?;
    let after = Some(json!({ "name": name, "settings": settings }));
    visit
        .record(&mut tx, Change { action: "tenant.changed", subject: name, before: Some(before), after })
        .await?;
    tx.commit().await?;
    Ok(Redirect::to("/tenant").into_response())
}

/// A name.
#[derive(Debug, Deserialize)]
pub struct Named {
    name: String,
}

/// `POST /tenant/new`: another tenant with the same person as its owner, looked at from now on.
pub async fn create(visit: Visit, Form(sent): Form<Named>) -> Answer {
    let (name, person) = (named(&sent.name)?, oneself(&visit)?);
    let mut gate = visit.state.store.gate().await?;
    let tenant = tenants::create(&mut gate, &name, person, (visit.now)()).await?;
    if let crate::auth::Means::Session { id, .. } = visit.actor.means {
        sessions::switch(&mut gate, id, tenant).await?;
    }
    gate.commit().await?;
    let mut tx = visit.state.store.begin(tenant).await?;
    visit.record(&mut tx, Change { action: "tenant.created", subject: name, ..Change::default() }).await?;
    tx.commit().await?;
    Ok(Redirect::to("/").into_response())
}

/// `GET /tenant/export`: everything the tenant has, an object a line. A file that breaks off is not
/// whole: the last line of a whole one says so.
pub async fn export(visit: Visit) -> Answer {
    let mut tx = visit.begin().await?;
    let subject = tenants::name(&mut tx).await?;
    visit.record(&mut tx, Change { action: "tenant.exported", subject, ..Change::default() }).await?;
    tx.commit().await?;
    let rows = takeout::rows(&visit.state.store, visit.actor.tenant);
    let end = futures::stream::once(async { Ok("{\"table\": null, \"end\": true}".to_owned()) });
    let lines = rows.chain(end).map(|line| line.map(|line| Bytes::from(line + "\n")));
    let name = "attachment; filename=\"parallax-tenant.ndjson\"";
    let headers = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// `POST /tenant/delete`: all of it, at once, for ever. The name has to be typed.
pub async fn delete(visit: Visit, Form(sent): Form<Named>) -> Answer {
    let mut tx = visit.begin().await?;
    let name = tenants::name(&mut tx).await?;
    drop(tx);
    if sent.name.trim() != name {
        let problem = "type the tenant's name exactly to delete it".into();
        return Err(AppError::Invalid { field: "name".into(), problem }.into());
    }
    tenants::delete(&visit.state.store, visit.actor.tenant).await?;
    tracing::warn!(tenant = %visit.actor.tenant, by = %visit.actor.reference(), "a tenant was deleted");
    Ok(Redirect::to("/login").into_response())
}
