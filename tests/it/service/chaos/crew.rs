//! The processes that are killed and started again: Postgres, two servers, three workers.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::process::Command;
use tokio::time::sleep;

use super::super::server::Server;
use super::super::{Folder, parallax};
use crate::support::people::Browser;
use crate::support::postgres::{OWNER, Postgres};

pub const SERVERS: usize = 2;
pub const WORKERS: usize = 3;

/// When each server was last killed and came back, for whoever asked it in between.
#[derive(Default)]
pub struct Outages {
    /// How often it was killed or came back.
    turns: [AtomicU64; SERVERS],
}

impl Outages {
    /// Changes whenever a server goes or comes.
    pub fn turn(&self, server: usize) -> u64 {
        self.turns[server].load(Ordering::SeqCst)
    }

    /// Odd while it is away.
    pub fn away(&self, server: usize) -> bool {
        self.turn(server) % 2 == 1
    }

    fn turned(&self, server: usize) {
        self.turns[server].fetch_add(1, Ordering::SeqCst);
    }
}

/// What the disturbances came to.
#[derive(Debug, Default)]
pub struct Tally {
    pub postgres: u32,
    pub servers: u32,
    pub workers: u32,
    pub terminated: u32,
    /// From Postgres' first answer, or a server's start, to its pages' first right answer.
    pub recovery: Duration,
}

pub struct Crew {
    pub postgres: Postgres,
    pub addresses: [String; SERVERS],
    pub outages: Arc<Outages>,
    pub tally: Tally,
    folder: Folder,
    smtp: u16,
    servers: Vec<Server>,
    workers: Vec<Server>,
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string()
}

impl Crew {
    pub async fn start(smtp: u16) -> Self {
        let mut crew = Self {
            postgres: Postgres::new().await,
            addresses: [free_port(), free_port()],
            outages: Arc::default(),
            tally: Tally::default(),
            folder: Folder::new(),
            smtp,
            servers: Vec::new(),
            workers: Vec::new(),
        };
        // All at once, on an empty database: they migrate it, one after the other.
        for server in 0..SERVERS {
            crew.servers.push(crew.server(server));
        }
        for server in &crew.servers {
            server.base().await;
        }
        for _ in 0..WORKERS {
            crew.workers.push(crew.worker());
        }
        crew
    }

    fn command(&self) -> Command {
        let mut command = parallax(Some(&self.postgres.url(OWNER, "parallax")), &self.folder.0);
        command.env("PARALLAX_LOG", "warn").env("PARALLAX_DATABASE_CONNECTIONS", "8");
        command.env("PARALLAX_SMTP_URL", format!("smtp://127.0.0.1:{}", self.smtp));
        command
    }

    fn server(&self, number: usize) -> Server {
        let mut command = self.command();
        Server::start(command.args(["serve", "--no-worker"]).env("PARALLAX_LISTEN", &self.addresses[number]))
    }

    fn worker(&self) -> Server {
        Server::start(self.command().arg("worker"))
    }

    /// A browser of the first owner: of the links that were printed the last one works.
    pub async fn owner(&self) -> Browser {
        for server in &self.servers {
            let link = format!("/welcome/{}", server.printed("/welcome/").await);
            if server.browser().await.get(&link).await.status == 200 {
                return server.owner("ann@example.org").await;
            }
        }
        panic!("no link works");
    }

    /// One disturbance, and the end of it.
    pub async fn disturb(&mut self, random: &mut StdRng) {
        let away = Duration::from_millis(random.random_range(200..1_500));
        match random.random_range(0..100) {
            0..15 => {
                self.postgres.kill().await;
                sleep(away).await;
                self.postgres.start().await;
                self.tally.postgres += 1;
                self.recovered().await;
            }
            15..40 => {
                let number = random.random_range(0..SERVERS);
                self.outages.turned(number);
                self.servers[number].child.kill().await.expect("kill -9");
                sleep(away).await;
                self.servers[number] = self.server(number);
                self.tally.servers += 1;
                self.recovered().await;
                self.outages.turned(number);
            }
            40..85 => {
                let number = random.random_range(0..WORKERS);
                self.workers[number].child.kill().await.expect("kill -9");
                sleep(away).await;
                self.workers[number] = self.worker();
                self.tally.workers += 1;
            }
            _ => {
                let number = random.random_range(0..WORKERS);
                self.workers[number].signal(Signal::SIGTERM);
                let ended = self.workers[number].child.wait().await.expect("ends");
                assert!(ended.success(), "{:?}", self.workers[number].log());
                self.workers[number] = self.worker();
                self.tally.terminated += 1;
            }
        }
    }

    /// Waits until every server's pages answer, and keeps how long that took at most.
    async fn recovered(&mut self) {
        let since = Instant::now();
        for address in &self.addresses {
            while !reqwest::get(format!("http://{address}/readyz"))
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                assert!(since.elapsed() < Duration::from_mins(1), "{address} does not come back");
                sleep(Duration::from_millis(50)).await;
            }
        }
        self.tally.recovery = self.tally.recovery.max(since.elapsed());
    }

    /// What all of them logged.
    pub fn log(&self) -> String {
        let all = self.servers.iter().chain(&self.workers).flat_map(Server::log);
        all.collect::<Vec<_>>().join("\n")
    }
}
