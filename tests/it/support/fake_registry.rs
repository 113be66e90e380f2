//! A registry that says what it is told to: for answers no honest server gives.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use parallax::model::{RegistryCredentials, RegistrySpec};
use serde_json::{Value, json};

use super::registry::sha256;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// One answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub fn json(value: &Value) -> Self {
        Self::new(200, value.to_string())
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Path with query, and headers of a request, to its answer.
pub type Answerer = dyn Fn(&str, &HeaderMap) -> Reply + Send + Sync;

/// Serves `answer` on loopback and returns its address.
pub async fn serve(answer: Arc<Answerer>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let app = Router::new().fallback(move |request: Request| {
        let answer = Arc::clone(&answer);
        async move {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
            let reply = answer(&path, request.headers());
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(reply.body)).expect("a response")
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The replies of a registry with one repository, `odd`, kept by path.
#[derive(Debug, Default, Clone)]
pub struct Script {
    replies: HashMap<String, Reply>,
    tags: Vec<String>,
}

impl Script {
    pub fn new() -> Self {
        let mut script = Self::default();
        script.put("/v2/", Reply::json(&json!({})));
        script.put("/v2/_catalog?n=100", Reply::json(&json!({ "repositories": ["odd"] })));
        script
    }

    pub fn put(&mut self, path: &str, reply: Reply) {
        self.replies.insert(path.to_owned(), reply);
    }

    /// What `tag` names.
    pub fn tag(&mut self, tag: &str, reply: Reply) {
        self.put(&format!("/v2/odd/manifests/{tag}"), reply);
        self.tags.push(tag.to_owned());
        self.put("/v2/odd/tags/list?n=1000", Reply::json(&json!({ "name": "odd", "tags": self.tags })));
    }

    /// Keeps a manifest under its digest.
    pub fn manifest(&mut self, manifest: &Value) -> String {
        let digest = sha256(manifest.to_string().as_bytes());
        self.put(&format!("/v2/odd/manifests/{digest}"), Reply::json(manifest));
        digest
    }

    /// Keeps a configuration, and returns an image that has it.
    pub fn image(&mut self, config: &Value) -> Value {
        let bytes = config.to_string();
        let digest = sha256(bytes.as_bytes());
        let descriptor = json!({ "mediaType": CONFIG, "digest": digest, "size": bytes.len() });
        self.put(&format!("/v2/odd/blobs/{digest}"), Reply::new(200, bytes));
        json!({ "schemaVersion": 2, "config": descriptor, "layers": [] })
    }

    pub async fn serve(self) -> String {
        serve(Arc::new(move |path, _| self.reply(path))).await
    }

    pub fn reply(&self, path: &str) -> Reply {
        let missing = || Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}"#);
        self.replies.get(path).cloned().unwrap_or_else(missing)
    }
}

/// An index over these digests.
pub fn index(digests: &[String]) -> Value {
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let entry = |digest: &String| json!({ "mediaType": kind, "digest": digest, "size": 1 });
    json!({ "schemaVersion": 2, "manifests": digests.iter().map(entry).collect::<Vec<_>>() })
}

/// A spec for a fake at `address`.
pub fn spec(address: &str) -> RegistrySpec {
    let credentials = RegistryCredentials::Anonymous;
    RegistrySpec { address: address.into(), plain_http: true, credentials, repositories: Vec::new() }
}

/// Counts what was asked.
#[derive(Debug, Default, Clone)]
pub struct Asked(Arc<Mutex<HashMap<String, u32>>>);

impl Asked {
    /// Notes one request and tells how many there were of its kind.
    pub fn note(&self, what: &str) -> u32 {
        let mut counts = self.0.lock().expect("not poisoned");
        let count = counts.entry(what.to_owned()).or_default();
        *count += 1;
        *count
    }

    pub fn of(&self, what: &str) -> u32 {
        self.0.lock().expect("not poisoned").get(what).copied().unwrap_or(0)
    }
}
