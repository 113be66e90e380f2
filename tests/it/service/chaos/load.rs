//! Those who ask while things go to pieces: readers that know what is right, one who starts runs,
//! and one who makes a digest due.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::time::sleep;

use super::crew::{Outages, SERVERS};

/// What every answer is held against, and where it goes.
pub struct Load {
    pub addresses: [String; SERVERS],
    pub outages: Arc<Outages>,
    pub client: reqwest::Client,
    pub token: String,
    pub connections: Vec<String>,
    /// The findings there are, and no others.
    pub findings: BTreeSet<String>,
    pub over: AtomicBool,
    pub heard: Mutex<Heard>,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Heard {
    pub right: u64,
    pub unavailable: u64,
    /// The server was killed while it was asked.
    pub killed: u64,
    pub slowest: Duration,
    pub wrong: Vec<String>,
    pub runs: BTreeSet<String>,
}

const PAGES: [&str; 7] =
    ["/", "/compare", "/inventory", "/findings", "/connections", "/controls", "/digests"];

/// The ids of the findings on an answer of the API.
pub fn ids(text: &str) -> Option<BTreeSet<String>> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let items = answer["items"].as_array()?;
    Some(items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())).collect())
}

impl Load {
    fn going_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    /// Asks one server; none where it was killed meanwhile.
    async fn ask(&self, server: usize, request: reqwest::RequestBuilder) -> Option<(u16, bool, String)> {
        let before = self.outages.turn(server);
        let answered = async {
            let answer = request.timeout(Duration::from_secs(20)).send().await?;
            let (status, later) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
            Ok::<_, reqwest::Error>((status, later, answer.text().await?))
        };
        match answered.await {
            Ok(answer) => Some(answer),
            Err(fault) => {
                let mut heard = self.heard.lock().expect("heard");
                if before != self.outages.turn(server) || self.outages.away(server) {
                    heard.killed += 1;
                } else {
                    heard.wrong.push(format!("no answer: {fault:?}"));
                }
                None
            }
        }
    }

    /// Reads pages and lists until it is over.
    pub async fn read(self: Arc<Self>, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        while self.going_on() {
            let (server, choice) = (random.random_range(0..SERVERS), random.random_range(0..=PAGES.len()));
            let base = format!("http://{}", self.addresses[server]);
            let asked = std::time::Instant::now();
            let request = match PAGES.get(choice) {
                Some(page) => self.client.get(format!("{base}{page}")),
                None => self.client.get(format!("{base}/api/v1/findings?limit=500")).bearer_auth(&self.token),
            };
            if let Some((status, later, text)) = self.ask(server, request).await {
                let right = match PAGES.get(choice) {
                    Some(_) => text.trim_end().ends_with("</html>"),
                    None => ids(&text).is_some_and(|ids| ids == self.findings),
                };
                let mut heard = self.heard.lock().expect("heard");
                match status {
                    200 if right => {
                        heard.right += 1;
                        heard.slowest = heard.slowest.max(asked.elapsed());
                    }
                    503 if later => heard.unavailable += 1,
                    _ => heard.wrong.push(format!(
                        "{status} at {choice}: {}",
                        text.chars().take(300).collect::<String>()
                    )),
                }
            }
            sleep(Duration::from_millis(random.random_range(5..40))).await;
        }
    }

    /// Starts runs, each until a server says that it is started, under a key of its own.
    pub async fn start_runs(self: Arc<Self>, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        while self.going_on() {
            let connection = &self.connections[random.random_range(0..self.connections.len())];
            let key = format!("{:032x}", random.random::<u128>());
            loop {
                let server = random.random_range(0..SERVERS);
                let address =
                    format!("http://{}/api/v1/connections/{connection}/runs", self.addresses[server]);
                let request =
                    self.client.post(address).bearer_auth(&self.token).header("idempotency-key", &key);
                match self.ask(server, request).await {
                    Some((200 | 201, _, text)) => {
                        let run: Value = serde_json::from_str(&text).expect("a run");
                        let id = run["id"].as_str().expect("an id").to_owned();
                        self.heard.lock().expect("heard").runs.insert(id);
                        break;
                    }
                    Some((503, true, _)) | None => {}
                    Some((status, _, text)) => {
                        self.heard.lock().expect("heard").wrong.push(format!("{status} at a run: {text}"));
                        break;
                    }
                }
                sleep(Duration::from_millis(100)).await;
            }
            sleep(Duration::from_millis(random.random_range(100..800))).await;
        }
    }
}
