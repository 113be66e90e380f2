//! The program as a process: asked, stopped, killed, cut off, misconfigured.

mod chaos;
mod faults;
mod killed;
mod numbers;
mod secrets;
mod server;
mod slow;
mod stop;
mod traces;

use std::process::Stdio;

use parallax::model::{ConnectionSpec, RegistrySpec};
use tokio::process::{Child, Command};

/// A connection to where nobody listens.
fn nowhere() -> ConnectionSpec {
    let address = "127.0.0.1:9".into();
    ConnectionSpec::Registry(RegistrySpec { address, plain_http: true, ..RegistrySpec::default() })
}

/// The program, with nothing of our own environment that it would read.
fn parallax(database: Option<&str>, data: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PARALLAX_")) {
        command.env_remove(name);
    }
    command.env("PARALLAX_DATA_DIR", data).stdin(Stdio::null()).kill_on_drop(true);
    if let Some(url) = database {
        command.env("PARALLAX_DATABASE_URL", url);
    }
    command
}

/// A folder that is removed with the test.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("parallax-service-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("makes a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A worker process on a database.
fn worker(database: &str, data: &Folder) -> Child {
    parallax(Some(database), &data.0).arg("worker").spawn().expect("starts")
}
