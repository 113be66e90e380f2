//! A receiver of webhooks: it keeps what comes and answers what a test says. Signatures are checked
//! by the reference implementation of Standard Webhooks (PyPI `standardwebhooks`), not by ours.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What the receiver answers.
#[derive(Debug, Clone)]
pub enum Say {
    /// This status, with these headers and this body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Yes, after so long.
    Slowly(Duration),
    /// Yes, and then more and more.
    Endlessly,
}

impl Say {
    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), String::new())
    }
}

/// A message that came.
#[derive(Debug, Clone)]
pub struct Came {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Came {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Default)]
struct Held {
    came: Vec<Came>,
    plan: VecDeque<Say>,
}

/// The receiver. What is not planned is answered with 204.
#[derive(Clone)]
pub struct Receiver {
    held: Arc<Mutex<Held>>,
    pub address: SocketAddr,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self { held: Arc::default(), address: listener.local_addr().expect("an address") };
        let app = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook/t0ken-in-the-path", self.address)
    }

    /// The next answers, in order.
    pub fn plan(&self, says: impl IntoIterator<Item = Say>) {
        self.held.lock().expect("a lock").plan.extend(says);
    }

    /// Everything that came so far.
    pub fn came(&self) -> Vec<Came> {
        self.held.lock().expect("a lock").came.clone()
    }

    /// Everything that came so far, and forgets it.
    pub fn took(&self) -> Vec<Came> {
        std::mem::take(&mut self.held.lock().expect("a lock").came)
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let say = {
        let mut held = receiver.held.lock().expect("a lock");
        held.came.push(Came { headers, body: String::from_utf8(body.to_vec()).expect("text") });
        held.plan.pop_front().unwrap_or_else(|| Say::status(204))
    };
    match say {
        Say::Status(status, headers, body) => {
            let mut answer = Response::builder().status(status);
            for (name, value) in headers {
                answer = answer.header(name, value);
            }
            answer.body(Body::from(body)).expect("an answer")
        }
        Say::Slowly(wait) => {
            tokio::time::sleep(wait).await;
            Response::new(Body::empty())
        }
        Say::Endlessly => {
            let parts =
                futures::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536])));
            Response::new(Body::from_stream(parts))
        }
    }
}

/// Whether each message is signed with the secret, by the reference implementation.
pub async fn verified(secret: &str, came: &[Came]) -> Vec<bool> {
    let python = std::env::var("PARALLAX_TEST_SMTP")
        .expect("PARALLAX_TEST_SMTP names a python that has standardwebhooks; ./dev test installs one");
    let mut child = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/verify_webhooks.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python starts");
    let all: Vec<Value> = came
        .iter()
        .map(|one| {
            let headers: serde_json::Map<String, Value> =
                one.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "secret": secret, "headers": headers, "body": one.body })
        })
        .collect();
    let mut input = child.stdin.take().expect("its input");
    input.write_all(json!(all).to_string().as_bytes()).await.expect("written");
    drop(input);
    let output = child.wait_with_output().await.expect("it ends");
    serde_json::from_slice(&output.stdout).expect("a verdict for each")
}
