//! The composition root: puts the parts together for whoever starts them.
//!
//! Knows everyone; nobody below the top layer knows it.

mod listen;
mod logs;
mod numbers;
mod stop;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use axum::Router;
use chrono::{DateTime, Utc};
use rand::RngExt;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::analysis::secrets::FingerprintKey;
use crate::api::{self, ApiState};
use crate::auth::oidc::Envoy;
use crate::auth::vault::{HouseKey, Vault};
use crate::auth::{setup, token};
use crate::config::Config;
use crate::desk::connections::Terms;
use crate::jobs::{Courier, Liaison, Outward, Post, Worker};
use crate::mail::Mailer;
use crate::model::{Settings, TenantId};
use crate::outgoing::Guard;
use crate::store::{PrivateError, PrivatePostgres, Store, StoreError, tenants};
use crate::web::{self, Entrance, House, WebState};
pub use listen::listen;
pub use logs::Logs;
use numbers::Numbers;
pub use stop::Stop;

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppFault {
    /// The private Postgres.
    #[error(transparent)]
    Private(#[from] PrivateError),
    /// The database.
    #[error("{0}{cause}", cause = cause_of(.0))]
    Store(#[from] StoreError),
    /// A file of ours.
    #[error("{path}: {cause}")]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's own words.
        cause: std::io::Error,
    },
    /// The address to answer at.
    #[error("{0}")]
    Listen(String),
}

fn cause_of(error: &StoreError) -> String {
    std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"))
}

/// The pages with the API beside them.
pub fn router(state: WebState) -> Router {
    let (house, store) = (&state.house, state.store.clone());
    let may = (house.guard.clone(), house.terms.clone());
    let api = ApiState::new(store, state.now, house.public_url.clone(), house.vault.clone(), may)
        .behind(house.behind_proxy);
    web::router(state, api::router(api))
}

/// The system's clock: the one place that asks it.
#[expect(clippy::disallowed_methods, reason = "everybody else is handed this function or its answer")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The parts every long-running command needs.
pub struct App {
    /// The database.
    pub store: Store,
    /// Whose house it is.
    pub tenant: TenantId,
    key: FingerprintKey,
    vault: Vault,
    config: Config,
    private: Option<PrivatePostgres>,
}

impl App {
    /// Opens the database (starting a private one where none is configured), brings its schema up to
    /// date, and makes sure of the tenant.
    pub async fn open(config: &Config) -> Result<Self, AppFault> {
        make_folder(&config.data_dir)?;
        let key = FingerprintKey::new(kept_key(&config.data_dir, "fingerprint.key")?);
        let vault = vault(config)?;
        let private = match config.database_url {
            Some(_) => None,
            None => Some(PrivatePostgres::start(&config.data_dir).await?),
        };
        let url = match (&config.database_url, &private) {
            (Some(url), _) => url.as_str(),
            (None, Some(private)) => private.url(),
            (None, None) => "",
        };
        Store::migrate(url).await?;
        let store = Store::connect(url, config.database_connections).await?;
        let tenant = tenants::ensure_default(&store, now()).await?;
        let mut tx = store.begin(tenant).await?;
        if !tenants::decided(&mut tx).await? {
            tenants::set_settings(&mut tx, &settings(config)).await?;
        }
        tx.commit().await?;
        Ok(Self { store, tenant, key, vault, config: config.clone(), private })
    }

    /// What seals and opens secrets.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// A worker on this database.
    pub fn worker(&self) -> Worker {
        let outward = self.outward();
        Worker {
            post: self.post(),
            courier: outward.clone().map(Courier::new),
            liaison: outward.map(Liaison::new),
            store: self.store.clone(),
            key: self.key.clone(),
            outgoing: self.config.outgoing,
            clock: now,
            slots: self.config.workers,
            vault: self.vault.clone(),
        }
    }

    /// How mails go out; what was configured was checked when it was read.
    fn post(&self) -> Option<Post> {
        let url = self.config.smtp_url.as_deref()?;
        let public_url = self.public_url()?;
        let host = public_url.host_str().unwrap_or("localhost").to_owned();
        match Mailer::new(url, &self.config.mail_from, &host) {
            Ok(mailer) => Some(Post { mailer, public_url }),
            Err(fault) => {
                tracing::error!(fault, "no mail goes out");
                None
            }
        }
    }

    /// Where links lead that workers write.
    fn public_url(&self) -> Option<Url> {
        let listen = || Url::parse(&format!("http://{}/", self.config.listen)).ok();
        self.config.public_url.clone().or_else(listen)
    }

    /// How webhooks are told and trackers looked after.
    fn outward(&self) -> Option<Outward> {
        let guard = Guard::new(self.config.outgoing);
        match Outward::new(self.store.clone(), self.vault.clone(), guard, &self.public_url()?, now) {
            Ok(means) => Some(means),
            Err(fault) => {
                let fault = &fault as &dyn std::error::Error;
                tracing::error!(error = fault, "no webhook is told and no tracker looked after");
                None
            }
        }
    }

    /// Serves the dashboard until `stop`.
    pub async fn serve(&self, listener: TcpListener, stop: &Stop) -> Result<(), AppFault> {
        let address = listener.local_addr().map_err(|cause| AppFault::Listen(cause.to_string()))?;
        let house = Arc::new(self.house(address, &stop.asked)?);
        let state = WebState { store: self.store.clone(), house, now };
        listen::answer(listener, router(state), stop.shut.clone()).await;
        Ok(())
    }

    /// Tells the numbers of this process to whoever asks at PARALLAX_METRICS_LISTEN, if it is set.
    pub async fn tell_numbers(&self, stop: &Stop) -> Result<Option<JoinHandle<()>>, AppFault> {
        let Some(address) = self.config.metrics_listen else { return Ok(None) };
        let listener = listen("PARALLAX_METRICS_LISTEN", address).await?;
        let address = listener.local_addr().map_err(|cause| AppFault::Listen(cause.to_string()))?;
        println!("Numbers for Prometheus are on http://{address}/metrics");
        let numbers = Numbers { store: self.store.clone(), now, stopping: stop.asked.clone() };
        Ok(Some(tokio::spawn(listen::answer(listener, numbers::router(numbers), stop.shut.clone()))))
    }

    /// How the house is entered, reached at `address`.
    fn house(&self, address: SocketAddr, stopping: &CancellationToken) -> Result<House, AppFault> {
        let tenant = self.tenant;
        let entrance = if self.config.login {
            Entrance::Login
        } else {
            Entrance::Open { tenant, csrf: token::csrf(&mut rand::rng()) }
        };
        let public_url = match &self.config.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{address}/"))
                .map_err(|fault| AppFault::Listen(fault.to_string()))?,
        };
        Ok(House {
            entrance,
            public_url,
            behind_proxy: self.config.proxy,
            vault: self.vault.clone(),
            guard: Guard::new(self.config.outgoing),
            terms: Terms {
                outgoing: self.config.outgoing,
                endpoints: self.config.endpoints,
                own_identity: self.config.own_identity,
                principal: self.config.aws_principal.clone(),
            },
            envoy: Envoy::new(Guard::new(self.config.outgoing))
                .map_err(|fault| AppFault::Listen(format!("the client of providers: {fault}")))?,
            api: api::described(),
            stopping: stopping.clone(),
        })
    }

    /// The link by which the first owner comes in, as long as nobody belongs here.
    pub async fn first_link(&self, address: SocketAddr) -> Result<Option<String>, AppFault> {
        let secret = setup::first_link(&self.store, self.tenant, now()).await?;
        let house = self.house(address, &CancellationToken::new())?;
        Ok(secret.map(|secret| house.link(&format!("/welcome/{}", secret.tell()))))
    }

    /// Stops what was started.
    pub async fn close(self) -> Result<(), AppFault> {
        self.store.close().await;
        if let Some(private) = self.private {
            private.stop().await?;
        }
        Ok(())
    }
}

