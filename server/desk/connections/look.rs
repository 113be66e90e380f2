//! Looking at a source before it is read: testing it, and finding out what there is to connect.

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::wish::{Terms, Wish};
use crate::auth::audit::{self, Change};
use crate::auth::{Actor, Vault, secrets};
use crate::collect::{self, Access, CollectError, Password, azure};
use crate::desk::{Refusal, invalid};
use crate::error::AppError;
use crate::model::{ConnectionSpec, Tested};
use crate::outgoing::{Guard, Zone};
use crate::store::Store;
use crate::store::connections::keep;

/// Looks under way at once in this process: they wait for others' answers.
static PLACES: Semaphore = Semaphore::const_new(8);

/// A place among those under way.
pub fn place() -> Result<SemaphorePermit<'static>, Refusal> {
    PLACES.try_acquire().map_err(|_| AppError::TooMany(10).into())
}

/// Tests a source that is not a connection yet, or a connection another way.
pub async fn test(
    wish: &Wish,
    external_id: &str,
    secret: Option<Password>,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<Tested, Refusal> {
    let spec = wish.spec(external_id, terms)?;
    let _place = place()?;
    Ok(collect::test(&spec, Access::to_look(secret, Guard::new(terms.outgoing)), now).await)
}

/// Tests a connection as it stands, and keeps what came of it.
pub async fn test_kept(
    store: &Store,
    vault: &Vault,
    terms: &Terms,
    actor: &Actor,
    id: Uuid,
    clock: fn() -> DateTime<Utc>,
) -> Result<Tested, Refusal> {
    let mut tx = store.begin(actor.tenant).await?;
    let connection = super::get(&mut tx, id).await?;
    let _place = place()?;
    let secret = match connection.secret {
        None => None,
        Some(id) => {
            let opened = secrets::open(&mut tx, vault, id).await;
            Some(Password::new(opened.map_err(|fault| AppError::Internal(Box::new(fault)))?))
        }
    };
    drop(tx);
    let guard = if connection.by_operator { Guard::to(Zone::Loopback) } else { Guard::new(terms.outgoing) };
    let tested = collect::test(&connection.spec, Access::to_look(secret, guard), clock()).await;
    let mut tx = store.begin(actor.tenant).await?;
    keep::tested(&mut tx, id, &tested).await?;
    let change = Change {
        action: "connection.tested",
        subject: connection.name,
        before: None,
        after: Some(json!({ "works": tested.is_whole(), "missing": tested.missing() })),
    };
    audit::record(&mut tx, actor, change, clock()).await?;
    tx.commit().await?;
    Ok(tested)
}

/// The subscriptions these credentials see; under one management group, where `group` names it.
pub async fn subscriptions(
    wish: &Wish,
    secret: Option<Password>,
    terms: &Terms,
    group: &str,
) -> Result<azure::Found, Refusal> {
    let ConnectionSpec::Azure(spec) = wish.spec("", terms)? else {
        return Err(invalid("source", "only Azure has subscriptions"));
    };
    let _place = place()?;
    let access = Access::to_look(secret, Guard::new(terms.outgoing));
    azure::discover(&spec, access, group).await.map_err(|fault| {
        let field =
            if matches!(fault, CollectError::Credentials { .. }) { "client_secret" } else { "source" };
        invalid(field, fault.to_string())
    })
}
