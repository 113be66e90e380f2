//! A proxy that holds every request and every answer to the official swagger of Resource Manager.
//!
//! Node's Prism judges; in front of it stands a small server of ours that keeps what Prism objects to
//! and which version of each interface was asked for, which Prism does not judge, and puts its own
//! address into next pages, so that whoever reads stays behind the proxy. Where Prism or the swagger is
//! missing, that server stands alone: calls are counted and their versions kept, nothing is objected to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::Response;
use axum::http::request::Parts;
use serde_json::{Value, json};

/// Prism and the swagger, where this machine has them.
pub struct Tools {
    prism: PathBuf,
    swagger: PathBuf,
}

/// The tools; otherwise why not.
pub fn tools() -> Result<Tools, &'static str> {
    let swagger = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/azure/openapi/arm-all.lenient.swagger.json")
        .canonicalize()
        .map_err(|_| "the official swagger is not beside the repository")?;
    let prism = std::env::var_os("PARALLAX_TEST_PRISM").ok_or("PARALLAX_TEST_PRISM names no proxy")?;
    Ok(Tools { prism: PathBuf::from(prism), swagger })
}

/// What went through.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many requests.
    pub requests: u64,
    /// Provider and the version asked for.
    pub versions: BTreeSet<(String, String)>,
    /// Where the swagger was broken, and how.
    pub broken: BTreeSet<String>,
}

struct Front {
    http: reqwest::Client,
    behind: String,
    upstream: String,
    own: String,
    seen: Mutex<Seen>,
}

/// The proxy; it ends with the test.
pub struct Swagger {
    front: Arc<Front>,
    _prism: Option<Prism>,
}

/// Prism as a process, and the document it judges by.
struct Prism {
    child: Child,
    document: PathBuf,
    port: u16,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.document);
    }
}

impl Prism {
    async fn start(tools: &Tools, upstream: &str) -> Self {
        let port = free_port();
        let document = std::env::temp_dir().join(format!("parallax-swagger-{port}.json"));
        std::fs::write(&document, corrected(&tools.swagger)).expect("a folder for passing files");
        let child = Command::new(&tools.prism)
            .args(["proxy", "-h", "127.0.0.1", "-p", &port.to_string()])
            .args([document.as_os_str(), upstream.as_ref()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("PARALLAX_TEST_PRISM names a program");
        let this = Self { child, document, port };
        listening(port).await;
        this
    }
}

impl Swagger {
    /// Starts it in front of a server of this machine; without tools, nothing is held to the swagger.
    pub async fn start(tools: Option<&Tools>, upstream: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("an address"));
        let prism = match tools {
            Some(tools) => Some(Prism::start(tools, upstream).await),
            None => None,
        };
        let behind = match &prism {
            Some(prism) => format!("http://127.0.0.1:{}", prism.port),
            None => upstream.to_owned(),
        };
        let front = Front {
            http: reqwest::Client::new(),
            behind,
            upstream: upstream.to_owned(),
            own,
            seen: Mutex::default(),
        };
        let this = Self { front: Arc::new(front), _prism: prism };
        let router = axum::Router::new().fallback(pass).with_state(Arc::clone(&this.front));
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        self.front.own.clone()
    }

    /// What has gone through so far.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut self.front.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The swagger without its one untruth: it types the rows of Resource Graph as an object, while its own
/// description and example, and the service, have an array of objects.
fn corrected(swagger: &Path) -> String {
    let text = std::fs::read_to_string(swagger).expect("the swagger");
    let mut document: Value = serde_json::from_str(&text).expect("the swagger is JSON");
    let data = document
        .pointer_mut("/definitions/resourcegraph.QueryResponse/properties/data")
        .expect("the swagger describes Resource Graph");
    *data = json!({ "type": "array", "items": { "type": "object" } });
    document.to_string()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

async fn listening(port: u16) {
    let until = Instant::now() + Duration::from_mins(1);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < until, "the swagger-checking proxy did not start");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn pass(State(front): State<Arc<Front>>, parts: Parts, body: Bytes) -> Response<Body> {
    let path = parts.uri.path_and_query().map_or("/", |one| one.as_str());
    let mut request = front.http.request(parts.method.clone(), format!("{}{path}", front.behind)).body(body);
    for name in ["authorization", "content-type"] {
        if let Some(value) = parts.headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.send().await.expect("what stands behind answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.expect("a body");
    let call = format!("{} {} ({})", parts.method, parts.uri.path(), status.as_u16());
    front.keep(&call, path, &objections(&headers, status.is_success()), &text);
    let mut response = Response::builder().status(status);
    for name in ["content-type", "retry-after"] {
        if let Some(value) = headers.get(name) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(text.replace(&front.upstream, &front.own))).expect("a response")
}

/// What Prism objects to. That an interface describes no refusal at all is its own affair: the service
/// may refuse any call.
fn objections(headers: &reqwest::header::HeaderMap, success: bool) -> Vec<String> {
    let Some(said) = headers.get("sl-violations") else { return Vec::new() };
    let all: Vec<Value> = serde_json::from_slice(said.as_bytes()).expect("objections are a list");
    let undescribed = |one: &str| one.contains("Unable to match the returned status code");
    all.iter().map(Value::to_string).filter(|one| success || !undescribed(one)).collect()
}

impl Front {
    fn keep(&self, call: &str, path: &str, objections: &[String], body: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        let lower = path.to_lowercase();
        let provider = lower.rsplit("/providers/").next().and_then(|rest| rest.split('/').next());
        let provider = provider.filter(|_| lower.contains("/providers/")).unwrap_or("subscriptions");
        let version = lower.split("api-version=").nth(1).and_then(|rest| rest.split('&').next());
        seen.versions.insert((provider.to_owned(), version.unwrap_or("(none)").to_owned()));
        seen.broken.extend(objections.iter().map(|one| format!("{call}: {one}")));
        // A path or a method that the swagger does not have is answered by Prism itself.
        if body.contains("stoplight.io/prism/errors#") {
            seen.broken.insert(format!("{call}: {body}"));
        }
    }
}