/// What the operator decided for the one tenant.
fn settings(config: &Config) -> Settings {
    Settings {
        allowed_regions: config.allowed_regions.clone(),
        trusted_accounts: config.trusted_accounts.clone(),
        trusted_registries: config.trusted_registries.clone(),
        owner_tags: config.owner_tags.clone(),
    }
}

fn make_folder(folder: &Path) -> Result<(), AppFault> {
    fs::create_dir_all(folder).map_err(|cause| AppFault::File { path: folder.to_owned(), cause })
}

/// The house's keys: from the environment, a file, or the data folder.
fn vault(config: &Config) -> Result<Vault, AppFault> {
    let wrong = |name: &str, problem: String| AppFault::Listen(format!("{name}: {problem}"));
    let parsed = |name: &str, text: &str| HouseKey::parse(text).map_err(|problem| wrong(name, problem));
    let present = match (&config.key, &config.key_file) {
        (Some(text), _) => parsed("PARALLAX_KEY", text)?,
        (None, Some(path)) => {
            let text =
                fs::read_to_string(path).map_err(|cause| AppFault::File { path: path.clone(), cause })?;
            parsed("PARALLAX_KEY_FILE", &text)?
        }
        (None, None) => HouseKey::new(kept_key(&config.data_dir, "house.key")?),
    };
    let former =
        config.former_key.iter().map(|text| parsed("PARALLAX_FORMER_KEY", text)).collect::<Result<_, _>>()?;
    Ok(Vault::new(present, former))
}

/// A key of this installation, made at the first start and readable by its owner alone.
fn kept_key(folder: &Path, name: &str) -> Result<[u8; 32], AppFault> {
    let path = folder.join(name);
    let fault = |cause| AppFault::File { path: path.clone(), cause };
    if !path.exists() {
        make_key(&path).map_err(fault)?;
    }
    let bytes = fs::read(&path).map_err(fault)?;
    let wrong = || fault(std::io::Error::other("should hold 32 bytes; it was cut short or replaced"));
    bytes.try_into().map_err(|_| wrong())
}

/// Written whole beside its place and linked there, so that of two programs that start together one
/// makes the key and both read it.
fn make_key(path: &Path) -> std::io::Result<()> {
    let beside = path.with_extension(format!("key.{}", std::process::id()));
    let made: [u8; 32] = rand::rng().random();
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&made).and_then(|()| file.sync_all())?;
    let linked = fs::hard_link(&beside, path);
    fs::remove_file(&beside)?;
    match linked {
        Err(cause) if cause.kind() != ErrorKind::AlreadyExists => Err(cause),
        _ => Ok(()),
    }
}
