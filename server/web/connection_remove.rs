//! Removing a connection: asked once more, with the choice what becomes of its history.

use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use uuid::Uuid;

use super::connection::known;
use super::{Answer, Frame, Visit, page};
use crate::desk::connections as desk;
use crate::error::AppError;

#[derive(Template)]
#[template(path = "pages/connection_remove.html")]
struct RemovePage {
    frame: Frame,
    id: Uuid,
    name: String,
}

/// `GET /connections/{id}/remove`.
pub async fn ask(visit: Visit, Path(id): Path<String>) -> Answer {
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    drop(tx);
    page(&RemovePage { frame: visit.frame("connections"), id: connection.id, name: connection.name })
}

/// What becomes of the history.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    history: String,
}

/// `POST /connections/{id}/remove`.
pub async fn remove(visit: Visit, Path(id): Path<String>, Form(sent): Form<Sent>) -> Answer {
    let erase = match sent.history.as_str() {
        "keep" => false,
        "erase" => true,
        _ => {
            let problem = "choose whether it is kept or erased".into();
            return Err(AppError::Invalid { field: "history".into(), problem }.into());
        }
    };
    let mut tx = visit.begin().await?;
    let connection = desk::get(&mut tx, known(&id)?).await?;
    desk::remove(&mut tx, &visit.actor, &connection, erase, (visit.now)()).await?;
    tx.commit().await?;
    Ok(Redirect::to("/connections").into_response())
}
