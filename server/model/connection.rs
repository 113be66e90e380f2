//! A source we may read, and how to reach it. Credentials are references, never values.

use serde::{Deserialize, Serialize};

use super::Provider;

/// Where AWS credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsCredentials {
    /// The SDK's usual chain: environment, profile, instance or task role.
    #[default]
    Environment,
    /// A role assumed with the usual chain.
    AssumeRole {
        /// Role to assume.
        role_arn: String,
        /// External id the role's trust policy asks for.
        external_id: Option<String>,
    },
    /// Fixed words that only the sample cloud accepts.
    Sample,
}

/// An AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsSpec {
    /// Regions to read; empty is every region the account has enabled.
    pub regions: Vec<String>,
    /// Where credentials come from.
    pub credentials: AwsCredentials,
    /// Another endpoint for every service; none leaves it to the SDK (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
}

/// Where Azure credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AzureCredentials {
    /// The usual places: environment, workload identity, managed identity, command lines.
    #[default]
    Environment,
    /// An app registration, whose client secret is sealed apart.
    App {
        /// Directory (tenant) id.
        directory: String,
        /// Application (client) id.
        client: String,
    },
}

impl AzureCredentials {
    fn is_usual(&self) -> bool {
        *self == Self::Environment
    }
}

/// Azure subscriptions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzureSpec {
    /// Subscription ids to read.
    pub subscriptions: Vec<String>,
    /// Where credentials come from.
    #[serde(skip_serializing_if = "AzureCredentials::is_usual")]
    pub credentials: AzureCredentials,
    /// Another Resource Manager endpoint; none is the public cloud's.
    pub endpoint: Option<String>,
    /// Another place where app registrations get tokens; none is the public cloud's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Name of the environment variable that holds a fixed token, for tests and the sample cloud.
    pub token_variable: Option<String>,
    /// Use the fixed word that only the sample cloud accepts.
    pub sample: bool,
}

/// How to log in to a registry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryCredentials {
    /// Without.
    #[default]
    Anonymous,
    /// User name, and the name of the environment variable that holds the password.
    Basic {
        /// User name.
        username: String,
        /// Environment variable with the password.
        password_variable: String,
    },
    /// User name; the password is sealed apart.
    Sealed {
        /// User name.
        username: String,
    },
}

/// A registry that speaks the OCI distribution API.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrySpec {
    /// `host` or `host:port`, without scheme.
    pub address: String,
    /// Speak HTTP without TLS.
    pub plain_http: bool,
    /// How to log in.
    pub credentials: RegistryCredentials,
    /// Only these repositories; empty is all the catalogue lists.
    pub repositories: Vec<String>,
}

/// Everything needed to read one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum ConnectionSpec {
    /// An AWS account.
    Aws(AwsSpec),
    /// Azure subscriptions.
    Azure(AzureSpec),
    /// A registry.
    Registry(RegistrySpec),
}

impl ConnectionSpec {
    /// Who runs the source.
    pub const fn provider(&self) -> Provider {
        match self {
            Self::Aws(_) => Provider::Aws,
            Self::Azure(_) => Provider::Azure,
            Self::Registry(_) => Provider::Registry,
        }
    }

    /// Whether it logs in with a sealed secret.
    pub const fn needs_secret(&self) -> bool {
        matches!(
            self,
            Self::Azure(AzureSpec { credentials: AzureCredentials::App { .. }, .. })
                | Self::Registry(RegistrySpec { credentials: RegistryCredentials::Sealed { .. }, .. })
        )
    }
}
