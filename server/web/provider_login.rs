//! Logging in at a provider: off to it, and back from it.
//!
//! A browser leaves by a link, or by a page that leads on: browsers hold the answer to a form to the
//! policy of the page it stood on, which knows of no provider.

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use url::Url;
use uuid::Uuid;

use super::fault::{self, Fault, sentence};
use super::login::{self, After, LoginPage, Sent, come_in, inside, our_form};
use super::visit::standing;
use super::{Answer, Frame, WebState};
use crate::auth::oidc::{self, Asked, OidcFault, Return};
use crate::auth::session::{Standing, Visitor};
use crate::auth::{Secret, throttle};
use crate::error::AppError;
use crate::store::people::providers::{self, Provider};

/// A page that leads on to a provider.
#[derive(Template)]
#[template(path = "pages/onward.html")]
pub struct OnwardPage {
    frame: Frame,
    title: String,
    told: &'static str,
    url: String,
}

impl OnwardPage {
    /// To `url`, saying why.
    pub fn to(url: &Url, title: String, told: &'static str) -> Self {
        Self { frame: Frame::outside(), title, told, url: url.to_string() }
    }
}

/// The address a provider sends people back to. Each has its own: an answer meant for one is never
/// taken to another.
pub fn back_to(state: &WebState, provider: Uuid) -> Result<Url, Fault> {
    let link = state.house.link(&format!("/login/back/{provider}"));
    Ok(Url::parse(&link).map_err(|fault| AppError::Internal(Box::new(fault)))?)
}

/// Begins a log-in: the browser with the cookie it is bound by, and where it is to go.
pub async fn depart(
    state: &WebState,
    jar: CookieJar,
    provider: &Provider,
    next: &str,
    email: &str,
) -> Result<(CookieJar, Result<Url, OidcFault>), Fault> {
    let name = state.house.login_cookie();
    let (jar, word) = match jar.get(name).map(|cookie| cookie.value().to_owned()) {
        Some(word) if word.len() == 43 => (jar, word),
        _ => {
            let word = Secret::fresh(&mut rand::rng()).tell().to_owned();
            (jar.add(login::cookie(state, name, word.clone())), word)
        }
    };
    let back_to = back_to(state, provider.id)?;
    let asked = Asked { browser: &word, next: inside(next), email, back_to: &back_to };
    Ok((jar, oidc::begin(state.porter(), provider, asked).await))
}

async fn known(state: &WebState, id: Uuid) -> Result<Provider, Fault> {
    let mut gate = state.store.gate().await?;
    Ok(providers::for_login(&mut gate, id).await?.ok_or(AppError::NotFound("this provider"))?)
}

/// `GET /login/at/{id}`: off to a provider.
pub async fn leave(
    State(state): State<WebState>,
    Path(id): Path<String>,
    Query(wish): Query<After>,
    jar: CookieJar,
    headers: HeaderMap,
    visitor: Visitor,
) -> Answer {
    if let Some(Standing::In(_)) = standing(&state, &headers, &visitor).await? {
        return Ok(Redirect::to(inside(&wish.next)).into_response());
    }
    let id = super::connection::known(&id)?;
    throttle::departure(&state.store, &visitor.address, (state.now)()).await?;
    let provider = known(&state, id).await?;
    let (jar, url) = depart(&state, jar, &provider, &wish.next, "").await?;
    match url {
        Ok(url) => Ok((jar, Redirect::to(url.as_str())).into_response()),
        Err(fault) => refused(&state, jar, fault, &wish.next, "").await,
    }
}

/// `POST /login/where`: which provider speaks for this address. Its domain alone decides, so nothing
/// is told of whether there is such a person.
pub async fn find(
    State(state): State<WebState>,
    jar: CookieJar,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Answer {
    if !our_form(&jar, &sent.csrf) {
        return Ok(fault::stale_form());
    }
    throttle::departure(&state.store, &visitor.address, (state.now)()).await?;
    let email = crate::auth::login::canonical(&sent.email);
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut gate = state.store.gate().await?;
    let all = providers::of_domain(&mut gate, domain).await?;
    drop(gate);
    let [id] = all[..] else {
        let told =
            "No provider is set up for this address. Log in with your password, or ask an admin.".to_owned();
        let page = LoginPage::of(&state, &sent.csrf, &sent.next, &email, Some(told)).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response());
    };
    let provider = known(&state, id).await?;
    let (jar, url) = depart(&state, jar, &provider, &sent.next, &email).await?;
    match url {
        Ok(url) => Ok((jar, onward(&url, &provider)?).into_response()),
        Err(fault) => refused(&state, jar, fault, &sent.next, &email).await,
    }
}

/// The page that leads on to a provider's log-in.
pub fn onward(url: &Url, provider: &Provider) -> Result<Response, Fault> {
    let told = "Log in there; you come back by yourself.";
    let page = OnwardPage::to(url, format!("On to {}", provider.name), told);
    Ok(Html(page.render()?).into_response())
}

/// `GET /login/back/{id}`: back from a provider.
pub async fn back(
    State(state): State<WebState>,
    Path(id): Path<String>,
    Query(back): Query<Return>,
    jar: CookieJar,
    visitor: Visitor,
) -> Answer {
    let id = super::connection::known(&id)?;
    let browser = jar.get(state.house.login_cookie()).map(|cookie| cookie.value().to_owned());
    match oidc::enter(state.porter(), id, &back, browser.as_deref(), &visitor).await {
        Ok(entered) => Ok(come_in(&state, jar, &entered.cookie, inside(&entered.next))),
        Err(fault) => refused(&state, jar, fault, "", "").await,
    }
}

/// The log-in page with why it did not work there: the password still does.
async fn refused(state: &WebState, jar: CookieJar, fault: OidcFault, next: &str, email: &str) -> Answer {
    let status = match &fault {
        OidcFault::Away { cause, .. } => {
            tracing::warn!(cause, "a provider does not answer");
            StatusCode::SERVICE_UNAVAILABLE
        }
        OidcFault::Stale => StatusCode::BAD_REQUEST,
        OidcFault::Said { .. } | OidcFault::Untrue { .. } | OidcFault::Refused(_) => StatusCode::FORBIDDEN,
        OidcFault::Auth(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let OidcFault::Auth(fault) = fault {
        return Err(fault.into());
    }
    let (jar, csrf) = login::form_word(state, jar);
    let told = Some(sentence(&fault.to_string()));
    let page = LoginPage::of(state, &csrf, next, email, told).await?;
    Ok((status, jar, Html(page.render()?)).into_response())
}
