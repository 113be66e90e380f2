//! Credentials: today's identity crate behind the interface that the management crates expect.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_core_legacy::auth::{AccessToken, TokenCredential as LegacyCredential};
use azure_core_legacy::error::{Error as LegacyError, ErrorKind as LegacyKind};
use azure_identity::{DeveloperToolsCredential, ManagedIdentityCredential, WorkloadIdentityCredential};

use crate::collect::CollectError;
use crate::model::AzureSpec;

/// A token for Resource Manager, from wherever it comes.
#[derive(Debug, Clone)]
pub enum Credential {
    /// From today's identity crate, which caches.
    Identity(Arc<dyn TokenCredential>),
    /// A fixed one: for tests and the sample cloud.
    Fixed(Fixed),
}

/// A fixed token that does not print itself.
#[derive(Clone)]
pub struct Fixed(String);

impl std::fmt::Debug for Fixed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Fixed(…)")
    }
}

impl Credential {
    /// The credential a connection asks for. Without one of its own: a service principal from
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`, then workload identity where
    /// `AZURE_FEDERATED_TOKEN_FILE` is set, then managed identity where the host offers one, then
    /// what the Azure command lines are logged in as.
    pub fn of(spec: &AzureSpec) -> Result<Self, CollectError> {
        if spec.sample {
            return Ok(Self::Fixed(Fixed("sample".into())));
        }
        if let Some(name) = &spec.token_variable {
            let token = std::env::var(name).ok().filter(|token| !token.is_empty()).ok_or_else(|| {
                CollectError::Invalid {
                    what: format!("environment variable {name}"),
                    problem: "should hold a token and is not set".into(),
                }
            })?;
            return Ok(Self::Fixed(Fixed(token)));
        }
        from_environment()
            .map(Self::Identity)
            .map_err(|cause| CollectError::Credentials { what: "Azure".into(), code: cause.to_string() })
    }

    /// A token for `scope`.
    pub async fn token(&self, scope: &str) -> Result<String, String> {
        match self {
            Self::Fixed(token) => Ok(token.0.clone()),
            Self::Identity(credential) => {
                let token = credential.get_token(&[scope], None).await.map_err(|cause| cause.to_string())?;
                Ok(token.token.secret().to_owned())
            }
        }
    }
}

fn from_environment() -> azure_core::Result<Arc<dyn TokenCredential>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(tenant), Some(client), Some(secret)) =
        (set("AZURE_TENANT_ID"), set("AZURE_CLIENT_ID"), set("AZURE_CLIENT_SECRET"))
    {
        let credential = azure_identity::ClientSecretCredential::new(&tenant, client, secret.into(), None)?;
        return Ok(credential);
    }
    if set("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        let credential = WorkloadIdentityCredential::new(None)?;
        return Ok(credential);
    }
    if set("IDENTITY_ENDPOINT").is_some() {
        let credential = ManagedIdentityCredential::new(None)?;
        return Ok(credential);
    }
    let credential = DeveloperToolsCredential::new(None)?;
    Ok(credential)
}

#[async_trait::async_trait]
impl LegacyCredential for Credential {
    async fn get_token(&self, scopes: &[&str]) -> azure_core_legacy::Result<AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        let token =
            self.token(scope).await.map_err(|cause| LegacyError::message(LegacyKind::Credential, cause))?;
        // The crate behind us caches and renews; an hour is only what the interface asks to be told.
        let expires = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 200);
        Ok(AccessToken::new(token, expires))
    }

    async fn clear_cache(&self) -> azure_core_legacy::Result<()> {
        Ok(())
    }
}
