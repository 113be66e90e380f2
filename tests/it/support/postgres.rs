//! A Postgres of one test's own, which may be killed and started again: on a socket in a folder of
//! its own, gone when the test ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::process::{Child, Command};
use tokio::time::sleep;
use uuid::Uuid;

/// The role that owns our database; no superuser.
pub const OWNER: &str = "parallax_owner";
/// Where its programs lie.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// The server.
pub struct Postgres {
    folder: PathBuf,
    server: Option<Child>,
}

/// The newest of its programs of this name.
pub fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir(PROGRAMS).expect("a Postgres is installed");
    let mut found: Vec<_> =
        versions.map(|entry| entry.expect("an entry").path().join("bin").join(name)).collect();
    found.sort();
    found.pop().expect("a Postgres is installed")
}

/// A command of Postgres, which will not be run by root.
fn command(program: &Path) -> Command {
    if !geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]).arg(program);
    command
}

impl Postgres {
    /// Makes one with an empty database named `parallax`, which belongs to [`OWNER`].
    pub async fn new() -> Self {
        let folder =
            PathBuf::from(format!("/tmp/parallax-own-{}", &Uuid::new_v4().simple().to_string()[..12]));
        std::fs::create_dir(&folder).expect("a folder");
        if geteuid().is_root() {
            let user = nix::unistd::User::from_name("postgres").expect("users").expect("postgres is one");
            nix::unistd::chown(&folder, Some(user.uid), Some(user.gid)).expect("it is theirs");
        }
        let mut init = command(&program("initdb"));
        init.args(["-A", "trust", "-U", "postgres", "-D"]).arg(folder.join("data")).current_dir(&folder);
        let made = init.output().await.expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut own = Self { folder, server: None };
        own.start().await;
        let mut admin = own.superuser("postgres").await;
        for text in [
            "CREATE ROLE parallax_owner LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS",
            "CREATE DATABASE parallax OWNER parallax_owner",
        ] {
            admin.execute(text).await.expect("a good statement");
        }
        own
    }

    /// Starts it and waits until it lets somebody in. Returns how long that took.
    pub async fn start(&mut self) -> Duration {
        let started = Instant::now();
        loop {
            let mut server = command(&program("postgres"));
            server
                .arg("-D")
                .arg(self.folder.join("data"))
                .arg("-k")
                .arg(&self.folder)
                .current_dir(&self.folder);
            for setting in ["listen_addresses=", "fsync=off", "max_connections=150"] {
                server.args(["-c", setting]);
            }
            server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            self.server = Some(server.spawn().expect("starts"));
            while self.server.as_mut().is_some_and(|server| server.try_wait().expect("a state").is_none()) {
                if PgConnection::connect_with(&self.options("postgres", "postgres")).await.is_ok() {
                    return started.elapsed();
                }
                sleep(Duration::from_millis(30)).await;
            }
            // Processes of the one that was killed still hold its memory.
            assert!(started.elapsed() < Duration::from_mins(1), "it does not start");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// kill -9.
    pub async fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        let id = i32::try_from(server.id().expect("it runs")).expect("an id");
        kill(Pid::from_raw(id), Signal::SIGKILL).expect("it dies");
        server.wait().await.expect("it is dead");
    }

    fn options(&self, user: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new()
            .socket(&self.folder)
            .username(user)
            .database(database)
            .disable_statement_logging()
    }

    /// A session that row-level security does not bind.
    pub async fn superuser(&self, database: &str) -> PgConnection {
        PgConnection::connect_with(&self.options("postgres", database)).await.expect("it answers")
    }

    /// The address of a database for this role.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.folder.display())
    }

    /// A program of Postgres as this role on this server; the error is what it said.
    pub async fn run(&self, name: &str, user: &str, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(program(name));
        command.arg("-h").arg(&self.folder).args(["-U", user]).args(arguments);
        let output = command.output().await.expect("runs");
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(id) = self.server.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGQUIT);
            let gone = Instant::now();
            while self.folder.join(".s.PGSQL.5432").exists() && gone.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
