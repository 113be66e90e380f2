//! How often somebody may try: by account and by address, counted in the database so that all
//! servers of the house count together.

use chrono::{DateTime, TimeDelta, Utc};

use super::AuthError;
use crate::store::people::attempts;
use crate::store::{Gate, Store};

const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// A person who mistypes needs a few.
const BY_ACCOUNT: i32 = 10;
/// An office behind one address needs more.
const BY_ADDRESS: i32 = 60;

/// Counts an attempt at `account` from `address`, also where nothing else of the log-in is kept.
/// Told before the password is looked at: how long it takes tells nothing.
pub async fn attempt(
    store: &Store,
    account: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), AuthError> {
    let mut gate = store.gate().await?;
    let (by_account, until) = attempts::count(&mut gate, &format!("account:{account}"), WINDOW, now).await?;
    let (by_address, later) = attempts::count(&mut gate, &format!("address:{address}"), WINDOW, now).await?;
    gate.commit().await?;
    let wait = |until: DateTime<Utc>| (until - now).num_seconds().max(1);
    if by_address > BY_ADDRESS {
        return Err(AuthError::TooMany(wait(later)));
    }
    if by_account > BY_ACCOUNT {
        return Err(AuthError::TooMany(wait(until)));
    }
    Ok(())
}

/// It came right: the account starts anew. The address does not, or one good account would pay
/// for guesses at others.
pub async fn succeeded(gate: &mut Gate, account: &str) -> Result<(), AuthError> {
    Ok(attempts::forget(gate, &format!("account:{account}")).await?)
}
