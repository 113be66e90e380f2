//! Out again: here, and at the provider somebody came from.

use askama::Template;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect};
use axum_extra::extract::CookieJar;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::login::cookie;
use super::provider_login::OnwardPage;
use super::visit::standing;
use super::{Answer, WebState, fault};
use crate::auth::session::{Standing, Visitor};
use crate::auth::{Means, oidc, token};
use crate::error::AppError;
use crate::store::people::sessions;

/// What the page says that leads on to the provider.
const LOGGED_OUT: &str = "You are logged out here; this logs you out there.";

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Sent {
    #[serde(default)]
    csrf: String,
}

/// A session that is to end.
struct Ending {
    session: Uuid,
    person: Uuid,
    method: String,
    csrf: String,
}

impl Ending {
    fn of(standing: Standing) -> Option<Self> {
        match standing {
            Standing::In(actor) => match (&actor.means, actor.person) {
                (Means::Session { id, method, .. }, Some(person)) => {
                    Some(Self { session: *id, person, method: method.clone(), csrf: actor.csrf })
                }
                _ => None,
            },
            Standing::HalfWay(one) | Standing::Nowhere(one) => {
                Some(Self { session: one.id, person: one.person, method: one.method, csrf: one.csrf })
            }
        }
    }
}

/// `POST /logout`: also half-way in, also belonging nowhere, and at the provider where they came from
/// one.
pub async fn leave(
    State(state): State<WebState>,
    jar: CookieJar,
    headers: HeaderMap,
    visitor: Visitor,
    Form(sent): Form<Sent>,
) -> Answer {
    let Some(ending) = standing(&state, &headers, &visitor).await?.and_then(Ending::of) else {
        return Ok(Redirect::to("/login").into_response());
    };
    if !token::same(&ending.csrf, &sent.csrf) {
        return Ok(fault::stale_form());
    }
    let back_to = Url::parse(&state.house.link("/login"));
    let back_to = back_to.map_err(|fault| AppError::Internal(Box::new(fault)))?;
    let url = oidc::end(state.porter(), ending.session, &back_to).await?;
    let mut gate = state.store.gate().await?;
    sessions::end(&mut gate, ending.person, ending.session).await?;
    gate.commit().await?;
    let jar = jar.remove(cookie(&state, state.house.cookie(), String::new()));
    match url {
        Some(url) => {
            let page = OnwardPage::to(&url, format!("Logging out at {}", ending.method), LOGGED_OUT);
            Ok((jar, Html(page.render()?)).into_response())
        }
        None => Ok((jar, Redirect::to("/login")).into_response()),
    }
}
