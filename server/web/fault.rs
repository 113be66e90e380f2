//! Answers that are not what was asked for, as pages. What went wrong inside is logged once; a page
//! shows the id of the request, which each line of the log carries, and nothing else of it.

use std::any::Any;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::Frame;
use crate::auth::{Actor, AuthError};
use crate::desk::Refusal;
use crate::error::AppError;
use crate::model::{Permission, Role};
use crate::store::StoreError;
use crate::telemetry::request;

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

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::App(error) => error.into(),
            Refusal::Store(error) => error.into(),
        }
    }
}

impl From<AuthError> for Fault {
    fn from(error: AuthError) -> Self {
        Self(match error {
            AuthError::Store(error) => return error.into(),
            AuthError::TooMany(seconds) => AppError::TooMany(seconds),
            AuthError::DeadLink => AppError::NotFound("this link"),
            AuthError::Invalid { field, problem } => AppError::Invalid { field: field.into(), problem },
            AuthError::Mismatch | AuthError::NoPlace => AppError::Conflict(error.to_string()),
            AuthError::Sealed(_) => AppError::Internal(Box::new(error)),
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
    frame: Frame,
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
                "That cannot be taken",
                told,
                "Go back and correct it: the form still holds what was written. An address can be corrected where it stands.",
                None,
            ),
            AppError::Conflict(_) => answer(
                StatusCode::CONFLICT,
                "Not now",
                told,
                "Go back, look at the present state and try again.",
                None,
            ),
            AppError::Forbidden(_) => answer(
                StatusCode::FORBIDDEN,
                "Not yours to do",
                told,
                "An owner or an admin of this tenant can give you another role.",
                None,
            ),
            AppError::TooMany(seconds) => {
                let next = "This protects accounts from guessing. Wait, then try again.";
                let mut response =
                    answer(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", told, next, None);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                response
            }
            AppError::Unavailable(_) => {
                let mut response = answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Away for a moment",
                    told,
                    "Nothing is lost. Try again in a few seconds; if it stays, look at the server's log.",
                    Some(request::id()),
                );
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                response
            }
            AppError::Internal(cause) => broken(&*cause),
        }
    }
}

/// A text as a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn broken(cause: &dyn std::error::Error) -> Response {
    let incident = request::id();
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
        "The server's log has the cause under this id.",
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
    let page = FaultPage { frame: Frame::outside(), status: status.as_u16(), title, told, next, incident };
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(_) => (status, title).into_response(),
    }
}

/// For somebody who may not do this.
pub fn not_allowed(permission: Permission, actor: &Actor) -> Response {
    let role = actor.role.map_or("a token", Role::label);
    let told = format!("Your role here is {role}, which may not: {}.", permission.label().to_lowercase());
    let next = "An owner or an admin of this tenant can give you another role.";
    answer(StatusCode::FORBIDDEN, "Not yours to do", told, next, None)
}

/// For a change asked for by nobody.
pub fn logged_out() -> Response {
    let next = "Log in again, then repeat what you did: nothing was changed.";
    answer(StatusCode::UNAUTHORIZED, "You are logged out", "Your session has ended.".into(), next, None)
}

/// For a form of another session, or of none.
pub fn stale_form() -> Response {
    let next = "Go back, load the page anew and send it again: nothing was changed.";
    let told = "It was made for another session, or before you logged in.".into();
    answer(StatusCode::FORBIDDEN, "This form is out of date", told, next, None)
}

/// For somebody who logged in and belongs to no tenant.
pub fn nowhere(email: &str, csrf: &str) -> Response {
    let page = NowherePage { frame: Frame::outside(), email, csrf };
    match page.render() {
        Ok(text) => (StatusCode::FORBIDDEN, Html(text)).into_response(),
        Err(_) => StatusCode::FORBIDDEN.into_response(),
    }
}

#[derive(Template)]
#[template(path = "pages/nowhere.html")]
struct NowherePage<'a> {
    frame: Frame,
    email: &'a str,
    csrf: &'a str,
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
    let incident = request::id();
    let cause = panic.downcast_ref::<&str>().map(ToString::to_string);
    let cause = cause.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(%incident, %cause, "a page panicked");
    internal(incident)
}
