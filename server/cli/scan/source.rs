//! What a scan can be pointed at, as words on the command line.

use clap::Subcommand;

use crate::model::{AwsCredentials, AwsSpec, AzureSpec, ConnectionSpec, RegistryCredentials, RegistrySpec};

/// Where a fixed Azure token is looked for, for tests.
const TOKEN_VARIABLE: &str = "PARALLAX_AZURE_TOKEN";

/// A source on the command line.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// An AWS account, with the SDK's usual environment (`AWS_PROFILE`, `AWS_ENDPOINT_URL`, …)
    Aws {
        /// Region to read (several); none is every region the account has enabled
        #[arg(long = "region")]
        regions: Vec<String>,
        /// Role to assume first
        #[arg(long)]
        role_arn: Option<String>,
        /// External id the role asks for
        #[arg(long, requires = "role_arn")]
        external_id: Option<String>,
    },
    /// Azure subscriptions, with the environment's or the Azure CLI's credentials
    Azure {
        /// Subscription id to read (several)
        #[arg(long = "subscription", required = true)]
        subscriptions: Vec<String>,
        /// Another Resource Manager endpoint
        #[arg(long, env = "PARALLAX_AZURE_ENDPOINT")]
        endpoint: Option<String>,
    },
    /// A registry that speaks the OCI distribution API
    Registry {
        /// Its address: host or host:port
        address: String,
        /// Speak HTTP without TLS
        #[arg(long)]
        plain_http: bool,
        /// User name
        #[arg(long, requires = "password_variable")]
        username: Option<String>,
        /// Environment variable that holds the password
        #[arg(long, requires = "username")]
        password_variable: Option<String>,
        /// Only this repository (several)
        #[arg(long = "repository")]
        repositories: Vec<String>,
    },
}

impl Source {
    /// The same as a connection.
    pub fn spec(&self) -> ConnectionSpec {
        match self {
            Self::Aws { regions, role_arn, external_id } => ConnectionSpec::Aws(AwsSpec {
                regions: regions.clone(),
                credentials: role_arn.clone().map_or(AwsCredentials::Environment, |role_arn| {
                    AwsCredentials::AssumeRole { role_arn, external_id: external_id.clone() }
                }),
                endpoint: None,
            }),
            Self::Azure { subscriptions, endpoint } => ConnectionSpec::Azure(AzureSpec {
                subscriptions: subscriptions.clone(),
                endpoint: endpoint.clone(),
                token_variable: std::env::var_os(TOKEN_VARIABLE).map(|_| TOKEN_VARIABLE.to_owned()),
                ..AzureSpec::default()
            }),
            Self::Registry { address, plain_http, username, password_variable, repositories } => {
                ConnectionSpec::Registry(RegistrySpec {
                    address: address.clone(),
                    plain_http: *plain_http,
                    credentials: match (username.clone(), password_variable.clone()) {
                        (Some(username), Some(password_variable)) => {
                            RegistryCredentials::Basic { username, password_variable }
                        }
                        _ => RegistryCredentials::Anonymous,
                    },
                    repositories: repositories.clone(),
                })
            }
        }
    }
}
