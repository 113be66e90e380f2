//! Providers to log in at: a certified one (the npm package oidc-provider), and one of our own that
//! signs what a test wants signed.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openidconnect::core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKeyId, PrivateSigningKey};
use parallax::model::Role;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::people::{Browser, Page, Town};

/// What the certified provider knows us by.
pub const CLIENT_SECRET: &str = "a secret of the tests";

/// The certified provider.
pub struct Certified {
    port: u16,
    child: Option<Child>,
    http: reqwest::Client,
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Certified {
    pub async fn start() -> Self {
        let folder = std::env::var("PARALLAX_TEST_PROVIDER").expect(
            "PARALLAX_TEST_PROVIDER names the folder oidc-provider is installed in; ./dev test does it",
        );
        let port = free_port();
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/provider/provider.mjs"))
            .arg(port.to_string())
            .env("PARALLAX_TEST_PROVIDER", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line == "ready" {
                return Self { port, child: Some(child), http: reqwest::Client::new() };
            }
        }
        panic!("the provider did not start: is it installed? ./dev setup does it");
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes its people, keys or habits.
    pub async fn set(&self, what: Value) {
        let control = self.http.post(format!("{}/control", self.issuer())).body(what.to_string());
        assert_eq!(control.send().await.expect("it answers").status(), 200);
    }

    /// It goes away.
    pub async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it stops");
        }
    }

    /// Follows a log-in from the address it begins at to the one that leads back to us, as `account`.
    pub async fn log_in(&self, browser: &Browser, begin: &str, account: &str) -> Url {
        let mut at = Url::parse(begin).expect("an address");
        for _ in 0..10 {
            if at.path().starts_with("/login/back/") {
                return at;
            }
            let request = if at.path().starts_with("/interaction/") {
                let body = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("account", account)
                    .finish();
                let form = browser.client.post(at.clone()).body(body);
                form.header("content-type", "application/x-www-form-urlencoded")
            } else {
                browser.client.get(at.clone())
            };
            let answer = request.send().await.expect("an answer");
            let status = answer.status();
            let Some(to) = answer.headers().get("location").map(|to| to.to_str().expect("text").to_owned())
            else {
                panic!("{at}: {status} {}", answer.text().await.unwrap_or_default());
            };
            at = at.join(&to).expect("an address");
        }
        panic!("the provider leads in circles");
    }
}

/// A provider of ours.
#[derive(Clone)]
pub struct Hostile {
    pub issuer: String,
    inner: Arc<Mutex<Says>>,
}

struct Says {
    seed: u8,
    kid: String,
    token: String,
    asked_keys: usize,
}

/// A key pair of a test, the same for the same seed.
pub fn key(seed: u8, kid: &str) -> CoreEdDsaPrivateSigningKey {
    // PKCS #8 around an Ed25519 seed (RFC 8410).
    let mut der =
        vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend_from_slice(&[seed; 32]);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(kid.to_owned())))
        .expect("a key")
}

/// A token of these parts; `sign` makes the signature over both.
pub fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(signed.as_bytes())))
}

/// A token signed with the key of `seed`, which calls itself `kid`.
pub fn signed(seed: u8, kid: &str, claims: &Value) -> String {
    token(&json!({ "alg": "EdDSA", "kid": kid }), claims, |text| {
        key(seed, kid).sign(&CoreJwsSigningAlgorithm::EdDsa, text).expect("a signature")
    })
}

impl Hostile {
    /// Signs with the key of seed 1, called `one`.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Says { seed: 1, kid: "one".into(), token: String::new(), asked_keys: 0 };
        let this = Self { issuer, inner: Arc::new(Mutex::new(says)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/token", post(sell))
            .with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    fn with<T>(&self, look: impl FnOnce(&mut Says) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The token it sells next.
    pub fn sells(&self, token: String) {
        self.with(|says| says.token = token);
    }

    /// Signs with another key from now on.
    pub fn turns_to(&self, seed: u8, kid: &str) {
        self.with(|says| (says.seed, says.kid) = (seed, kid.to_owned()));
    }

    /// How often it was asked for its keys.
    pub fn asked_keys(&self) -> usize {
        self.with(|says| says.asked_keys)
    }
}

async fn describe(State(this): State<Hostile>) -> axum::Json<Value> {
    let at = |path: &str| format!("{}{path}", this.issuer);
    axum::Json(json!({
        "issuer": this.issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        // It even claims to sign with nothing at all.
        "id_token_signing_alg_values_supported": ["none", "HS256", "EdDSA"],
    }))
}

async fn keys(State(this): State<Hostile>) -> axum::Json<Value> {
    let (seed, kid) = this.with(|says| {
        says.asked_keys += 1;
        (says.seed, says.kid.clone())
    });
    axum::Json(json!({ "keys": [key(seed, &kid).as_verification_key()] }))
}

async fn sell(State(this): State<Hostile>, Form(_): Form<Vec<(String, String)>>) -> Response {
    let token = this.with(|says| says.token.clone());
    axum::Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token })).into_response()
}

/// How a test sets a provider up.
pub struct Setting<'a> {
    pub name: &'a str,
    pub issuer: &'a str,
    pub domains: &'a str,
    pub roles: &'a str,
}

/// Adds a provider through the pages. Returns its id.
pub async fn add(owner: &Browser, setting: &Setting<'_>) -> String {
    let page = owner.get("/providers").await;
    let id = page.text.split("name=\"id\" value=\"").nth(1).expect("an id")[..36].to_owned();
    let added = add_as(owner, &page, &id, setting).await;
    assert_eq!((added.status, added.location), (303, format!("/providers/{id}")), "{}", added.text);
    id
}

/// Sends the form of a provider.
pub async fn add_as(browser: &Browser, page: &Page, id: &str, setting: &Setting<'_>) -> Page {
    let word = page.word();
    let fields = [
        ("csrf", word.as_str()),
        ("id", id),
        ("name", setting.name),
        ("issuer", setting.issuer),
        ("client_id", "parallax"),
        ("client_secret", CLIENT_SECRET),
        ("domains", setting.domains),
        ("groups_claim", "groups"),
        ("roles", setting.roles),
        ("default_role", ""),
    ];
    browser.send("/providers", &fields).await
}

impl Town {
    /// An owner who logs in with a password, and what they set up at the certified provider.
    pub async fn with_provider(&self, provider: &Certified, roles: &str) -> (Browser, String) {
        let owner = self.logged_in(self.scratch.tenant, "owner@example.org", Role::Owner).await;
        let issuer = provider.issuer();
        let setting = Setting { name: "Acme", issuer: &issuer, domains: "example.org", roles };
        let id = add(&owner, &setting).await;
        let base = format!("http://{}", self.address);
        let (back, out) = (format!("{base}/login/back/{id}"), format!("{base}/login"));
        provider.set(json!({ "redirects": [back], "out": [out] })).await;
        (owner, id)
    }

    /// Logs in at a provider, all the way.
    pub async fn come_by(&self, provider: &Certified, id: &str, account: &str) -> (Browser, Page) {
        let browser = self.browser();
        let begun = browser.get(&format!("/login/at/{id}?next=%2Ffindings")).await;
        assert_eq!(begun.status, 303, "{}", begun.text);
        let back = provider.log_in(&browser, &begun.location, account).await;
        let page = browser.get(&format!("{}?{}", back.path(), back.query().unwrap_or_default())).await;
        (browser, page)
    }
}
