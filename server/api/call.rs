//! A request by a known caller, and how its parts are read.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::ApiState;
use super::problem::Problem;
use crate::auth::{Actor, audit};
use crate::error::AppError;
use crate::store::{StoreError, Tx};

/// What a handler behind the gate gets: the house, and who is asking.
#[derive(Debug, Clone)]
pub struct Call {
    /// The house.
    pub state: ApiState,
    /// Who is asking.
    pub actor: Actor,
}

impl Call {
    /// A transaction of the actor's tenant.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.state.store.begin(self.actor.tenant).await
    }

    /// The time.
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        (self.state.now)()
    }

    /// Puts a change on record, in the transaction that makes it.
    pub async fn record(&self, tx: &mut Tx, change: audit::Change) -> Result<(), StoreError> {
        audit::record(tx, &self.actor, change, self.now()).await
    }
}

impl FromRequestParts<ApiState> for Call {
    type Rejection = Problem;

    /// Fails only behind a gate without a keeper, which cannot be written down.
    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Actor>().cloned();
        let actor = actor.ok_or_else(|| Problem::unauthorized("send a token"))?;
        Ok(Self { state: state.clone(), actor })
    }
}

/// The query of an address as `T`; a wrong or unknown part is named.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(wrong) => Err(named("query", "Failed to deserialize query string: ", &wrong.body_text())),
        }
    }
}

/// The problem a reader of the outer form found, under the name of the part it found it in.
pub fn named(whole: &str, prefix: &str, text: &str) -> Problem {
    let text = text.strip_prefix(prefix).unwrap_or(text);
    if let Some(unknown) = text
        .strip_prefix("unknown field `")
        .or_else(|| text.split_once("unknown field `").map(|(_, rest)| rest))
        && let Some((field, rest)) = unknown.split_once('`')
    {
        return Problem::invalid(field, format!("unknown{rest}"));
    }
    match text.split_once(": ") {
        Some((field, problem)) if !field.contains(' ') => Problem::invalid(field, problem),
        _ => Problem::invalid(whole, text),
    }
}

/// An id out of an address; one that is none names nothing.
pub fn known(text: &str) -> Result<Uuid, AppError> {
    text.parse().map_err(|_| AppError::NotFound("this address"))
}
