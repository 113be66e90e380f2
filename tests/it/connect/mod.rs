//! Sources connected through the pages and the API, against what they really are.

mod api;
mod aws;
mod azure;
mod guard;
mod keys;
mod organisation;
mod registry;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::support::estate::Scratch;
use super::support::people::{Browser, Page};

/// A server as a process, with AWS credentials of its own that moto takes.
struct Server {
    browser: Browser,
    folder: std::path::PathBuf,
    _child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    /// On this database, open to whoever is on this machine.
    async fn start(scratch: &Scratch) -> Self {
        let folder = std::env::temp_dir().join(format!("parallax-connect-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder).expect("a folder");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr()).expect("a port");
        let mut command = Command::new(env!("CARGO_BIN_EXE_parallax"));
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("PARALLAX_") || name.starts_with("AWS_"))
        {
            command.env_remove(name);
        }
        let settings = [
            ("PARALLAX_LISTEN", port.to_string()),
            ("PARALLAX_LOGIN", "off".into()),
            ("PARALLAX_OUTGOING", "loopback".into()),
            ("PARALLAX_ENDPOINTS", "yes".into()),
            ("PARALLAX_AWS_PRINCIPAL", super::support::estate::PRINCIPAL.into()),
            ("PARALLAX_DATABASE_URL", scratch.url()),
            ("PARALLAX_DATA_DIR", folder.display().to_string()),
            ("AWS_ACCESS_KEY_ID", "house".into()),
            ("AWS_SECRET_ACCESS_KEY", "house".into()),
        ];
        let child = command.arg("serve").envs(settings).stdin(Stdio::null()).stdout(Stdio::null());
        let child = child.kill_on_drop(true).spawn().expect("starts");
        let browser = browser(port);
        for _ in 0..400 {
            if browser.client.get(format!("{}/healthz", browser.base)).send().await.is_ok() {
                return Self { browser, folder, _child: child };
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not answer within twenty seconds");
    }
}

fn browser(address: SocketAddr) -> Browser {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    Browser { client: client.expect("a client"), base: format!("http://{address}") }
}

/// What stands between two marks of a page.
fn between<'a>(page: &'a Page, before: &str, after: &str) -> &'a str {
    let start = page.text.find(before).unwrap_or_else(|| panic!("no {before:?} on {}", page.text));
    page.text[start + before.len()..].split(after).next().unwrap_or_default()
}

/// The draft a page's form carries.
fn draft(page: &Page) -> String {
    between(page, "name=\"draft\" value=\"", "\"").to_owned()
}
