//! The only place that speaks SQL.
//!
//! Plain async functions over a [`Tx`], one file a noun: `store::assets::list(&mut tx, …)`. A
//! transaction belongs to one tenant and acts as a role that row-level security binds, so a
//! forgotten `WHERE` shows nothing of anybody else. Rows become model types here and go no further.

pub mod assessments;
pub mod assets;
pub mod audit;
pub mod bulk;
pub mod connections;
pub mod digests;
pub mod exceptions;
pub mod findings;
pub mod outbox;
pub mod pages;
pub mod people;
mod private;
pub mod recall;
pub mod replies;
pub mod run_status;
pub mod runs;
pub mod sealed;
pub mod secrets;
pub mod takeout;
pub mod tallies;
pub mod tenants;
mod text;
pub mod tickets;
pub mod trackers;
pub mod webhooks;
pub mod weighing;

pub use private::{PrivateError, PrivatePostgres};

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Postgres, Transaction};
use tracing::{Instrument, Span};

use crate::model::TenantId;

/// A database that lets nobody in for so long is away.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A text column as the closed list it belongs to.
fn parsed<T: FromStr<Err = String>>(table: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|problem| StoreError::Inconsistent { table, problem })
}

/// A value of ours as JSON.
fn to_json(table: &'static str, value: &impl serde::Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value)
        .map_err(|fault| StoreError::Inconsistent { table, problem: fault.to_string() })
}

/// A value of ours as JSON, written out: for what is written by the thousand.
fn to_text(table: &'static str, value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|fault| StoreError::Inconsistent { table, problem: fault.to_string() })
}

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or refuses us.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A statement failed.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// A row holds what no version of ours wrote.
    #[error("table {table}: {problem}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed => {
                Self::Unavailable(error)
            }
            E::Database(ref cause)
                if cause.code().is_some_and(|code| code.starts_with("57") || code.starts_with("08")) =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Statement(error),
        }
    }
}

/// A transaction of one tenant. Dropped without [`Tx::commit`], it leaves nothing behind.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    tenant: TenantId,
    span: Span,
}

/// How long a transaction is open, in traces; the wait for a connection counts. Of the highest level,
/// like every span: see `app::Logs`.
fn span() -> Span {
    tracing::error_span!("transaction")
}

impl Tx {
    /// Whose transaction it is.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The connection, for the statements in this folder.
    pub(in crate::store) fn on(&mut self) -> &mut sqlx::PgConnection {
        &mut self.inner
    }

    /// Makes everything done in it permanent.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().instrument(self.span).await?)
    }
}

/// A transaction of the house: it knows no tenant yet and sees who may log in, never an estate's
/// assets. Dropped without [`Gate::commit`], it leaves nothing behind.
pub struct Gate {
    inner: Transaction<'static, Postgres>,
    span: Span,
}

impl Gate {
    /// The connection, for the statements in this folder.
    pub(in crate::store) fn on(&mut self) -> &mut sqlx::PgConnection {
        &mut self.inner
    }

    /// Makes everything done in it permanent.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().instrument(self.span).await?)
    }
}

/// The database, as the application's own role.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// Connects and takes on the application's role, which row-level security binds.
    pub async fn connect(url: &str, most: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(ANSWERS_WITHIN)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::raw_sql("SET ROLE parallax_app").execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// Brings the schema up to date, as the role the address names. One at a time: others wait at a
    /// lock of the database. A schema that is ahead of this program is left as it is: migrations only
    /// add while an older server may run, so the older one may also be started again.
    pub async fn migrate(url: &str) -> Result<(), StoreError> {
        let pool =
            PgPoolOptions::new().max_connections(1).acquire_timeout(ANSWERS_WITHIN).connect(url).await?;
        let mut migrations = sqlx::migrate!();
        migrations.set_ignore_missing(true);
        migrations.run(&pool).await?;
        pool.close().await;
        Ok(())
    }

    /// Ends every connection, once what is under way has ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Starts a transaction of `tenant`.
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        let span = span();
        let mut inner = self.pool.begin().await.map_err(StoreError::Unavailable)?;
        sqlx::query!("SELECT set_config('parallax.tenant', $1, true)", tenant.to_string())
            .fetch_one(&mut *inner)
            .await?;
        Ok(Tx { inner, tenant, span })
    }

    /// Starts a transaction of `tenant` that sees one moment and changes nothing.
    pub async fn begin_snapshot(&self, tenant: TenantId) -> Result<Tx, StoreError> {
        let span = span();
        let mut inner = self.pool.begin_with(SNAPSHOT).await.map_err(StoreError::Unavailable)?;
        sqlx::query!("SELECT set_config('parallax.tenant', $1, true)", tenant.to_string())
            .fetch_one(&mut *inner)
            .await?;
        Ok(Tx { inner, tenant, span })
    }

    /// Whether the database answers and has the tables of this version.
    pub async fn ready(&self) -> Result<(), StoreError> {
        sqlx::query!("SELECT 1 AS one FROM audit WHERE false").fetch_optional(&self.pool).await?;
        Ok(())
    }

    /// Connections to the database: how many there are, and how many of them have nothing to do.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Starts a transaction of the house.
    pub async fn gate(&self) -> Result<Gate, StoreError> {
        let span = span();
        let mut inner = self.pool.begin().await.map_err(StoreError::Unavailable)?;
        sqlx::query!("SELECT set_config('parallax.scope', 'house', true)").fetch_one(&mut *inner).await?;
        Ok(Gate { inner, span })
    }
}
