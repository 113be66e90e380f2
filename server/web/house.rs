//! What every page needs of the house it is in.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::auth::Vault;
use crate::auth::oidc::{Envoy, Porter};
use crate::desk::connections::{Keeping, Terms};
use crate::model::TenantId;
use crate::outgoing::Guard;
use crate::store::Store;

/// How people come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entrance {
    /// They log in.
    Login,
    /// Nobody logs in, everybody is the owner of this tenant: loopback only.
    Open {
        /// Whose estate is shown.
        tenant: TenantId,
        /// What forms carry.
        csrf: String,
    },
}

/// The house, as its operator set it up.
#[derive(Debug, Clone)]
pub struct House {
    /// How people come in.
    pub entrance: Entrance,
    /// Where browsers find us.
    pub public_url: Url,
    /// A proxy stands in front, ends TLS and names the visitor's address last in X-Forwarded-For.
    pub behind_proxy: bool,
    /// Opens and seals secrets.
    pub vault: Vault,
    /// Says where what people typed may lead.
    pub guard: Guard,
    /// What people may connect to.
    pub terms: Terms,
    /// Speaks with the providers people log in with.
    pub envoy: Envoy,
    /// What the API says of itself: its OpenAPI document.
    pub api: Arc<serde_json::Value>,
    /// Cancelled once this process is told to stop: nobody should be sent here any more.
    pub stopping: CancellationToken,
}

/// What every page needs.
#[derive(Debug, Clone)]
pub struct WebState {
    /// The database.
    pub store: Store,
    /// The house.
    pub house: Arc<House>,
    /// The clock.
    pub now: fn() -> DateTime<Utc>,
}

impl WebState {
    /// What a log-in at a provider needs.
    pub fn porter(&self) -> Porter<'_> {
        let house = &self.house;
        Porter { store: &self.store, envoy: &house.envoy, vault: &house.vault, now: (self.now)() }
    }
}

impl House {
    /// What connections are made and kept with.
    pub fn keeping(&self) -> Keeping<'_> {
        Keeping { vault: &self.vault, terms: &self.terms }
    }

    /// Browsers reach us by TLS only.
    pub fn secure(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// The session's cookie. With TLS its name binds it to this host and to TLS.
    pub fn cookie(&self) -> &'static str {
        if self.secure() { "__Host-parallax" } else { "parallax" }
    }

    /// The cookie that binds a log-in at a provider to the browser it began in.
    pub fn login_cookie(&self) -> &'static str {
        if self.secure() { "__Host-parallax-login" } else { "parallax-login" }
    }

    /// A full address of ours.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}
