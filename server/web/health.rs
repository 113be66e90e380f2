//! `/healthz`: whether this process can do its work.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::WebState;

/// `GET /healthz`: 200 where the database answers, 503 where it does not.
pub async fn show(State(state): State<WebState>) -> Response {
    match state.begin().await {
        Ok(_) => (StatusCode::OK, "ok\n").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}
