//! Answers that are not what was asked for, as pages. What went wrong inside is logged once under
//! an incident id; a page shows the id and nothing else of it.

use std::any::Any;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use uuid::Uuid;

use crate::error::AppError;
use crate::store::StoreError;

/// An [`AppError`] on its way to a page.
#[derive(Debug)]
pub struct Fault(AppError);

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        Self(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database is away");
                AppError::Unavailable("the database")
            }
            other => AppError::Internal(Box::new(other)),
        })
    }
}

impl From<askama::Error> for Fault {
    fn from(error: askama::Error) -> Self {
        Self(AppError::Internal(Box::new(error)))
    }
}

#[derive(Template)]
#[template(path = "pages/fault.html")]
struct FaultPage {
    here: &'static str,
    status: u16,
    title: &'static str,
    told: String,
    next: &'static str,
    incident: Option<String>,
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let told = sentence(&self.0.to_string());
        match self.0 {
            AppError::NotFound(_) => answer(
                StatusCode::NOT_FOUND,
                "Not found",
                told,
                "It may have been removed since the link was made. The inventory and the findings list what is there now.",
                None,
            ),
            AppError::Invalid { .. } => answer(
                StatusCode::BAD_REQUEST,
                "That address makes no sense",
                told,
                "Correct that part of the address, or start again from the navigation.",
                None,
            ),
            AppError::Conflict(_) => answer(
                StatusCode::CONFLICT,
                "Not now",
                told,
                "Go back, look at the present state and try again.",
                None,
            ),
            AppError::Unavailable(_) => {
                let mut response = answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Away for a moment",
                    told,
                    "Nothing is lost. Try again in a few seconds; if it stays, look at the server's log.",
                    None,
                );
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                response
            }
            AppError::Internal(cause) => broken(&*cause),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn broken(cause: &dyn std::error::Error) -> Response {
    let incident = Uuid::new_v4().simple().to_string()[..12].to_owned();
    let mut chain = cause.to_string();
    let mut next = cause.source();
    while let Some(inner) = next {
        chain.push_str(": ");
        chain.push_str(&inner.to_string());
        next = inner.source();
    }
    tracing::error!(%incident, cause = %chain, "a page failed");
    internal(incident)
}

fn internal(incident: String) -> Response {
    answer(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Something went wrong on our side",
        "This page could not be made.".into(),
        "The server's log has the cause under this incident id.",
        Some(incident),
    )
}

fn answer(
    status: StatusCode,
    title: &'static str,
    told: String,
    next: &'static str,
    incident: Option<String>,
) -> Response {
    let page = FaultPage { here: "", status: status.as_u16(), title, told, next, incident };
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => (status, title).into_response(),
    }
}

/// For addresses nobody answers.
pub async fn no_such_page() -> Response {
    Fault(AppError::NotFound("this page")).into_response()
}

/// For the wrong method on a right address.
pub async fn not_that_way() -> Response {
    answer(
        StatusCode::METHOD_NOT_ALLOWED,
        "Not that way",
        "This address does not take that kind of request.".into(),
        "Use the links and buttons of the pages.",
        None,
    )
}

/// For a panic in a handler: a fault of ours like any other.
#[expect(clippy::needless_pass_by_value, reason = "the layer that catches panics hands the box over")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let incident = Uuid::new_v4().simple().to_string()[..12].to_owned();
    let cause = panic.downcast_ref::<&str>().map(ToString::to_string);
    let cause = cause.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(%incident, %cause, "a page panicked");
    internal(incident)
}
