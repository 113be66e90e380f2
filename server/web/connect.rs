//! Connecting a source: which one, and what the guided pages of each have in common.

pub mod aws;
pub mod azure;
pub mod fields;
pub mod organisation;
pub mod registry;
pub mod report;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};

use super::connection::known;
use super::{Answer, Frame, Visit, page};
use crate::desk::connections as desk;
use crate::error::AppError;
use crate::model::ConnectionSpec;

#[derive(Template)]
#[template(path = "pages/connect.html")]
struct ConnectPage {
    frame: Frame,
}

/// `GET /connections/new`.
pub async fn choose(visit: Visit) -> Answer {
    page(&ConnectPage { frame: visit.frame("connections") })
}

/// `GET /connections/{id}/source`: the page of its own source.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    drop(tx);
    let kind = match connection.spec {
        ConnectionSpec::Aws(_) => "aws",
        ConnectionSpec::Azure(_) => "azure",
        ConnectionSpec::Registry(_) => "registry",
    };
    Ok(Redirect::to(&format!("/connections/{}/source/{kind}", connection.id)).into_response())
}

/// `POST /connections/{id}/test`: tries it as it stands, and keeps what came of it.
pub async fn test(visit: Visit, Path(id): Path<String>) -> Answer {
    let (vault, terms) = (&visit.state.house.vault, &visit.state.house.terms);
    let id = known(&id)?;
    desk::test_kept(&visit.state.store, vault, terms, &visit.actor, id, visit.now).await?;
    Ok(Redirect::to(&format!("/connections/{id}#test")).into_response())
}

/// The page of one source over a connection of another.
fn another() -> AppError {
    AppError::NotFound("this connection")
}
