//! Who holds the token that came along with a request.

use chrono::{DateTime, TimeDelta, Utc};

use super::token::API_PREFIX;
use super::{Actor, Means, Secret};
use crate::store::people::tokens;
use crate::store::{Store, StoreError};

/// Last use is kept to the minute, so that not every request writes.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);
/// No token of ours is longer.
const LONGEST: usize = 100;

/// The actor of an `Authorization` header (RFC 6750: `Bearer plx_…`); none where its token does
/// not work, is over or was never made.
pub async fn of_header(
    store: &Store,
    header: &str,
    address: &str,
    now: DateTime<Utc>,
) -> Result<Option<Actor>, StoreError> {
    let Some(secret) = secret(header) else { return Ok(None) };
    let mut gate = store.gate().await?;
    let Some(found) = tokens::find(&mut gate, &secret.hash(), now).await? else { return Ok(None) };
    if found.used_at.is_none_or(|last| now - last >= TOUCH_EVERY) {
        tokens::touch(&mut gate, found.tenant, found.id, now).await?;
        gate.commit().await?;
    }
    Ok(Some(Actor {
        tenant: found.tenant,
        tenant_name: String::new(),
        person: None,
        email: String::new(),
        name: found.name,
        role: None,
        may: found.scopes,
        means: Means::Token { id: found.id },
        csrf: String::new(),
        may_switch: false,
        address: address.to_owned(),
    }))
}

fn secret(header: &str) -> Option<Secret> {
    let (scheme, word) = header.split_once(' ')?;
    let word = word.trim();
    let ours = scheme.eq_ignore_ascii_case("bearer") && word.starts_with(API_PREFIX) && word.len() <= LONGEST;
    ours.then(|| Secret::sent(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_of_ours_is_looked_up() {
        assert!(secret("Bearer plx_abc").is_some() && secret("bearer  plx_abc ").is_some());
        let long = format!("Bearer plx_{}", "a".repeat(200));
        for none in ["", "Bearer", "Bearer abc", "Basic plx_abc", long.as_str()] {
            assert!(secret(none).is_none(), "{none}");
        }
    }
}
