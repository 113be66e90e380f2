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

/// `GET /readyz`: 200 where the database answers and has our schema; 503 where not, and from the
/// moment this process is told to stop, while it still answers what comes.
pub async fn ready(State(state): State<WebState>) -> Response {
    let reason = if state.house.stopping.is_cancelled() {
        "stopping\n"
    } else if state.store.ready().await.is_ok() {
        return (StatusCode::OK, "ready\n").into_response();
    } else {
        "the database does not answer\n"
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], reason).into_response()
}
