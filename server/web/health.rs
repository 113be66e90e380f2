//! `/healthz` and `/readyz`: whether this process lives, and whether it can do its work.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::WebState;

/// `GET /healthz`: 200 while the process answers at all. A database that is away is no reason to
/// start the process anew.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 where the database answers and has our schema, 503 where not.
pub async fn ready(State(state): State<WebState>) -> Response {
    if state.store.ready().await.is_ok() {
        return (StatusCode::OK, "ready\n").into_response();
    }
    let later = [(header::RETRY_AFTER, "5")];
    (StatusCode::SERVICE_UNAVAILABLE, later, "the database does not answer\n").into_response()
}
