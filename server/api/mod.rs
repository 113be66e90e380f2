//! The REST API: JSON for other programs, most of all for ticket systems.
//!
//! Every operation is described where it is written, and the OpenAPI 3.1 document is made of these
//! descriptions: what is not described cannot be reached. Callers hold a token; its scopes decide.
//! Reads through `store`; no SQL, no HTML, no rules of posture of its own.

mod body;
mod call;
mod document;
mod gate;
mod listing;
mod once;
mod pace;
mod problem;
mod rooms;
mod schema;
mod single;
mod v1;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get};
use axum::{Extension, Router};
use chrono::{DateTime, Utc};
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use crate::auth::Vault;
use crate::desk::connections::Terms;
use crate::outgoing::Guard;
use crate::store::Store;
pub use document::{described, document};
pub use rooms::Rule;

/// Bodies are short: a ticket with its words.
const LONGEST_BODY: usize = 256 * 1024;

/// What every operation needs.
#[derive(Debug, Clone)]
pub struct ApiState {
    /// The database.
    pub store: Store,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
    /// Where browsers find the pages, for links to them.
    pub public_url: Url,
    /// What people may connect to.
    pub terms: Terms,
    /// A proxy stands in front and names the caller's address last in X-Forwarded-For.
    pub behind_proxy: bool,
    /// Opens and seals the secrets of what we reach out to.
    pub vault: Vault,
    /// Says where what callers name may lead.
    pub guard: Guard,
    pace: Arc<pace::Pace>,
}

impl ApiState {
    /// With a fresh count of who asks how often.
    pub fn new(
        store: Store,
        now: fn() -> DateTime<Utc>,
        public_url: Url,
        vault: Vault,
        (guard, terms): (Guard, Terms),
    ) -> Self {
        Self { store, now, public_url, vault, terms, guard, behind_proxy: false, pace: Arc::default() }
    }

    /// The same behind a proxy, or not.
    #[must_use]
    pub fn behind(self, proxy: bool) -> Self {
        Self { behind_proxy: proxy, ..self }
    }

    /// A full address of a page of ours.
    fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// What a handler gives back.
type Answer = Result<axum::response::Response, problem::Problem>;

/// Who may do what, operation by operation.
pub fn rules() -> Vec<Rule> {
    v1::rooms().rules().to_vec()
}

/// Every operation, and the document that describes them.
pub fn router(state: ApiState) -> Router {
    v1::rooms()
        .open()
        .route("/api/v1/openapi.json", get(document::show))
        .route("/api/{*rest}", any(problem::no_such_operation))
        .method_not_allowed_fallback(problem::not_that_way)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(Extension(state.clone()))
        .with_state(state)
}
