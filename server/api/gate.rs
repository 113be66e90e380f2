//! The gate before every operation: who holds the token, how often they ask, and whether its
//! scopes are enough.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiState;
use super::problem::Problem;
use crate::auth::{Actor, bearer, whence::whence};
use crate::error::AppError;
use crate::model::Permission;

/// The scope an operation takes.
#[derive(Debug, Clone, Copy)]
pub struct Takes(pub Permission);

/// Lets a caller in, who is then known to the handler, or says what is missing.
pub async fn keep(
    Extension(state): Extension<ApiState>,
    Extension(Takes(scope)): Extension<Takes>,
    mut request: Request,
    next: Next,
) -> Response {
    let knock = Knock::of(&state, &request);
    match admit(&state, scope, &knock).await {
        Ok(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// What is read of a request before anybody is let in.
struct Knock {
    address: String,
    authorization: Option<String>,
}

impl Knock {
    fn of(state: &ApiState, request: &Request) -> Self {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let forwarded = text("x-forwarded-for").filter(|_| state.behind_proxy);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Self {
            address: whence(forwarded, peer),
            authorization: text(header::AUTHORIZATION.as_str()).map(str::to_owned),
        }
    }
}

async fn admit(state: &ApiState, scope: Permission, knock: &Knock) -> Result<Actor, Problem> {
    let (address, now) = (&knock.address, (state.now)());
    state.pace.knock(address, now).map_err(AppError::TooMany)?;
    let Some(header) = &knock.authorization else {
        return Err(Problem::unauthorized("send a token: Authorization: Bearer plx_…"));
    };
    let Some(actor) = bearer::of_header(&state.store, header, address, now).await? else {
        // Asked only of those without a good token: nobody is locked out by a neighbour's guesses.
        state.pace.guess(address, now).map_err(AppError::TooMany)?;
        return Err(Problem::unauthorized(
            "this token does not work: it is over, taken back or not one of ours",
        ));
    };
    state.pace.call(&actor.reference(), now).map_err(AppError::TooMany)?;
    if !actor.may(scope) {
        return Err(AppError::Forbidden(format!(
            "{}; the token lacks the scope {scope}",
            scope.label().to_lowercase()
        ))
        .into());
    }
    Ok(actor)
}

/// What a caller without a good token is told to send.
pub const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"parallax\"");
