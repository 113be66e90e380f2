//! Credentials: today's identity crate behind the interface that the management crates expect.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core_legacy::auth::{AccessToken, TokenCredential as LegacyCredential};
use azure_core_legacy::error::{Error as LegacyError, ErrorKind as LegacyKind};
use azure_identity::{
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential,
};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::registration::{self, Registration};
use crate::collect::{CollectError, Password};
use crate::model::{AzureCredentials, AzureSpec};
use crate::outgoing::{Guard, Zone};

/// How long a token is used before it is asked for again. Sources hand out tokens good for at least
/// five minutes more, and some of them start a program each time they are asked.
const HELD: Duration = Duration::from_mins(4);

/// Longest wait for a token.
const PATIENCE: Duration = Duration::from_secs(30);

/// A token for Resource Manager, from wherever it comes.
#[derive(Debug, Clone)]
pub enum Credential {
    /// From today's identity crate.
    Identity(Arc<Holder>),
    /// A fixed one: for tests and the sample cloud.
    Fixed(Fixed),
}

/// A source of tokens, and the last one it gave.
pub struct Holder {
    source: Arc<dyn TokenCredential>,
    hold: Duration,
    held: Mutex<Option<(Instant, String)>>,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Holder(…)")
    }
}

impl Holder {
    fn new(source: Arc<dyn TokenCredential>, hold: Duration) -> Self {
        Self { source, hold, held: Mutex::new(None) }
    }

    /// The token held, or a new one; whoever comes meanwhile waits for it.
    async fn token(&self, scope: &str) -> Result<String, String> {
        let mut held = self.held.lock().await;
        if let Some((since, token)) = held.as_ref().filter(|(since, _)| since.elapsed() < self.hold) {
            tracing::trace!(age = since.elapsed().as_secs(), "token held");
            return Ok(token.clone());
        }
        let asked = tokio::time::timeout(PATIENCE, self.source.get_token(&[scope], None)).await;
        let token = asked.map_err(|_| "no token in time".to_owned())?.map_err(|cause| cause.to_string())?;
        let token = token.token.secret().to_owned();
        *held = Some((Instant::now(), token.clone()));
        Ok(token)
    }
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
    /// `AZURE_FEDERATED_TOKEN_FILE` is set, then managed identity where the host offers one (or, on a
    /// virtual machine, `AZURE_TOKEN_CREDENTIALS` is `ManagedIdentityCredential`; `AZURE_CLIENT_ID`
    /// picks one of several), then what the Azure command lines are logged in as.
    pub fn of(
        spec: &AzureSpec,
        secret: Option<Password>,
        guard: &Guard,
        http: reqwest::Client,
    ) -> Result<Self, CollectError> {
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
        if let AzureCredentials::App { directory, client } = &spec.credentials {
            let secret = secret.ok_or_else(|| CollectError::Invalid {
                what: "the client secret".into(),
                problem: "none is kept; give it again".into(),
            })?;
            let authority = authority(spec, guard)?;
            let source = Registration::new(http, &authority, directory, client, secret)?;
            return Ok(Self::Identity(Arc::new(Holder::new(Arc::new(source), HELD))));
        }
        from_environment()
            .map(|source| Self::Identity(Arc::new(Holder::new(source, HELD))))
            .map_err(|cause| CollectError::Credentials { what: "Azure".into(), code: cause.to_string() })
    }

    /// A token for `scope`.
    pub async fn token(&self, scope: &str) -> Result<String, String> {
        match self {
            Self::Fixed(token) => Ok(token.0.clone()),
            Self::Identity(holder) => holder.token(scope).await,
        }
    }
}

/// Where app registrations get tokens.
fn authority(spec: &AzureSpec, guard: &Guard) -> Result<Url, CollectError> {
    let text = spec.authority.as_deref().unwrap_or(registration::PUBLIC);
    let invalid = |problem: String| CollectError::Invalid { what: format!("authority {text:?}"), problem };
    let url = Url::parse(text).map_err(|_| invalid("is not an address".into()))?;
    guard.check(&url).map_err(|no| invalid(no.to_string()))?;
    if url.scheme() != "https" && guard.nearest() != Zone::Loopback {
        return Err(invalid("a secret goes out only over https".into()));
    }
    Ok(url)
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
    let wished = set("AZURE_TOKEN_CREDENTIALS");
    let wished = wished.is_some_and(|name| name.eq_ignore_ascii_case("ManagedIdentityCredential"));
    if wished || set("IDENTITY_ENDPOINT").is_some() {
        let user_assigned_id = set("AZURE_CLIENT_ID").map(UserAssignedId::ClientId);
        let options = ManagedIdentityCredentialOptions { user_assigned_id, ..Default::default() };
        let credential = ManagedIdentityCredential::new(Some(options))?;
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
        // We hold and renew the token ourselves; a time is only what the interface asks to be told.
        let expires = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 200);
        Ok(AccessToken::new(token, expires))
    }

    async fn clear_cache(&self) -> azure_core_legacy::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use azure_core::credentials::{AccessToken as Token, TokenRequestOptions};

    use super::*;

    #[derive(Debug, Default)]
    struct Counting(AtomicU64);

    #[async_trait::async_trait]
    impl TokenCredential for Counting {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<Token> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
            let expires = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(365 * 200);
            Ok(Token::new(format!("token {number}"), expires))
        }
    }

    #[tokio::test]
    async fn a_token_is_asked_for_once_and_again_when_it_is_old() {
        let source = Arc::new(Counting::default());
        let credential =
            Credential::Identity(Arc::new(Holder::new(source.clone(), Duration::from_millis(400))));
        let all = futures::future::join_all((0..50).map(|_| credential.token("scope"))).await;
        assert!(all.iter().all(|token| token.as_deref() == Ok("token 0")), "{all:?}");
        assert_eq!(source.0.load(Ordering::Relaxed), 1);
        tokio::time::sleep(Duration::from_millis(450)).await;
        assert_eq!(credential.token("scope").await.as_deref(), Ok("token 1"));
        assert!(!format!("{credential:?}").contains("token 1"));
    }
}
