//! Making a connection, and leading one elsewhere.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::draft::{self, Draft};
use super::wish::{Terms, Wish};
use super::{Connection, Named, interval, named, taken};
use crate::auth::audit::{self, Change};
use crate::auth::{Actor, AuthError, Vault, secrets};
use crate::collect::Password;
use crate::desk::{Refusal, invalid};
use crate::error::AppError;
use crate::model::{AwsCredentials, AwsSpec, AzureSpec, ConnectionSpec, RegistrySpec};
use crate::store::connections::{self, keep};
use crate::store::runs::{self, Reads};
use crate::store::{Tx, secrets as kept};

/// Connections of a tenant at most.
const MOST: usize = 2_000;

/// A connection somebody makes.
#[derive(Debug)]
pub struct Made<'a> {
    /// What it is called and how often it is read.
    pub named: Named<'a>,
    /// The source.
    pub wish: &'a Wish,
    /// The secret it logs in with.
    pub secret: Option<Password>,
}

/// Another way to reach the source of a connection.
#[derive(Debug)]
pub struct Lead<'a> {
    /// The source.
    pub wish: &'a Wish,
    /// Another secret; none keeps the one there is.
    pub secret: Option<Password>,
}

/// What seals secrets, and what people may connect to.
#[derive(Debug, Clone, Copy)]
pub struct Keeping<'a> {
    /// Seals and opens secrets.
    pub vault: &'a Vault,
    /// What the operator lets people connect to.
    pub terms: &'a Terms,
}

/// The external id of an account's role.
pub fn external_id_of(spec: &AwsSpec) -> Option<&str> {
    match &spec.credentials {
        AwsCredentials::AssumeRole { external_id, .. } => external_id.as_deref(),
        AwsCredentials::Environment | AwsCredentials::Sample => None,
    }
}

fn sealed(fault: AuthError) -> Refusal {
    match fault {
        AuthError::Store(fault) => fault.into(),
        other => AppError::Internal(Box::new(other)).into(),
    }
}

/// Whatever is read needs somewhere to begin.
fn whole(spec: &ConnectionSpec) -> Result<(), Refusal> {
    match spec {
        ConnectionSpec::Azure(AzureSpec { subscriptions, .. }) if subscriptions.is_empty() => {
            Err(invalid("subscriptions", "choose at least one"))
        }
        _ => Ok(()),
    }
}

/// The field a source's secret is typed into.
fn secret_field(spec: &ConnectionSpec) -> &'static str {
    if matches!(spec, ConnectionSpec::Registry(_)) { "password" } else { "client_secret" }
}

/// Makes a connection and queues its first run.
pub async fn add(
    tx: &mut Tx,
    actor: &Actor,
    keeping: Keeping<'_>,
    draft: &Draft,
    made: Made<'_>,
    now: DateTime<Utc>,
) -> Result<Uuid, Refusal> {
    let (name, interval_seconds) = (named(made.named.name)?, interval(made.named.interval_seconds)?);
    let spec = made.wish.spec(&draft.external_id, keeping.terms)?;
    whole(&spec)?;
    if connections::list(tx).await?.len() >= MOST {
        return Err(AppError::Conflict(format!("there are {MOST} connections already")).into());
    }
    let secret = made.secret.filter(|_| spec.needs_secret());
    if spec.needs_secret() && secret.is_none() {
        return Err(invalid(secret_field(&spec), "it is needed to log in"));
    }
    let id = draft.id;
    if connections::get(tx, id).await?.is_some() {
        return Err(AppError::Conflict("this one is made already".into()).into());
    }
    if let Some(secret) = &secret {
        secrets::keep(tx, keeping.vault, id, secret.tell(), now).await.map_err(sealed)?;
    }
    let paused = made.named.paused;
    let new = keep::New { name, spec: &spec, interval_seconds, paused, secret: secret.as_ref().map(|_| id) };
    if !keep::add(tx, id, &new, now).await? {
        return Err(taken());
    }
    if !paused {
        runs::enqueue(tx, id, Reads::Everything, now).await?;
    }
    let change = Change {
        action: "connection.added",
        subject: name.to_owned(),
        before: None,
        after: Some(json!({
            "source": spec,
            "interval_seconds": interval_seconds,
            "paused": paused,
            "secret": if secret.is_some() { "kept" } else { "none" },
        })),
    };
    audit::record(tx, actor, change, now).await?;
    Ok(id)
}

