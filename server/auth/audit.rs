//! Puts deeds on record as the actor's, in the transaction that does them.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Actor;
use crate::store::audit::{self, Deed};
use crate::store::{StoreError, Tx};

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// `connection.added`: a noun, a dot, a past tense.
    pub action: &'static str,
    /// What it was done to.
    pub subject: String,
    /// What it was; without secrets.
    pub before: Option<Value>,
    /// What it became; without secrets.
    pub after: Option<Value>,
}

/// Puts a change on record.
pub async fn record(
    tx: &mut Tx,
    actor: &Actor,
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let deed = Deed {
        actor: actor.reference(),
        actor_name: if actor.email.is_empty() { actor.name.clone() } else { actor.email.clone() },
        address: actor.address.clone(),
        action: change.action.to_owned(),
        subject: change.subject,
        before: change.before,
        after: change.after,
    };
    audit::add(tx, &deed, now).await
}
