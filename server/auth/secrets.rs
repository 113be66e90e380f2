//! Secrets of what we reach out to: sealed for one owner in one tenant, opened at the moment of use.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AuthError, Vault};
use crate::model::TenantId;
use crate::store::{Tx, secrets};

/// What a secret of the table `secrets` belongs to: it opens under its own id in its own tenant alone.
pub fn bound(tenant: TenantId, id: Uuid) -> String {
    format!("secret {id} of {tenant}")
}

/// Seals a secret and keeps it under the id of its owner, in place of the one before.
pub async fn keep(
    tx: &mut Tx,
    vault: &Vault,
    owner: Uuid,
    plain: &str,
    now: DateTime<Utc>,
) -> Result<(), AuthError> {
    let sealed = vault.seal(plain.as_bytes(), &bound(tx.tenant(), owner))?;
    Ok(secrets::put(tx, owner, &sealed, &vault.key_id(), now).await?)
}

/// Opens the secret kept under this id.
pub async fn open(tx: &mut Tx, vault: &Vault, id: Uuid) -> Result<String, AuthError> {
    let missing = || AuthError::Sealed("it is not there any more".into());
    let sealed = secrets::get(tx, id).await?.ok_or_else(missing)?;
    let plain = vault.open(&sealed, &bound(tx.tenant(), id))?;
    String::from_utf8(plain).map_err(|_| AuthError::Sealed("it is no text".into()))
}
