//! Logging in at a provider by OpenID Connect: code flow with PKCE, state and nonce, tokens believed
//! only when they are signed with the provider's keys, for us, now.
//!
//! Who somebody is at a provider is its issuer and their subject there, never their address. What a
//! provider may do is bounded by its tenant: it lets nobody into another one, and gives nobody more
//! than its tenant wrote down (`admit`). Nothing a provider says is shown or kept unless bounded.

mod admit;
mod arrive;
mod claims;
mod envoy;
mod flow;
mod leave;
mod look;
mod token;

pub use envoy::{Envoy, issuer};
pub use flow::{Asked, Return, begin};
pub use leave::{bound as token_bound, end};
pub use look::{Sight, look};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::session::Visitor;
use super::{AuthError, Secret, Vault};
use crate::store::audit::{self, Deed};
use crate::store::people::providers::Provider;
use crate::store::{Store, StoreError};

/// Why nobody came in at a provider. Each is a sentence for the person; what else is known of it goes
/// on record only.
#[derive(Debug, thiserror::Error)]
pub enum OidcFault {
    /// It does not answer, or not as a provider does.
    #[error("{provider} does not answer as a provider should right now")]
    Away {
        /// Its name.
        provider: String,
        /// What happened, for those who run it.
        cause: String,
    },
    /// The log-in is not known: over, used, or begun in another browser.
    #[error("this log-in took too long, was used before, or began in another browser")]
    Stale,
    /// The provider sent somebody back without letting them in.
    #[error("{provider} did not let you in: {said}")]
    Said {
        /// Its name.
        provider: String,
        /// Its code for it.
        said: String,
    },
    /// What it sent is not true, or not for us.
    #[error("what {provider} sent could not be believed")]
    Untrue {
        /// Its name.
        provider: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Somebody was who they say, and may not come in.
    #[error("{0}")]
    Refused(String),
    /// Anything of ours.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for OidcFault {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

impl OidcFault {
    fn untrue(provider: &Provider, cause: impl Into<String>) -> Self {
        Self::Untrue { provider: provider.name.clone(), cause: cause.into() }
    }

    /// What goes on record: the cause where there is one.
    pub fn cause(&self) -> String {
        match self {
            Self::Away { cause, .. } | Self::Untrue { cause, .. } => cause.clone(),
            other => other.to_string(),
        }
    }
}

/// What a log-in at a provider needs of the house.
#[derive(Debug, Clone, Copy)]
pub struct Porter<'a> {
    /// The database.
    pub store: &'a Store,
    /// Speaks with providers.
    pub envoy: &'a Envoy,
    /// Seals what passes.
    pub vault: &'a Vault,
    /// The clock.
    pub now: DateTime<Utc>,
}

/// Somebody who came in.
#[derive(Debug)]
pub struct Entered {
    /// Their cookie.
    pub cookie: Secret,
    /// Where they wanted to go.
    pub next: String,
}

/// Lets somebody in who comes back from the provider `id`. A refusal goes on the record of the
/// provider's tenant as a log-in does.
pub async fn enter(
    porter: Porter<'_>,
    id: Uuid,
    back: &Return,
    browser: Option<&str>,
    visitor: &Visitor,
) -> Result<Entered, OidcFault> {
    let (provider, held) = flow::take(porter, id, &back.state, browser).await?;
    let mut who = "somebody".to_owned();
    let entered = async {
        let came = flow::finish(porter, &provider, &held, back).await?;
        who = came.stranger.email.clone().unwrap_or_else(|| came.stranger.subject.clone());
        arrive::arrive(porter, &provider, &came, visitor).await
    };
    match entered.await {
        Ok(cookie) => Ok(Entered { cookie, next: held.next }),
        Err(fault) => {
            tracing::info!(provider = %provider.id, cause = fault.cause(), "a log-in was refused");
            let deed = Deed {
                actor: "system".to_owned(),
                actor_name: bounded(&who, 254),
                address: visitor.address.clone(),
                action: "login.refused".to_owned(),
                subject: bounded(&format!("{}: {}", provider.name, fault.cause()), 500),
                before: None,
                after: None,
            };
            let mut tx = porter.store.begin(provider.tenant).await?;
            audit::add(&mut tx, &deed, porter.now).await?;
            tx.commit().await?;
            Err(fault)
        }
    }
}

/// What a provider's secret is bound to in the vault.
pub fn secret_bound(provider: Uuid) -> String {
    format!("provider:{provider}")
}

/// A text of a stranger's: printable, and no longer than `most` letters.
fn bounded(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}
