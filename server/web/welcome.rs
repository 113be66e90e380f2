//! Behind a link that works once: the first owner's set-up, an invitation, a new password.

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum_extra::extract::CookieJar;
use serde::Deserialize;

use super::login::{come_in, form_word, our_form};
use super::{Answer, Frame, WebState, fault};
use crate::auth::session::{self, Beginning, Visitor};
use crate::auth::setup::{self, Entry};
use crate::auth::{AuthError, Secret, login, throttle};
use crate::store::people::links::Link;

#[derive(Template)]
#[template(path = "pages/welcome.html")]
struct WelcomePage {
    frame: Frame,
    csrf: String,
    link: Link,
    email: String,
    name: String,
    problem: Option<String>,
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

/// `GET /welcome/{secret}`.
pub async fn show(State(state): State<WebState>, Path(secret): Path<String>, jar: CookieJar) -> Answer {
    let link = setup::link(&state.store, &Secret::sent(&secret), (state.now)()).await?;
    let (jar, csrf) = form_word(&state, jar);
    let (email, name) = (link.email.clone(), String::new());
    let page = WelcomePage { frame: Frame::outside(), csrf, link, email, name, problem: None };
    Ok((jar, Html(page.render()?)).into_response())
}

/// `POST /welcome/{secret}`.
pub async fn accept(
    State(state): State<WebState>,
    Path(secret): Path<String>,
    jar: CookieJar,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Answer {
    if !our_form(&jar, &sent.csrf) {
        return Ok(fault::stale_form());
    }
    let (secret, now) = (Secret::sent(&secret), (state.now)());
    let link = setup::link(&state.store, &secret, now).await?;
    // Who joins proves who they are by the password they have: guesses count as at the log-in.
    let account = login::canonical(if link.email.is_empty() { &sent.email } else { &link.email });
    throttle::attempt(&state.store, &account, &visitor.address, now).await?;
    let entry = Entry { email: sent.email.clone(), name: sent.name.clone(), password: sent.password };
    let (person, tenant) = match setup::accept(&state.store, &secret, &entry, now).await {
        Ok(done) => done,
        Err(problem @ (AuthError::Invalid { .. } | AuthError::Mismatch)) => {
            let problem = Some(match problem {
                AuthError::Mismatch => "You have an account already: this is not its password.".to_owned(),
                other => other.to_string(),
            });
            let page = WelcomePage {
                frame: Frame::outside(),
                csrf: sent.csrf,
                link,
                email: sent.email,
                name: sent.name,
                problem,
            };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response());
        }
        Err(other) => return Err(other.into()),
    };
    let mut gate = state.store.gate().await?;
    let beginning = Beginning {
        method: "password".into(),
        tenant: Some(tenant),
        waits_for_totp: person.totp_on,
        ..Beginning::default()
    };
    let cookie = session::begin(&mut gate, &person, beginning, &visitor, now).await?;
    throttle::succeeded(&mut gate, &account).await?;
    gate.commit().await?;
    login::noted(&state.store, &person, "link.used", &link.purpose, &visitor, now).await?;
    Ok(come_in(&state, jar, &cookie, "/"))
}
