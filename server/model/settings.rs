//! What a tenant has decided, as far as rules read it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A tenant's own lines in the sand. Empty lists mean that nothing was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Regions assets may live in, in the provider's spelling.
    pub allowed_regions: Vec<String>,
    /// Accounts, beside an asset's own, that may be let in.
    pub trusted_accounts: Vec<String>,
    /// Registry hosts images may come from.
    pub trusted_registries: Vec<String>,
    /// Tag keys that name an owner, compared without case.
    pub owner_tags: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allowed_regions: Vec::new(),
            trusted_accounts: Vec::new(),
            trusted_registries: Vec::new(),
            owner_tags: ["owner", "team", "service-owner", "contact"].map(String::from).to_vec(),
        }
    }
}

/// How fresh the picture of an asset is. Kept outside its facts so that looking again without
/// finding a change is not a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Last run that saw it.
    pub last_seen: DateTime<Utc>,
    /// How often its connection is meant to be read, in seconds.
    pub interval_seconds: i64,
}
