//! The pages: server-rendered, each view an address, all of them working without JavaScript.
//!
//! One file a page: what it shows as a struct, the handler that fills it, the template of the same
//! name under `templates/pages`. Reads through `store::pages`; the only thing it changes is to
//! start a run. No SQL, no rules of its own.

mod asset;
mod asset_facts;
mod compare;
mod connection;
mod connections;
mod control;
mod controls;
mod fault;
mod files;
mod finding;
mod findings;
mod guard;
mod health;
mod inventory;
mod overview;
mod picture;
mod prose;
mod run;
mod show;
mod sides;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use tower_http::catch_panic::CatchPanicLayer;

use crate::model::TenantId;
use crate::store::{Store, StoreError, Tx};
use fault::Fault;

/// The way around: code, address, word.
const NAVIGATION: &[(&str, &str, &str)] = &[
    ("overview", "/", "Overview"),
    ("compare", "/compare", "Compare"),
    ("inventory", "/inventory", "Inventory"),
    ("findings", "/findings", "Findings"),
    ("controls", "/controls", "Controls"),
    ("connections", "/connections", "Connections"),
];

/// What every page needs.
#[derive(Debug, Clone)]
pub struct WebState {
    /// The database.
    pub store: Store,
    /// Whose estate is shown.
    pub tenant: TenantId,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
}

impl WebState {
    async fn begin(&self) -> Result<Tx, StoreError> {
        self.store.begin(self.tenant).await
    }
}

/// What a handler gives back.
type Answer = Result<Response, Fault>;

/// A page, rendered.
fn page(template: &impl askama::Template) -> Answer {
    Ok(Html(template.render()?).into_response())
}

/// Every page and what they need.
pub fn router(state: WebState) -> Router {
    Router::new()
        .route("/", get(overview::show))
        .route("/compare", get(compare::show))
        .route("/inventory", get(inventory::show))
        .route("/assets/{id}", get(asset::show))
        .route("/findings", get(findings::show))
        .route("/findings/{id}", get(finding::show))
        .route("/controls", get(controls::show))
        .route("/controls/{code}", get(control::show))
        .route("/connections", get(connections::show))
        .route("/connections/{id}", get(connection::show))
        .route("/connections/{id}/runs", post(connection::run_now).get(connection::back))
        .route("/runs/{id}", get(run::show))
        .route("/runs/{id}/progress", get(run::progress))
        .route("/healthz", get(health::show))
        .route("/static/{hash}/{name}", get(files::show))
        .fallback(fault::no_such_page)
        .method_not_allowed_fallback(fault::not_that_way)
        .layer(CatchPanicLayer::custom(fault::panicked))
        .layer(from_fn_with_state(state.clone(), guard::same_origin))
        .layer(from_fn(guard::headers))
        .with_state(state)
}
