//! The door: log in with a password, then a code where one is asked, and log out again.
//!
//! What is told to a stranger is the same whether or not there is such a person.

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use serde::Deserialize;

use super::visit::standing;
use super::{Answer, Fault, Frame, WebState, fault};
use crate::auth::session::{Standing, Visitor};
use crate::auth::{AuthError, Secret, login, token};
use crate::store::people::providers::{self, Offered};
use crate::store::people::sessions;

/// The cookie that ties a form made for nobody yet to the browser it was made for.
const FORM: &str = "parallax-form";
/// With more providers than fit on the page, an address leads to the right one.
const MOST_BUTTONS: i64 = 12;

#[derive(Template)]
#[template(path = "pages/login.html")]
pub struct LoginPage {
    frame: Frame,
    csrf: String,
    next: String,
    email: String,
    problem: Option<String>,
    providers: Providers,
}

/// Providers as the log-in page shows them.
pub struct Providers {
    shown: Vec<Offered>,
    hidden: bool,
}

impl Providers {
    /// Those of a house with one tenant that has some are shown. Of several tenants none is: their
    /// names are nobody's business, and the domain of an address leads to the right one.
    async fn of(state: &WebState) -> Result<Self, Fault> {
        let mut gate = state.store.gate().await?;
        let all = providers::offered(&mut gate, MOST_BUTTONS).await?;
        let one_tenant = all.windows(2).all(|two| two[0].tenant == two[1].tenant);
        let shown = one_tenant && all.len() < usize::try_from(MOST_BUTTONS).unwrap_or_default();
        Ok(if shown { Self { shown: all, hidden: false } } else { Self { shown: Vec::new(), hidden: true } })
    }

    fn any(&self) -> bool {
        self.hidden || !self.shown.is_empty()
    }
}

impl LoginPage {
    /// With what was typed before, and what was wrong with it.
    pub async fn of(
        state: &WebState,
        csrf: &str,
        next: &str,
        email: &str,
        problem: Option<String>,
    ) -> Result<Self, Fault> {
        let (csrf, next, email) = (csrf.to_owned(), inside(next).to_owned(), email.to_owned());
        Ok(Self {
            frame: Frame::outside(),
            csrf,
            next,
            email,
            problem,
            providers: Providers::of(state).await?,
        })
    }
}

#[derive(Template)]
#[template(path = "pages/code.html")]
struct CodePage {
    frame: Frame,
    csrf: String,
    next: String,
    problem: Option<String>,
}

/// Where to go after.
#[derive(Debug, Deserialize)]
pub struct After {
    #[serde(default)]
    pub(super) next: String,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    pub(super) csrf: String,
    #[serde(default)]
    pub(super) next: String,
    #[serde(default)]
    pub(super) email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
}

/// An address of ours out of what a link says: a path and nothing else.
pub fn inside(next: &str) -> &str {
    let plain = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n'])
        && !next.starts_with("/login");
    if plain { next } else { "/" }
}

/// A cookie as strict as it can be while a provider may still lead back here.
pub fn cookie(state: &WebState, name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(state.house.secure())
        .same_site(SameSite::Lax)
        .build()
}

/// The word of a form for nobody yet: the browser's own, or a new one.
pub fn form_word(state: &WebState, jar: CookieJar) -> (CookieJar, String) {
    match jar.get(FORM).map(|cookie| cookie.value().to_owned()) {
        Some(word) if word.len() == 32 => (jar, word),
        _ => {
            let word = token::csrf(&mut rand::rng());
            (jar.add(cookie(state, FORM, word.clone())), word)
        }
    }
}

/// Whether a form for nobody yet was made for this browser.
pub fn our_form(jar: &CookieJar, word: &str) -> bool {
    jar.get(FORM).is_some_and(|cookie| !word.is_empty() && token::same(cookie.value(), word))
}

