//! What Resource Manager sends of a container registry.

use serde::Deserialize;

use super::lenient;

wire! {
    /// Properties of a container registry.
    pub struct Registry {
        /// The shared administrator account.
        pub admin_user_enabled: bool,
        /// Anyone may pull.
        pub anonymous_pull_enabled: bool,
        /// `Enabled`, `Disabled`.
        pub public_network_access: String,
        /// Address rules.
        pub network_rule_set: NetworkRuleSet,
        /// Policies.
        pub policies: RegistryPolicies,
        /// Encryption.
        pub encryption: RegistryEncryption,
        /// Host name.
        pub login_server: String,
    }

    /// Address rules of a registry.
    pub struct NetworkRuleSet {
        /// `Allow`, `Deny`.
        pub default_action: String,
    }

    /// Policies of a registry.
    pub struct RegistryPolicies {
        /// Unscanned images are held back.
        pub quarantine_policy: PolicySwitch,
        /// Content trust.
        pub trust_policy: PolicySwitch,
        /// Untagged images are removed.
        pub retention_policy: PolicySwitch,
    }

    /// A policy of a registry.
    pub struct PolicySwitch {
        /// `enabled`, `disabled`.
        pub status: String,
    }

    /// Encryption of a registry.
    pub struct RegistryEncryption {
        /// `enabled` with a customer's key.
        pub status: String,
        /// The key.
        pub key_vault_properties: KeyVaultProperties,
    }

    /// A customer's key.
    pub struct KeyVaultProperties {
        /// Its address.
        pub key_identifier: String,
    }
}
