//! The composition root: puts the parts together for whoever starts them.
//!
//! Knows everyone; nobody below the top layer knows it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::RngExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::analysis::secrets::FingerprintKey;
use crate::config::{Config, LogFormat};
use crate::jobs::Worker;
use crate::model::{Settings, TenantId};
use crate::store::{PrivateError, PrivatePostgres, Store, StoreError, tenants};
use crate::web::{self, WebState};

/// How long answers under way may take once we are told to stop.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// The system's clock: the one place that asks it.
#[expect(clippy::disallowed_methods, reason = "everybody else is handed this function or its answer")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Starts logging to standard error.
pub fn start_logs(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}

/// The parts every long-running command needs.
pub struct App {
    /// The database.
    pub store: Store,
    /// Whose house it is.
    pub tenant: TenantId,
    key: FingerprintKey,
    slots: usize,
    private: Option<PrivatePostgres>,
}

impl App {
    /// Opens the database (starting a private one where none is configured), brings its schema up to
    /// date, and makes sure of the tenant.
    pub async fn open(config: &Config) -> Result<Self, AppFault> {
        make_folder(&config.data_dir)?;
        let key = fingerprint_key(&config.data_dir)?;
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
        tenants::set_settings(&mut tx, &settings(config)).await?;
        tx.commit().await?;
        Ok(Self { store, tenant, key, slots: config.workers, private })
    }

    /// A worker on this database.
    pub fn worker(&self) -> Worker {
        Worker {
            store: self.store.clone(),
            tenant: self.tenant,
            key: self.key.clone(),
            clock: now,
            slots: self.slots,
        }
    }

    /// Serves the dashboard until `stop`.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) -> Result<(), AppFault> {
        let state = WebState { store: self.store.clone(), tenant: self.tenant, now };
        let serving =
            axum::serve(listener, web::router(state)).with_graceful_shutdown(stop.clone().cancelled_owned());
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            served = serving => served.map_err(|cause| AppFault::Listen(format!("the server stopped: {cause}"))),
            () = late => Ok(()),
        }
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

/// Takes the address to answer at, and says clearly why it cannot be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, AppFault> {
    if !address.ip().is_loopback() {
        return Err(AppFault::Listen(format!(
            "PARALLAX_LISTEN: {address} is reachable from other machines, and nobody logs in yet: \
             use a loopback address such as 127.0.0.1:{}",
            address.port()
        )));
    }
    TcpListener::bind(address).await.map_err(|cause| {
        AppFault::Listen(match cause.kind() {
            ErrorKind::AddrInUse => {
                format!("PARALLAX_LISTEN: {address} is taken by another program; stop it or set another port")
            }
            _ => format!("PARALLAX_LISTEN: {address}: {cause}"),
        })
    })
}

/// A token that is cancelled by Ctrl-C or by a request to terminate; asked twice, we end at once.
pub fn stop_signal() -> Result<CancellationToken, AppFault> {
    use tokio::signal::unix::{SignalKind, signal};
    let hooked = |kind| signal(kind).map_err(|cause| AppFault::Listen(format!("signals: {cause}")));
    let (mut interrupt, mut terminate) = (hooked(SignalKind::interrupt())?, hooked(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stopped.is_cancelled() {
                std::process::exit(130);
            }
            stopped.cancel();
        }
    });
    Ok(stop)
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

/// The installation's key, made at the first start and readable by its owner alone.
fn fingerprint_key(folder: &Path) -> Result<FingerprintKey, AppFault> {
    let path = folder.join("fingerprint.key");
    let fault = |cause| AppFault::File { path: path.clone(), cause };
    if !path.exists() {
        make_key(folder, &path).map_err(fault)?;
    }
    let bytes = fs::read(&path).map_err(fault)?;
    let wrong = || fault(std::io::Error::other("should hold 32 bytes; it was cut short or replaced"));
    bytes.try_into().map(FingerprintKey::new).map_err(|_| wrong())
}

/// Written whole beside its place and linked there, so that of two programs that start together one
/// makes the key and both read it.
fn make_key(folder: &Path, path: &Path) -> std::io::Result<()> {
    let beside = folder.join(format!("fingerprint.key.{}", std::process::id()));
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
