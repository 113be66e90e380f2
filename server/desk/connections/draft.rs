//! A connection that is being made: what we chose for it and what was told us in confidence, sealed
//! for its tenant and carried by the form. Nobody can write one, change one, or use another tenant's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Refusal, invalid};
use crate::auth::{AuthError, Vault};
use crate::collect::Password;
use crate::error::AppError;
use crate::model::TenantId;

/// How long one may be finished.
const LASTS: TimeDelta = TimeDelta::days(7);
/// How long a secret stays in one that is not finished.
const SECRET_LASTS: TimeDelta = TimeDelta::hours(2);

/// A connection that is being made.
#[derive(Serialize, Deserialize)]
pub struct Draft {
    /// The id it will have.
    pub id: Uuid,
    /// The word a role's trust policy asks for: ours, made once for this connection.
    pub external_id: String,
    secret: Option<(String, DateTime<Utc>)>,
    made_at: DateTime<Utc>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Draft({})", self.id)
    }
}

/// A word nobody can guess, as AWS allows it in an external id.
pub fn external_id() -> String {
    let random: [u8; 20] = rand::rng().random();
    random.iter().fold(String::from("plx-"), |text, byte| format!("{text}{byte:02x}"))
}

fn bound(tenant: TenantId) -> String {
    format!("connection draft of {tenant}")
}

impl Draft {
    /// A new one.
    pub fn fresh(now: DateTime<Utc>) -> Self {
        Self { id: Uuid::now_v7(), external_id: external_id(), secret: None, made_at: now }
    }

    /// For a form or an address of the tenant's pages.
    pub fn seal(&self, vault: &Vault, tenant: TenantId) -> Result<String, Refusal> {
        let internal = |cause: Box<dyn std::error::Error + Send + Sync>| AppError::Internal(cause);
        let text = serde_json::to_vec(self).map_err(|cause| internal(cause.into()))?;
        let sealed = vault.seal(&text, &bound(tenant)).map_err(|cause: AuthError| internal(cause.into()))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// As a form or an address carried it.
    pub fn open(text: &str, vault: &Vault, tenant: TenantId, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let opened = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|sealed| vault.open(&sealed, &bound(tenant)).ok())
            .and_then(|plain| serde_json::from_slice::<Self>(&plain).ok())
            .filter(|draft| now - draft.made_at < LASTS);
        let mut draft = opened.ok_or_else(|| invalid("draft", "this page is out of date; start again"))?;
        draft.secret = draft.secret.filter(|(_, told_at)| now - *told_at < SECRET_LASTS);
        Ok(draft)
    }

    /// Keeps a secret for the next step, unless nothing was typed.
    pub fn keep(&mut self, secret: Option<&Password>, now: DateTime<Utc>) {
        if let Some(secret) = secret {
            self.secret = Some((secret.tell().to_owned(), now));
        }
    }

    /// The secret told at an earlier step.
    pub fn secret(&self) -> Option<Password> {
        self.secret.as_ref().map(|(text, _)| Password::new(text.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::vault::HouseKey;

    #[test]
    fn a_draft_is_of_one_tenant_and_grows_old() {
        let vault = Vault::new(HouseKey::new([3; 32]), Vec::new());
        let (here, there) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut draft = Draft::fresh(now);
        draft.keep(Some(&Password::new("hunter2")), now);
        let text = draft.seal(&vault, here).expect("sealed");
        assert!(!text.contains(&draft.external_id) && !format!("{draft:?}").contains("hunter2"));
        let again = Draft::open(&text, &vault, here, now).expect("ours");
        assert_eq!((again.id, &again.external_id), (draft.id, &draft.external_id));
        assert_eq!(again.secret().expect("kept").tell(), "hunter2");
        assert!(Draft::open(&text, &vault, there, now).is_err(), "another tenant's");
        assert!(Draft::open("", &vault, here, now).is_err());
        let later = Draft::open(&text, &vault, here, now + TimeDelta::hours(3)).expect("still ours");
        assert!(later.secret().is_none(), "a secret does not wait for ever");
        assert!(Draft::open(&text, &vault, here, now + TimeDelta::days(8)).is_err());
    }

    #[test]
    fn no_two_connections_have_one_word() {
        let words: std::collections::HashSet<_> = (0..50).map(|_| external_id()).collect();
        assert_eq!(words.len(), 50);
        let allowed = |c: char| c.is_ascii_alphanumeric() || "+=,.@:/-".contains(c);
        assert!(words.iter().all(|word| word.len() == 44 && word.chars().all(allowed)));
    }
}
