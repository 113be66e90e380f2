//! What it takes to talk to others for a tenant: the database, what opens the secret, how near to us
//! it may lead, and where our own links begin. Who is told what, the jobs decide.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::Client;
use url::Url;

use crate::auth::Vault;
use crate::notify;
use crate::outgoing::Guard;
use crate::store::Store;

/// The means to talk to others.
#[derive(Debug, Clone)]
pub struct Outward {
    pub(super) store: Store,
    pub(super) vault: Vault,
    pub(super) guard: Guard,
    pub(super) client: Client,
    /// Where our links begin, without a slash at its end.
    pub(super) base: Arc<str>,
    pub(super) clock: fn() -> DateTime<Utc>,
}

impl Outward {
    /// Goes where `guard` lets it; our links begin with `public_url`.
    pub fn new(
        store: Store,
        vault: Vault,
        guard: Guard,
        public_url: &Url,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<Self, reqwest::Error> {
        let client = guard.client(notify::PATIENCE)?;
        let base = public_url.as_str().trim_end_matches('/').into();
        Ok(Self { store, vault, guard, client, base, clock })
    }
}
