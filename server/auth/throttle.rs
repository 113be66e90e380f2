//! How often somebody may try: by account and by address, counted in the database so that all
//! servers of the house count together.

use chrono::{DateTime, TimeDelta, Utc};

use super::AuthError;
use crate::store::people::attempts;
use crate::store::{Gate, Store};
use crate::telemetry::meter;

const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// A person who mistypes needs a few.
const BY_ACCOUNT: i32 = 10;
/// No address of a person is longer, with the word before it.
const LONGEST_ACCOUNT: usize = 300;
/// An office behind one address needs more.
const BY_ADDRESS: i32 = 60;
/// Log-ins that begin at a provider: a whole office in the morning.
const DEPARTURES: i32 = 300;

/// Counts an attempt at `account` from `address`, also where nothing else of the log-in is kept.
/// Told before the password is looked at: how long it takes tells nothing.
pub async fn attempt(
    store: &Store,
    account: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), AuthError> {
    let mut gate = store.gate().await?;
    let (tried, until) = attempts::count(&mut gate, &format!("address:{address}"), WINDOW, now).await?;
    let refused = if tried > BY_ADDRESS {
        // Not counted against the account: who is sent away there locks nobody out here.
        Some(until)
    } else {
        let (tried, until) = attempts::count(&mut gate, &of_account(account), WINDOW, now).await?;
        (tried > BY_ACCOUNT).then_some(until)
    };
    gate.commit().await?;
    match refused {
        Some(until) => {
            meter::log_in("too_many");
            Err(AuthError::TooMany((until - now).num_seconds().max(1)))
        }
        None => Ok(()),
    }
}

/// What is typed as an account may be long; what is kept of it is not.
fn of_account(account: &str) -> String {
    format!("account:{}", account.chars().take(LONGEST_ACCOUNT).collect::<String>())
}

/// Counts a log-in that begins at a provider, by `address` alone: the provider minds its accounts.
pub async fn departure(store: &Store, address: &str, now: DateTime<Utc>) -> Result<(), AuthError> {
    let mut gate = store.gate().await?;
    let (count, until) = attempts::count(&mut gate, &format!("departure:{address}"), WINDOW, now).await?;
    gate.commit().await?;
    if count > DEPARTURES {
        return Err(AuthError::TooMany((until - now).num_seconds().max(1)));
    }
    Ok(())
}

/// It came right: the account starts anew. The address does not, or one good account would pay
/// for guesses at others.
pub async fn succeeded(gate: &mut Gate, account: &str) -> Result<(), AuthError> {
    Ok(attempts::forget(gate, &of_account(account)).await?)
}
