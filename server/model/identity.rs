//! What an asset may do: its role or managed identity, already analysed.

use serde::{Deserialize, Serialize};

/// The identity an asset runs as, with what its policies or role assignments amount to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Role ARN (AWS) or principal id (Azure).
    pub id: String,
    /// Its short name.
    pub name: String,
    /// It can administer its account or subscription.
    pub admin: bool,
    /// Which policy or role assignment makes it so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admin_because: Vec<String>,
    /// Services on which it may do everything: `s3`, `dynamodb`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub full_services: Vec<String>,
    /// Write or management actions allowed on every resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unscoped_actions: Vec<String>,
    /// Scopes wider than a resource group at which a role is assigned (Azure).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broad_scopes: Vec<String>,
    /// Ways it could raise its own rights or silence the audit trail, by their usual names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<String>,
}

/// How many assets of the connection run as the same identity.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SharedIdentity {
    /// Role ARN or the id of a user-assigned identity.
    pub id: String,
    /// Assets that use it, this one included.
    pub users: u32,
}
