//! Around every request, of pages and of the API: its id, the span all its lines are logged in, and
//! its place in the numbers.
//!
//! Only the template of its address is told: an address may hold the word of a link.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, debug, error_span, field, info, warn};

use super::WebState;
use crate::telemetry::{meter, request};

const ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, and tells what came of it.
pub async fn around(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let named = request.headers().get(ID).and_then(|id| id.to_str().ok());
    let id = request::id_for(named.filter(|_| state.house.behind_proxy));
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, started) = (request.method().clone(), Instant::now());
    // The highest level, so that no filter drops the id from a line that it lets through.
    let span = error_span!(
        "request",
        request_id = %id,
        http.request.method = %method,
        http.route = route,
        http.response.status_code = field::Empty,
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
    );
    let answering = async {
        let mut response = next.run(request).await;
        let (status, took) = (response.status(), started.elapsed());
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "ERROR");
        }
        let ms = took.as_millis();
        match status.as_u16() {
            ..400 => debug!(ms, "answered"),
            400..500 => info!(ms, status = status.as_u16(), "refused"),
            _ => warn!(ms, status = status.as_u16(), "failed"),
        }
        meter::answered(&method, &route, status.as_u16(), took);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(ID, id);
        }
        response
    };
    request::within(id.clone(), answering.instrument(span.clone())).await
}