/// `GET /login`.
pub async fn show(
    State(state): State<WebState>,
    Query(after): Query<After>,
    jar: CookieJar,
    headers: HeaderMap,
    visitor: Visitor,
) -> Answer {
    if let Some(Standing::In(_)) = standing(&state, &headers, &visitor).await? {
        return Ok(Redirect::to(inside(&after.next)).into_response());
    }
    let (jar, csrf) = form_word(&state, jar);
    let page = LoginPage::of(&state, &csrf, &after.next, "", None).await?;
    Ok((jar, Html(page.render()?)).into_response())
}

/// `POST /login`.
pub async fn enter(
    State(state): State<WebState>,
    jar: CookieJar,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Answer {
    if !our_form(&jar, &sent.csrf) {
        return Ok(fault::stale_form());
    }
    let outcome =
        login::with_password(&state.store, &sent.email, &sent.password, &visitor, (state.now)()).await;
    match outcome {
        Ok(login::Outcome::In(secret)) => Ok(come_in(&state, jar, &secret, inside(&sent.next))),
        Ok(login::Outcome::Code(secret)) => {
            let next =
                percent_encoding::utf8_percent_encode(inside(&sent.next), percent_encoding::NON_ALPHANUMERIC);
            Ok(come_in(&state, jar, &secret, &format!("/login/code?next={next}")))
        }
        Err(AuthError::Mismatch) => {
            let problem = Some("Address and password do not match.".to_owned());
            let page = LoginPage::of(&state, &sent.csrf, &sent.next, &sent.email, problem).await?;
            Ok((StatusCode::UNAUTHORIZED, Html(page.render()?)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

/// Hands over a session's cookie and leads on.
pub fn come_in(state: &WebState, jar: CookieJar, secret: &Secret, next: &str) -> Response {
    let jar = jar.add(cookie(state, state.house.cookie(), secret.tell().to_owned()));
    (jar, Redirect::to(next)).into_response()
}

async fn half_way(
    state: &WebState,
    headers: &HeaderMap,
    visitor: &Visitor,
) -> Result<Option<Box<sessions::Session>>, fault::Fault> {
    Ok(match standing(state, headers, visitor).await? {
        Some(Standing::HalfWay(half)) => Some(half),
        _ => None,
    })
}

/// `GET /login/code`.
pub async fn ask_code(
    State(state): State<WebState>,
    Query(after): Query<After>,
    headers: HeaderMap,
    visitor: Visitor,
) -> Answer {
    let Some(half) = half_way(&state, &headers, &visitor).await? else {
        return Ok(Redirect::to("/login").into_response());
    };
    let next = inside(&after.next).to_owned();
    super::page(&CodePage { frame: Frame::outside(), csrf: half.csrf, next, problem: None })
}

/// `POST /login/code`.
pub async fn take_code(
    State(state): State<WebState>,
    jar: CookieJar,
    headers: HeaderMap,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Answer {
    let Some(half) = half_way(&state, &headers, &visitor).await? else {
        return Ok(Redirect::to("/login").into_response());
    };
    if !token::same(&half.csrf, &sent.csrf) {
        return Ok(fault::stale_form());
    }
    let vault = &state.house.vault;
    match login::with_code(&state.store, vault, &half, &sent.code, &visitor, (state.now)()).await {
        Ok(secret) => Ok(come_in(&state, jar, &secret, inside(&sent.next))),
        Err(AuthError::Mismatch) => {
            let problem = Some("This code is wrong, over, or was used before.".to_owned());
            let next = inside(&sent.next).to_owned();
            let page = CodePage { frame: Frame::outside(), csrf: sent.csrf, next, problem };
            Ok((StatusCode::UNAUTHORIZED, Html(page.render()?)).into_response())
        }
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_outside() {
        for ours in ["/", "/findings?severity=high", "/assets/1#facts"] {
            assert_eq!(inside(ours), ours);
        }
        for theirs in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/login?next=/login",
            "/a\r\nset-cookie: x",
        ] {
            assert_eq!(inside(theirs), "/", "{theirs}");
        }
    }
}
