//! The findings a page shows, all of them, as a file for another program.

use axum::body::Body;
use axum::extract::Query;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::findings::Asked;
use super::{Answer, Visit};
use crate::desk::export::{self, Form, Hub};
use crate::error::AppError;

/// In which form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    format: String,
    hub_account: String,
    hub_region: String,
}

/// `GET /findings/export`: under the filters of the page.
pub async fn show(visit: Visit, Query(asked): Query<Asked>, Query(wanted): Query<Wanted>) -> Answer {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    let hub = Hub { account: some(wanted.hub_account), region: some(wanted.hub_region) };
    hub.check()?;
    let problem = || AppError::Invalid {
        field: "format".into(),
        problem: format!("{:?} is not one of csv, ocsf, sarif, asff", wanted.format),
    };
    let form = Form::named(&wanted.format, hub).ok_or_else(problem)?;
    let (media, name) = form.file();
    let (tenant, base) = (visit.actor.tenant, visit.state.house.link(""));
    let writer = form.writer(tenant, &base);
    let rows = export::stream(&visit.state.store, tenant, asked.filter()?, visit.now, writer).await?;
    let name = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, media.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(rows)).into_response())
}
