//! Trackers that hold what they are told, and hold us to what their public APIs document: headers,
//! required fields, forms, pages. Whatever breaks that is answered as the real one does, and kept.

pub mod github;
pub mod jira;
pub mod servicenow;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::estate::now;

/// An issue over there.
#[derive(Debug, Clone)]
pub struct Remote {
    pub id: u64,
    pub title: String,
    /// As it was sent: Markdown, a document, plain text.
    pub text: Value,
    pub labels: Vec<String>,
    /// In the tracker's own words.
    pub status: String,
    /// Who said what: id, author, words as sent.
    pub comments: Vec<(u64, String, Value)>,
    pub fields: Value,
    pub updated: DateTime<Utc>,
}

/// A call and its answer.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub request: Option<Value>,
    pub status: u16,
    pub response: Value,
}

/// What a tracker does instead of what it is asked.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// For calls whose method and path contain this.
    pub at: &'static str,
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    /// It does it all the same, and its answer is lost.
    pub done: bool,
}

/// What a tracker holds.
#[derive(Default)]
pub struct Shelf {
    pub issues: Vec<Remote>,
    pub calls: Vec<Call>,
    pub trouble: VecDeque<Trouble>,
    /// What broke the documented form.
    pub breaches: Vec<String>,
    /// How far its clock is ahead: as far as that of the worker who looked last.
    pub ahead: chrono::TimeDelta,
    last: u64,
}

impl Shelf {
    pub fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The time over there.
    pub fn now(&self) -> DateTime<Utc> {
        now() + self.ahead
    }

    pub fn issue(&mut self, id: u64) -> Option<&mut Remote> {
        self.issues.iter_mut().find(|one| one.id == id)
    }
}

/// An answer: status, headers, body.
pub type Reply = (u16, Vec<(&'static str, String)>, Value);

/// How one tracker answers.
pub type Answers = fn(&mut Shelf, &Asked) -> Reply;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: axum::http::HeaderMap,
    pub body: Option<Value>,
    pub base: String,
}

impl Asked {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    pub fn number(&self, name: &str, otherwise: usize) -> usize {
        self.query(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }
}

/// A tracker that runs.
#[derive(Clone)]
pub struct Fake {
    pub held: Arc<Mutex<Shelf>>,
    pub address: SocketAddr,
}

impl Fake {
    pub async fn start(answers: Answers) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let fake = Self { held: Arc::default(), address };
        let held = fake.clone();
        let app = axum::Router::new().fallback(move |request: Request<Body>| {
            let held = held.clone();
            async move { held.answer(answers, request).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn answer(&self, answers: Answers, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let bytes: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let query =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
        let asked = Asked {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).ok(),
            base: self.url(),
        };
        let mut held = self.held.lock().expect("a lock");
        let line = format!("{} {}", asked.method, asked.path);
        let trouble = held.trouble.iter().position(|one| line.contains(one.at));
        let trouble = trouble.and_then(|place| held.trouble.remove(place));
        let (status, headers, body) = match trouble {
            // Only a yes can be lost: a no was not done.
            Some(trouble) if trouble.done => match answers(&mut held, &asked) {
                no if no.0 >= 400 => {
                    held.trouble.push_front(trouble);
                    no
                }
                _ => (trouble.status, trouble.headers, trouble.body),
            },
            Some(trouble) => (trouble.status, trouble.headers, trouble.body),
            None => answers(&mut held, &asked),
        };
        held.calls.push(Call {
            method: asked.method,
            path: asked.path,
            query: asked.query,
            request: asked.body,
            status,
            response: body.clone(),
        });
        let mut answer = Response::builder().status(status).header("content-type", "application/json");
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        answer.body(body).expect("an answer")
    }

    /// The next call whose method and path contain `at` goes wrong.
    pub fn trouble(&self, at: &'static str, status: u16, headers: Vec<(&'static str, String)>) {
        let trouble = Trouble { at, status, headers, body: json!({ "message": "trouble" }), done: false };
        self.held.lock().expect("a lock").trouble.push_back(trouble);
    }

    /// The next such call is carried out, and its answer is lost.
    pub fn lose_the_answer_of(&self, at: &'static str) {
        let trouble = Trouble { at, status: 502, headers: Vec::new(), body: Value::Null, done: true };
        self.held.lock().expect("a lock").trouble.push_back(trouble);
    }

    pub fn issues(&self) -> Vec<Remote> {
        self.held.lock().expect("a lock").issues.clone()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.held.lock().expect("a lock").calls.clone()
    }

    pub fn breaches(&self) -> Vec<String> {
        self.held.lock().expect("a lock").breaches.clone()
    }

    /// Somebody over there changes an issue.
    pub fn change(&self, id: u64, what: impl FnOnce(&mut Remote)) {
        let mut held = self.held.lock().expect("a lock");
        let at = held.now();
        let issue = held.issue(id).expect("an issue");
        what(issue);
        issue.updated = at;
    }

    /// Somebody over there says something.
    pub fn say(&self, id: u64, words: Value) {
        let number = self.held.lock().expect("a lock").number();
        self.change(id, |issue| issue.comments.push((number, "octocat".into(), words)));
    }

    /// Somebody over there deletes an issue.
    pub fn delete(&self, id: u64) {
        self.held.lock().expect("a lock").issues.retain(|one| one.id != id);
    }
}

/// A breach of the documented form, answered like the real one does.
pub fn breach(held: &mut Shelf, status: u16, what: impl Into<String>) -> Reply {
    let what = what.into();
    held.breaches.push(what.clone());
    (status, Vec::new(), json!({ "message": what, "errorMessages": [what] }))
}
