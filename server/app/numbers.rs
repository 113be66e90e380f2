//! What an operator's own programs ask: the numbers, and whether this process lives and is ready.
//!
//! On an address of its own, off unless one is set. The numbers are of all tenants together, so no
//! tenant's log-in or token opens them, and a path beside the pages would be one forgotten proxy
//! rule away from everybody. A worker, which shows no pages, answers here as well.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError, run_status};
use crate::telemetry::meter::{self, Look};

/// A database that answers later is told as away.
const PATIENCE: Duration = Duration::from_secs(3);
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is needed to look.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// The database.
    pub store: Store,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
    /// Cancelled once this process is told to stop.
    pub stopping: CancellationToken,
}

/// `/metrics`, `/healthz` and `/readyz`.
pub fn router(numbers: Numbers) -> Router {
    Router::new()
        .route("/metrics", get(told))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(numbers)
}

async fn told(State(numbers): State<Numbers>) -> Response {
    let look = look(&numbers).await;
    ([(header::CONTENT_TYPE, KIND), (header::CACHE_CONTROL, "no-store")], meter::told(&look)).into_response()
}

async fn look(numbers: &Numbers) -> Look {
    let (connections, idle) = numbers.store.connections();
    let now = (numbers.now)();
    match tokio::time::timeout(PATIENCE, queue(&numbers.store, now)).await {
        Ok(Ok(queue)) => Look {
            database: true,
            connections,
            idle,
            waiting: queue.waiting,
            running: queue.running,
            oldest_waiting: queue.oldest.and_then(|since| (now - since).to_std().ok()).unwrap_or_default(),
        },
        _ => Look { connections, idle, ..Look::default() },
    }
}

async fn queue(store: &Store, now: DateTime<Utc>) -> Result<run_status::Queue, StoreError> {
    let mut gate = store.gate().await?;
    run_status::queue(&mut gate, now).await
}

async fn ready(State(numbers): State<Numbers>) -> Response {
    if numbers.stopping.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response()
    } else if numbers.store.ready().await.is_ok() {
        (StatusCode::OK, "ready\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
    }
}