/// Where a source's secret is sent, and as whom. A kept secret goes nowhere else: who may change a
/// connection could otherwise have it sent to a place of their own.
fn sent_to(spec: &ConnectionSpec) -> serde_json::Value {
    match spec {
        ConnectionSpec::Aws(_) => json!("aws"),
        ConnectionSpec::Azure(AzureSpec { credentials, endpoint, authority, .. }) => {
            json!([credentials, endpoint, authority])
        }
        ConnectionSpec::Registry(RegistrySpec { address, plain_http, credentials, .. }) => {
            json!([address, plain_http, credentials])
        }
    }
}

/// The spec a connection would have, and the secret it would be reached with.
async fn wished(
    tx: &mut Tx,
    keeping: Keeping<'_>,
    connection: &Connection,
    lead: &Lead<'_>,
) -> Result<(ConnectionSpec, Option<Password>), Refusal> {
    let external_id = match &connection.spec {
        ConnectionSpec::Aws(spec) => external_id_of(spec).map_or_else(draft::external_id, str::to_owned),
        _ => String::new(),
    };
    let spec = lead.wish.spec(&external_id, keeping.terms)?;
    if spec.provider() != connection.provider {
        return Err(invalid("source", "a connection stays with its kind of source; make another one"));
    }
    if !spec.needs_secret() {
        return Ok((spec, None));
    }
    if let Some(secret) = &lead.secret {
        return Ok((spec, Some(secret.clone())));
    }
    let Some(id) = connection.secret else {
        return Err(invalid(secret_field(&spec), "it is needed to log in"));
    };
    if sent_to(&spec) != sent_to(&connection.spec) {
        let problem = "give it again: the one that is kept is sent nowhere but where it was given for";
        return Err(invalid(secret_field(&spec), problem));
    }
    let secret = secrets::open(tx, keeping.vault, id).await.map_err(sealed)?;
    Ok((spec, Some(Password::new(secret))))
}

/// The secret a connection would be reached with another way, for a test of it.
pub async fn secret_for(
    tx: &mut Tx,
    keeping: Keeping<'_>,
    connection: &Connection,
    lead: &Lead<'_>,
) -> Result<Option<Password>, Refusal> {
    wished(tx, keeping, connection, lead).await.map(|(_, secret)| secret)
}

/// Leads a connection another way, with the secret it has or a new one.
pub async fn lead(
    tx: &mut Tx,
    actor: &Actor,
    keeping: Keeping<'_>,
    connection: &Connection,
    lead: Lead<'_>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let (spec, secret) = wished(tx, keeping, connection, &lead).await?;
    whole(&spec)?;
    if spec == connection.spec && lead.secret.is_none() {
        return Ok(());
    }
    match (&lead.secret, &secret) {
        (Some(new), Some(_)) => {
            secrets::keep(tx, keeping.vault, connection.id, new.tell(), now).await.map_err(sealed)?;
        }
        (_, None) => {
            kept::remove(tx, connection.id).await?;
        }
        (None, Some(_)) => {}
    }
    keep::lead(tx, connection.id, &spec, secret.as_ref().map(|_| connection.id)).await?;
    let told = |spec: &ConnectionSpec, secret: &str| json!({ "source": spec, "secret": secret });
    let had = if connection.secret.is_some() { "kept" } else { "none" };
    let has = match (&secret, &lead.secret) {
        (None, _) => "none",
        (Some(_), None) => "kept",
        (Some(_), Some(_)) => "changed",
    };
    let change = Change {
        action: "connection.led",
        subject: connection.name.clone(),
        before: Some(told(&connection.spec, had)),
        after: Some(told(&spec, has)),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}
