//! A Postgres of our own, for those who have configured none: made, started and stopped with the
//! program from the system's binaries.
//!
//! Data lives in `<data>/postgres`, the log in `<data>/postgres.log`. It listens on a socket in a
//! folder only we may enter, never on a port, so no password is needed. It never runs as root:
//! root starts it as the user `postgres`, and where that user cannot walk into the data folder
//! (one in `/root`, say), the data live under `/var/lib/parallax` and `<data>/postgres` points
//! there. It ends with us however we end, `kill -9` included: a shell
//! between us and it waits for our end of a pipe to close. This module runs programs and speaks
//! no SQL beyond making one role and one database.

mod binaries;
mod folder;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};

use binaries::Binaries;
use folder::{Account, Folders, Lock};
use server::Server;

/// The role that owns our schema: neither superuser nor able to pass row-level security by.
const OWNER: &str = "parallax_owner";
const DATABASE: &str = "parallax";

/// Why there is no private database.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Nothing to start.
    #[error(
        "no Postgres 15 or newer was found (looked in {searched}): install the package `postgresql`, \
         or set PARALLAX_DATABASE_URL to a database of yours"
    )]
    NoBinaries {
        /// Where we looked.
        searched: String,
    },
    /// The data were made by another version than the binaries.
    #[error("the data in {} were made by Postgres {made_by}, and of that only {found} is installed", folder.display())]
    Version {
        /// The data folder.
        folder: PathBuf,
        /// Major version in the folder.
        made_by: String,
        /// Major versions installed.
        found: String,
    },
    /// Root needs somebody else to run it.
    #[error(
        "started as root, and there is no user `postgres` to run the database as: install the package `postgresql`, or start as another user"
    )]
    NoAccount,
    /// The user who runs it cannot get there.
    #[error("the user {user} cannot enter {}: `chmod o+x` it, or choose another PARALLAX_DATA_DIR", folder.display())]
    Closed {
        /// The folder on the way.
        folder: PathBuf,
        /// Who cannot enter.
        user: String,
    },
    /// A folder or file of ours cannot be made or used.
    #[error("{}: {cause}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's own words.
        cause: std::io::Error,
    },
    /// The folder for the socket is somebody else's.
    #[error("{} is not a folder of ours (owner, mode or kind differ): remove it and start again", .0.display())]
    Foreign(PathBuf),
    /// Another parallax holds the data.
    #[error("another parallax (process {pid}) is using {}: stop it, or give this one its own PARALLAX_DATA_DIR", folder.display())]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// Its process id, as it wrote it.
        pid: String,
    },
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: String,
        /// The end of what it said.
        output: String,
    },
    /// It started and does not answer.
    #[error("the private Postgres did not become ready; the end of {} says: {tail}", log.display())]
    NotReady {
        /// The log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The role or the database could not be made.
    #[error("the private Postgres runs, but its database could not be prepared")]
    Setup(#[source] sqlx::Error),
}

/// A running private database. Dropping it closes the pipe, which ends the server; [`Self::stop`]
/// also waits until it has ended.
#[derive(Debug)]
pub struct PrivatePostgres {
    server: Server,
    folders: Folders,
    url: String,
    /// Given back last, once the server is gone.
    _lock: Lock,
}

impl PrivatePostgres {
    /// Starts the database of `data_dir`, making it first where there is none.
    pub async fn start(data_dir: &Path) -> Result<Self, PrivateError> {
        let account = Account::choose()?;
        let folders = Folders::prepare(data_dir, account)?;
        let lock = Lock::take(&folders)?;
        server::end_leftover(&folders).await?;
        let binaries = Binaries::find(&folders).await?;
        if !folders.is_initialised() {
            server::initialise(&binaries, &folders).await?;
        }
        let (server, admin) = Server::start(&binaries, &folders).await?;
        prepare_database(admin).await.map_err(PrivateError::Setup)?;
        let socket = utf8_percent_encode(&folders.socket.to_string_lossy(), NON_ALPHANUMERIC).to_string();
        let url = format!("postgres://{OWNER}@localhost/{DATABASE}?host={socket}");
        Ok(Self { server, folders, url, _lock: lock })
    }

    /// Its address, as the owner of the schema.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it and waits until it has written everything.
    pub async fn stop(self) -> Result<(), PrivateError> {
        self.server.stop(Duration::from_secs(20)).await?;
        self.folders.forget_socket();
        Ok(())
    }
}

/// Options of a connection as the superuser that `initdb` made.
fn superuser(socket: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket)
        .username("postgres")
        .database("postgres")
        .disable_statement_logging()
}

async fn prepare_database(mut admin: PgConnection) -> Result<(), sqlx::Error> {
    let roles = sqlx::query("SELECT count(*) FROM pg_roles WHERE rolname = $1").bind(OWNER);
    if roles.fetch_one(&mut admin).await?.try_get::<i64, _>(0)? == 0 {
        sqlx::raw_sql("CREATE ROLE parallax_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB CREATEROLE")
            .execute(&mut admin)
            .await?;
    }
    let databases = sqlx::query("SELECT count(*) FROM pg_database WHERE datname = $1").bind(DATABASE);
    if databases.fetch_one(&mut admin).await?.try_get::<i64, _>(0)? == 0 {
        sqlx::raw_sql("CREATE DATABASE parallax OWNER parallax_owner").execute(&mut admin).await?;
    }
    compress_quickly(&mut admin).await?;
    admin.close().await
}

/// Large values and pages of the log are packed with lz4, a third of the work of the old way, where the
/// server was built with it.
async fn compress_quickly(admin: &mut PgConnection) -> Result<(), sqlx::Error> {
    let settings = sqlx::query(
        "SELECT name FROM pg_settings
         WHERE name IN ('default_toast_compression', 'wal_compression') AND 'lz4' = ANY(enumvals)",
    );
    for row in settings.fetch_all(&mut *admin).await? {
        let name: String = row.try_get(0)?;
        let set = sqlx::AssertSqlSafe(format!("ALTER DATABASE parallax SET {name} = 'lz4'"));
        sqlx::raw_sql(set).execute(&mut *admin).await?;
    }
    Ok(())
}
