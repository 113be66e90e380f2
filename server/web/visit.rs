//! A request by somebody known, and how it is found out who that is.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::Response;
use axum_extra::extract::CookieJar;
use chrono::{DateTime, Utc};

use super::fault;
use super::frame::Frame;
use super::house::{Entrance, WebState};
use crate::auth::session::{self, Standing, Visitor};
use crate::auth::whence::whence;
use crate::auth::{Actor, audit};
use crate::store::{StoreError, Tx};

/// What a handler behind a kept door gets: the house, and who is asking.
#[derive(Debug, Clone)]
pub struct Visit {
    /// The house.
    pub state: WebState,
    /// Who is asking.
    pub actor: Actor,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
}

impl Visit {
    /// A transaction of the actor's tenant.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.state.store.begin(self.actor.tenant).await
    }

    /// What surrounds the page `here`.
    pub fn frame(&self, here: &'static str) -> Frame {
        Frame::of(here, &self.actor)
    }

    /// Puts a change on record, in the transaction that makes it.
    pub async fn record(&self, tx: &mut Tx, change: audit::Change) -> Result<(), StoreError> {
        audit::record(tx, &self.actor, change, (self.now)()).await
    }
}

impl FromRequestParts<WebState> for Visit {
    type Rejection = Response;

    /// Fails only behind a door without a keeper, which a test would find.
    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Response> {
        let actor = parts.extensions.get::<Actor>().cloned().ok_or_else(fault::logged_out)?;
        Ok(Self { state: state.clone(), actor, now: state.now })
    }
}

impl FromRequestParts<WebState> for Visitor {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &WebState) -> Result<Self, Self::Rejection> {
        Ok(visitor(state, &parts.headers, &parts.extensions))
    }
}

/// From where and with what a request came.
pub fn visitor(state: &WebState, headers: &HeaderMap, extensions: &Extensions) -> Visitor {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let forwarded =
        text(header::HeaderName::from_static("x-forwarded-for")).filter(|_| state.house.behind_proxy);
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let address = whence(forwarded, peer);
    let agent = text(header::USER_AGENT).unwrap_or("").chars().take(200).collect();
    Visitor { address, agent }
}

/// The session's cookie, if one came along.
pub fn cookie(state: &WebState, headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(state.house.cookie()).map(|cookie| cookie.value().to_owned())
}

/// Who holds the cookie among these headers.
pub async fn standing(
    state: &WebState,
    headers: &HeaderMap,
    visitor: &Visitor,
) -> Result<Option<Standing>, StoreError> {
    if let Entrance::Open { tenant, csrf } = &state.house.entrance {
        return Ok(Some(Standing::In(Box::new(Actor::of_the_house(*tenant, csrf)))));
    }
    match cookie(state, headers) {
        Some(cookie) => session::of_cookie(&state.store, &cookie, visitor, (state.now)()).await,
        None => Ok(None),
    }
}
