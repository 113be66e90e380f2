//! Answers that are not what was asked for, as problem documents (RFC 9457). What went wrong inside
//! is logged once; a document shows the id of the request, which each line of the log carries, and
//! nothing else of it.

use std::any::Any;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::gate::CHALLENGE;
use crate::desk::Refusal;
use crate::error::AppError;
use crate::store::StoreError;
use crate::telemetry::request;

/// What went wrong (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// Names the kind of problem.
    #[schema(example = "urn:parallax:problem:invalid")]
    r#type: String,
    /// The kind of problem in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// This problem in a sentence.
    detail: String,
    /// The part of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// Under which the server's log has the cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    incident: Option<String>,
}

/// A problem on its way out.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    document: Box<Document>,
    wait: Option<i64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let document = Document {
            r#type: format!("urn:parallax:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            incident: None,
        };
        Self { status, document: Box::new(document), wait: None }
    }

    /// A part of the request makes no sense.
    pub fn invalid(field: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        let field = field.into();
        let mut made = Self::new(
            StatusCode::BAD_REQUEST,
            "invalid",
            "The request makes no sense",
            format!("{field}: {problem}"),
        );
        made.document.field = Some(field);
        made
    }

    /// No token, or none that works.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "No token that works", detail)
    }

    /// The thing changed since it was read.
    pub fn changed_meanwhile() -> Self {
        let detail = "it was changed since you read it; read it again and repeat your change";
        Self::new(StatusCode::PRECONDITION_FAILED, "changed", "Changed meanwhile", detail)
    }

    /// The body is not of a kind we read.
    pub fn unsupported(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Not a kind of body we read", detail)
    }

    /// The body is too long.
    pub fn too_long() -> Self {
        let detail = "a body may have up to 256 KB";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "Too long", detail)
    }

    fn internal(cause: &dyn std::error::Error) -> Self {
        let incident = request::id();
        let mut chain = cause.to_string();
        let mut next = cause.source();
        while let Some(inner) = next {
            chain.push_str(": ");
            chain.push_str(&inner.to_string());
            next = inner.source();
        }
        tracing::error!(%incident, cause = %chain, "an API call failed");
        Self::incident(incident)
    }

    fn incident(incident: String) -> Self {
        let detail = "the server's log has the cause under the incident id";
        let mut made = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side",
            detail,
        );
        made.document.incident = Some(incident);
        made
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let detail = error.to_string();
        match error {
            AppError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail),
            AppError::Invalid { field, problem } => Self::invalid(field, problem),
            AppError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", "Not in this state", detail),
            AppError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail),
            AppError::TooMany(seconds) => {
                let title = "Too many requests";
                let mut made = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many", title, detail);
                made.wait = Some(seconds);
                made
            }
            AppError::Unavailable(_) => {
                let title = "Away for a moment";
                let mut made = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail);
                made.wait = Some(5);
                made
            }
            AppError::Internal(cause) => Self::internal(&*cause),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::App(error) => error.into(),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is away");
                AppError::Unavailable("the database").into()
            }
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&*self.document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// For addresses no operation has.
pub async fn no_such_operation() -> Problem {
    AppError::NotFound("an operation of this address").into()
}

/// For an operation that broke.
#[expect(clippy::needless_pass_by_value, reason = "as the layer that catches it calls")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let incident = request::id();
    let cause = panic.downcast_ref::<&str>().map(ToString::to_string);
    let cause = cause.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(%incident, %cause, "an API call panicked");
    Problem::incident(incident).into_response()
}

/// For the wrong method on a right address.
pub async fn not_that_way() -> Problem {
    let detail = "this address does not take that method; see /api/docs";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Not that way", detail)
}
