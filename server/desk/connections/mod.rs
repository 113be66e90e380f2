//! Connections as people and programs make, change, test and remove them.
//!
//! Whatever is typed is checked here against what the operator lets anybody connect to. Secrets come
//! in, are sealed, and never go out again: no answer, no record and no log holds one.

mod add;
mod draft;
mod look;
mod organisation;
mod wish;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::{Refusal, invalid};
use crate::auth::Actor;
use crate::auth::audit::{self, Change};
use crate::error::AppError;
use crate::store::Tx;
pub use crate::store::connections::Connection;
use crate::store::connections::{self, keep};
pub use add::{Keeping, Lead, Made, add, external_id_of, lead, secret_for};
pub use draft::Draft;
pub(in crate::desk) use look::place;
pub use look::{subscriptions, test, test_kept};
pub use organisation::{Chosen, Organisation, accounts, add_all, known};
pub use wish::{AwsWish, AzureWish, RegistryWish, Terms, Wish, list, secret};

/// Shortest interval, in seconds.
pub const SHORTEST: i64 = 60;
/// Longest interval, in seconds.
pub const LONGEST: i64 = 2_592_000;
/// Letters of a name at most.
const MOST_NAME: usize = 100;

/// What a new connection is called and how often it is read.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its name.
    pub name: &'a str,
    /// How often, in seconds.
    pub interval_seconds: i64,
    /// Not read until somebody says so.
    pub paused: bool,
}

/// The connection of this id that is still read.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Connection, Refusal> {
    let found = connections::get(tx, id).await?.filter(|one| one.removed_at.is_none());
    found.ok_or_else(|| AppError::NotFound("this connection").into())
}

/// A name as it may be kept.
fn named(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MOST_NAME || name.chars().any(char::is_control) {
        return Err(invalid("name", format!("write 1 to {MOST_NAME} characters")));
    }
    Ok(name)
}

fn interval(seconds: i64) -> Result<i64, Refusal> {
    if !(SHORTEST..=LONGEST).contains(&seconds) {
        return Err(invalid("every", "choose one minute to thirty days"));
    }
    Ok(seconds)
}

fn taken() -> Refusal {
    AppError::Conflict("another connection has this name".into()).into()
}

/// Gives a connection another name, another interval, or both.
pub async fn rename(
    tx: &mut Tx,
    actor: &Actor,
    connection: &Connection,
    name: &str,
    interval_seconds: i64,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let (name, interval_seconds) = (named(name)?, interval(interval_seconds)?);
    if name == connection.name && interval_seconds == connection.interval_seconds {
        return Ok(());
    }
    if !keep::rename(tx, connection.id, name, interval_seconds).await? {
        return Err(taken());
    }
    let told = |name: &str, seconds: i64| json!({ "name": name, "interval_seconds": seconds });
    let change = Change {
        action: "connection.changed",
        subject: connection.name.clone(),
        before: Some(told(&connection.name, connection.interval_seconds)),
        after: Some(told(name, interval_seconds)),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Holds a connection back, or lets it be read again.
pub async fn pause(
    tx: &mut Tx,
    actor: &Actor,
    connection: &Connection,
    paused: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if paused == connection.paused {
        return Ok(());
    }
    keep::pause(tx, connection.id, paused).await?;
    let action = if paused { "connection.paused" } else { "connection.resumed" };
    let change = Change { action, subject: connection.name.clone(), ..Change::default() };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Removes a connection. Its history stays readable, or goes too; either way it is not read again
/// and its secret is gone at once.
pub async fn remove(
    tx: &mut Tx,
    actor: &Actor,
    connection: &Connection,
    erase: bool,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    keep::remove(tx, connection.id, erase, now).await?;
    let change = Change {
        action: "connection.removed",
        subject: connection.name.clone(),
        before: Some(json!({ "source": connection.spec })),
        after: Some(json!({ "history": if erase { "erased" } else { "kept" } })),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}
