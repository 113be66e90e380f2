//! Creations that are done once however often they are sent (`Idempotency-Key`).

use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::call::Call;
use super::problem::Problem;
use super::{Answer, single};
use crate::error::AppError;
use crate::store::Tx;
use crate::store::replies::{self, Earlier, Key};

/// No key is longer.
const LONGEST: usize = 200;

/// A creation under its key, if it has one.
pub struct Once {
    key: Option<String>,
    caller: String,
    request: Vec<u8>,
}

impl Once {
    /// Of what was sent to `place`.
    pub fn of(call: &Call, headers: &HeaderMap, place: &str, sent: &impl Serialize) -> Result<Self, Problem> {
        let key = match headers.get("idempotency-key") {
            None => None,
            Some(value) => match value.to_str() {
                Ok(key) if (1..=LONGEST).contains(&key.len()) => Some(key.to_owned()),
                _ => {
                    let problem = format!("send 1 to {LONGEST} visible characters");
                    return Err(Problem::invalid("Idempotency-Key", problem));
                }
            },
        };
        let body = serde_json::to_vec(sent).map_err(|cause| AppError::Internal(Box::new(cause)))?;
        let request = Sha256::new().chain_update(place).chain_update([0]).chain_update(body).finalize();
        Ok(Self { key, caller: call.actor.reference(), request: request.to_vec() })
    }

    fn as_key(&self) -> Option<Key<'_>> {
        let key = self.key.as_deref()?;
        Some(Key { caller: &self.caller, key, request: &self.request })
    }

    /// What was answered when it was sent before; none where it is new.
    pub async fn earlier(&self, tx: &mut Tx, call: &Call) -> Result<Option<Answer>, Problem> {
        let Some(key) = self.as_key() else { return Ok(None) };
        match replies::take(tx, key, call.now()).await? {
            Earlier::Nothing => Ok(None),
            Earlier::Answer(status, body) => {
                let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
                Ok(Some(single::changed(status.unwrap_or(StatusCode::OK), &body)))
            }
            Earlier::Other => {
                Err(AppError::Conflict("this Idempotency-Key stood for another request".into()).into())
            }
        }
    }

    /// Keeps the answer in the transaction that creates, commits it, and answers.
    pub async fn done(&self, mut tx: Tx, call: &Call, status: StatusCode, made: &impl Serialize) -> Answer {
        let body = serde_json::to_value(made).map_err(|cause| AppError::Internal(Box::new(cause)))?;
        if let Some(key) = self.as_key() {
            let code = i16::try_from(status.as_u16()).unwrap_or(200);
            replies::keep(&mut tx, key, code, &body, call.now()).await?;
        }
        tx.commit().await?;
        single::changed(status, &body)
    }
}
