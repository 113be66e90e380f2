//! A source in the API: as it is sent, with the secret it logs in with; and as it is told, without.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::collect::Password;
use crate::desk::Refusal;
use crate::desk::connections::{self as desk, AwsWish, AzureWish, RegistryWish, Wish};
use crate::model::{AwsCredentials, AzureCredentials, ConnectionSpec, RegistryCredentials};

/// A secret on its way in: sealed, and never told again.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[!-~]{1,4000}$")]
pub struct SecretSent(String);

impl Serialize for SecretSent {
    /// That there is one, and not which: what is kept of a request never holds it.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(true)
    }
}

fn typed(secret: Option<&SecretSent>) -> &str {
    secret.map_or("", |secret| secret.0.as_str())
}

/// An AWS account, read by a role it lets us assume.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSource {
    /// The role. It has to ask for the connection's `external_id`, which is ours to make.
    #[schema(
        pattern = "^arn:aws:iam::[0-9]{12}:role/[A-Za-z0-9_-]{1,64}$",
        example = "arn:aws:iam::111122223333:role/parallax-reader"
    )]
    role_arn: String,
    /// Regions to read; without any, every region the account has enabled.
    #[serde(default)]
    #[schema(max_items = 100, inline)]
    regions: Vec<Region>,
}

/// A region of AWS.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(pattern = "^[a-z]{2}-[a-z]{4,9}-[1-9]$", example = "eu-west-1")]
pub struct Region(String);

/// Azure subscriptions, read as an app registration.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureSource {
    /// Directory (tenant) of the app registration.
    directory: Uuid,
    /// Its application (client) id.
    client: Uuid,
    /// Its secret; sealed, and never told again. Left out, the one that is kept stays.
    #[serde(default)]
    #[schema(nullable = false, write_only, inline)]
    client_secret: Option<SecretSent>,
    /// Subscriptions to read.
    #[schema(min_items = 1, max_items = 1000)]
    subscriptions: Vec<Uuid>,
}

/// A registry that speaks the OCI distribution API.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrySource {
    /// `host` or `host:port`.
    #[schema(
        pattern = "^[a-z]{3,20}\\.example\\.[a-z]{3}$|^[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?$",
        example = "registry.example.com"
    )]
    address: String,
    /// Without TLS: only where the operator lets connections lead to networks of their own.
    #[serde(default)]
    plain_http: bool,
    /// User; without one nobody logs in.
    #[serde(default)]
    #[schema(max_length = 300)]
    username: String,
    /// Password or token; sealed, and never told again. Left out, the one that is kept stays.
    #[serde(default)]
    #[schema(nullable = false, write_only, inline)]
    password: Option<SecretSent>,
    /// Repositories to read; without any, all the registry lists.
    #[serde(default)]
    #[schema(max_items = 1000)]
    repositories: Vec<String>,
}

/// How a source is to be reached: exactly one of these.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceSent {
    /// An AWS account.
    Aws(AwsSource),
    /// Azure subscriptions.
    Azure(AzureSource),
    /// A registry.
    Registry(RegistrySource),
}

impl std::fmt::Debug for SourceSent {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Aws(_) => "Aws(…)",
            Self::Azure(_) => "Azure(…)",
            Self::Registry(_) => "Registry(…)",
        })
    }
}

impl SourceSent {
    /// The source, and the secret that came with it.
    pub fn read(&self) -> Result<(Wish, Option<Password>), Refusal> {
        Ok(match self {
            Self::Aws(one) => {
                let regions = one.regions.iter().map(|region| region.0.clone()).collect();
                let wish = AwsWish { role_arn: one.role_arn.clone(), regions, endpoint: String::new() };
                (Wish::Aws(wish), None)
            }
            Self::Azure(one) => {
                let wish = AzureWish {
                    directory: one.directory.to_string(),
                    client: one.client.to_string(),
                    subscriptions: one.subscriptions.iter().map(Uuid::to_string).collect(),
                    ..AzureWish::default()
                };
                (Wish::Azure(wish), desk::secret(typed(one.client_secret.as_ref()))?)
            }
            Self::Registry(one) => {
                let wish = RegistryWish {
                    address: one.address.clone(),
                    plain_http: one.plain_http,
                    username: one.username.clone(),
                    repositories: one.repositories.clone(),
                };
                (Wish::Registry(wish), desk::secret(typed(one.password.as_ref()))?)
            }
        })
    }
}

/// How a source is reached, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceTold {
    /// An AWS account.
    Aws {
        /// The role that is assumed; null where credentials come from the server itself.
        role_arn: Option<String>,
        /// What the role's trust policy has to ask for.
        external_id: Option<String>,
        /// The regions that are read; none is all.
        regions: Vec<String>,
    },
    /// Azure subscriptions.
    Azure {
        /// Directory of the app registration; null where credentials come from the server itself.
        directory: Option<String>,
        /// The app registration.
        client: Option<String>,
        /// The subscriptions that are read.
        subscriptions: Vec<String>,
    },
    /// A registry.
    Registry {
        /// Its address.
        address: String,
        /// Without TLS.
        plain_http: bool,
        /// The user that logs in; null where nobody does.
        username: Option<String>,
        /// The repositories that are read; none is all.
        repositories: Vec<String>,
    },
}

impl SourceTold {
    /// From a spec.
    pub fn of(spec: ConnectionSpec) -> Self {
        match spec {
            ConnectionSpec::Aws(spec) => {
                let (role_arn, external_id) = match spec.credentials {
                    AwsCredentials::AssumeRole { role_arn, external_id } => (Some(role_arn), external_id),
                    AwsCredentials::Environment | AwsCredentials::Sample => (None, None),
                };
                Self::Aws { role_arn, external_id, regions: spec.regions }
            }
            ConnectionSpec::Azure(spec) => {
                let (directory, client) = match spec.credentials {
                    AzureCredentials::App { directory, client } => (Some(directory), Some(client)),
                    AzureCredentials::Environment => (None, None),
                };
                Self::Azure { directory, client, subscriptions: spec.subscriptions }
            }
            ConnectionSpec::Registry(spec) => {
                let username = match spec.credentials {
                    RegistryCredentials::Anonymous => None,
                    RegistryCredentials::Basic { username, .. }
                    | RegistryCredentials::Sealed { username } => Some(username),
                };
                Self::Registry {
                    address: spec.address,
                    plain_http: spec.plain_http,
                    username,
                    repositories: spec.repositories,
                }
            }
        }
    }
}
