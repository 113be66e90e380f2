//! Any registry that speaks the OCI distribution API: its repositories, and each image once by the
//! digest its tags name.
//!
//! Everything a registry sends is taken as hostile: names are checked before they enter a URL,
//! bodies are bounded and proven against their digests, indexes are followed under bounds on depth
//! and number, and redirects, pages and token servers may not lead inwards (see `outgoing`).
//! What an image holds beside its configuration (layers) is not read here.

mod address;
mod auth;
mod blobs;
mod client;
mod listing;
mod probe;
mod repository;
mod signatures;
mod tags;
mod transport;
mod wire;

use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream;
use futures::{StreamExt, TryStreamExt};

use super::image::Fault;
use super::{Access, CollectError, Collector, Password, RunBuilder, Stopped};
use crate::analysis::secrets::FingerprintKey;
use crate::model::{RegistryCredentials, RegistrySpec};
use crate::outgoing::Guard;
use address::{Address, is_repository};
use auth::Login;
use client::Client;
pub use probe::test;
use repository::Repository;

/// Repositories read at once; the calls within are bounded again by the client.
const AT_ONCE: usize = 4;
/// How many repositories pass between two words of progress.
const PROGRESS_EVERY: u64 = 10;

/// Where a registry is, and which of its repositories are read, as far as its spec makes sense.
fn read(spec: &RegistrySpec) -> Result<(Address, Vec<String>), CollectError> {
    let address = Address::parse(&spec.address, spec.plain_http)?;
    let repositories: Vec<String> = spec.repositories.iter().map(|name| address.repository(name)).collect();
    match repositories.iter().find(|name| !is_repository(name)) {
        None => Ok((address, repositories)),
        Some(wrong) => Err(CollectError::Invalid {
            what: format!("repository {wrong:?}"),
            problem: "not a repository name: lower-case words with `/` between them, no tag".into(),
        }),
    }
}

/// Whether a spec makes sense and leads where it may, as far as that can be told without asking.
pub fn check(spec: &RegistrySpec, guard: &Guard) -> Result<(), CollectError> {
    let (address, _) = read(spec)?;
    guard.check(&address.base).map_err(|no| CollectError::Invalid {
        what: format!("registry {}", address.name),
        problem: format!("{no} (PARALLAX_OUTGOING)"),
    })
}

/// Reads one registry.
#[derive(Debug)]
pub struct OciCollector {
    client: Client,
    key: FingerprintKey,
    repositories: Vec<String>,
}

impl OciCollector {
    /// Reaches the registry and logs in.
    pub async fn new(spec: &RegistrySpec, access: impl Into<Access>) -> Result<Self, CollectError> {
        let access = access.into();
        let (address, repositories) = read(spec)?;
        let login = login(&spec.credentials, access.secret.as_ref())?;
        let client = Client::connect(address, login, &access.guard).await?;
        Ok(Self { client, key: access.key, repositories })
    }

    /// The repositories to read, and the gap where some stay unnamed.
    async fn repositories(&self, run: &RunBuilder) -> Result<Vec<String>, CollectError> {
        if !self.repositories.is_empty() {
            return Ok(self.repositories.clone());
        }
        let (call, scope) = ("GET /v2/_catalog", listing::CATALOGUE_SCOPE);
        match listing::catalogue(&self.client).await {
            Ok(listing) => {
                if let Some(fault) = listing.cut {
                    run.gap(fault.gap("repositories", call, scope, None)).await?;
                }
                Ok(listing.names)
            }
            Err(fault @ (Fault::Network(_) | Fault::Timeout)) => Err(CollectError::Unreachable {
                what: format!("registry {}", self.client.address.name),
                cause: fault.to_string(),
            }),
            Err(fault) => {
                let mut gap = fault.gap("repositories", call, scope, None);
                gap.message.push_str("; name the repositories to read in the connection");
                run.gap(gap).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn read(&self, run: &RunBuilder, names: Vec<String>) -> Result<(), Stopped> {
        let phase = format!("repositories of {}", self.client.address.name);
        let (phase, total) = (phase.as_str(), names.len() as u64);
        let done = &AtomicU64::new(0);
        run.progress(phase, 0, Some(total)).await?;
        stream::iter(names)
            .map(|name| async move {
                Repository::new(&self.client, &self.key, name).read(run).await?;
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(PROGRESS_EVERY) || done == total {
                    run.progress(phase, done, Some(total)).await?;
                }
                Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }
}

impl Collector for OciCollector {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        let names = self.repositories(run).await?;
        Ok(self.read(run, names).await?)
    }

    fn edition(&self) -> Option<String> {
        Some(super::edition(&self.key))
    }
}

fn login(credentials: &RegistryCredentials, secret: Option<&Password>) -> Result<Login, CollectError> {
    let (username, password_variable) = match credentials {
        RegistryCredentials::Anonymous => return Ok(Login::Anonymous),
        RegistryCredentials::Basic { username, password_variable } => (username, password_variable),
        RegistryCredentials::Sealed { username } => {
            return match secret {
                Some(secret) => {
                    Ok(Login::User { name: username.clone(), password: secret.tell().to_owned() })
                }
                None => Err(CollectError::Invalid {
                    what: "the registry's password".into(),
                    problem: "none is kept; give it again".into(),
                }),
            };
        }
    };
    match std::env::var(password_variable) {
        Ok(password) if !password.is_empty() => Ok(Login::User { name: username.clone(), password }),
        _ => Err(CollectError::Invalid {
            what: format!("environment variable {password_variable}"),
            problem: "it should hold the registry's password, and is empty or not set".into(),
        }),
    }
}
