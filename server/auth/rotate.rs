//! Sealing everything anew with the present key, so that the former one can be forgotten. Batch by
//! batch: stopped in the middle, it goes on where it was, since what is done is seen by its key.

use uuid::Uuid;

use super::{AuthError, Vault, login, oidc, secrets};
use crate::store::sealed::{self, Place, Sealed};
use crate::store::{Store, StoreError, tenants};

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Secrets of connections, webhooks and trackers sealed anew.
    pub secrets: u64,
    /// Second factors sealed anew.
    pub factors: u64,
    /// Secrets of providers, and tokens for logging out there, sealed anew.
    pub providers: u64,
    /// What no key given opens: left as it was.
    pub unopened: u64,
}

/// Seals everything anew that another key sealed.
pub async fn rotate(store: &Store, vault: &Vault) -> Result<Rotated, StoreError> {
    let mut done = Rotated::default();
    let mut gate = store.gate().await?;
    let all = tenants::all(&mut gate).await?;
    drop(gate);
    for tenant in all {
        let mut after = Uuid::nil();
        loop {
            let mut tx = store.begin(tenant).await?;
            let batch = sealed::secrets(&mut tx, &vault.key_id(), after).await?;
            let Some(last) = batch.last() else { break };
            after = last.id;
            let anew = anew(vault, batch, |id| secrets::bound(tenant, id), &mut done.unopened);
            sealed::put_secrets(&mut tx, &vault.key_id(), &anew).await?;
            tx.commit().await?;
            done.secrets += anew.len() as u64;
        }
    }
    let unopened = &mut done.unopened;
    done.factors = house(store, vault, Place::Factors, login::totp_bound, unopened).await?;
    done.providers = house(store, vault, Place::Providers, oidc::secret_bound, unopened).await?;
    done.providers += house(store, vault, Place::Tokens, oidc::token_bound, unopened).await?;
    Ok(done)
}

/// Seals a place of the house anew, whose values are bound as `bound` says.
async fn house(
    store: &Store,
    vault: &Vault,
    place: Place,
    bound: fn(Uuid) -> String,
    unopened: &mut u64,
) -> Result<u64, StoreError> {
    let (mut after, mut done) = (Uuid::nil(), 0);
    loop {
        let mut gate = store.gate().await?;
        let batch = sealed::of_house(&mut gate, place, after).await?;
        let Some(last) = batch.last() else { return Ok(done) };
        after = last.id;
        let anew = anew(vault, batch, bound, unopened);
        sealed::put_house(&mut gate, place, &anew).await?;
        gate.commit().await?;
        done += anew.len() as u64;
    }
}

/// Those of a batch that were not sealed with the present key, sealed with it.
fn anew(
    vault: &Vault,
    batch: Vec<Sealed>,
    bound: impl Fn(Uuid) -> String,
    unopened: &mut u64,
) -> Vec<Sealed> {
    let mut all = Vec::new();
    for one in batch {
        match vault.reseal(&one.sealed, &bound(one.of)) {
            Ok(Some(sealed)) => all.push(Sealed { sealed, ..one }),
            Ok(None) => {}
            Err(fault) => {
                *unopened += 1;
                let fault: &AuthError = &fault;
                tracing::warn!(id = %one.id, error = %fault, "a secret stays as it was");
            }
        }
    }
    all
}
