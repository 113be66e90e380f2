//! A program with a token that calls the API.

use parallax::auth::Secret;
use parallax::model::{Permission, TenantId};
use parallax::store::people::tokens::{self, NewToken};
use serde_json::Value;

use super::estate::now;
use super::people::Town;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    async fn read(answer: reqwest::Result<reqwest::Response>) -> Self {
        let answer = answer.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, text: answer.text().await.expect("text") }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|fault| panic!("{fault}: {self:?}"))
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The rows of a page.
    pub fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["items"].as_array().expect("items").clone()
    }
}

/// A program.
pub struct Caller {
    pub client: reqwest::Client,
    pub base: String,
    pub token: String,
}

impl Caller {
    /// With a token of these scopes that lasts a day.
    pub async fn with(town: &Town, tenant: TenantId, scopes: &[Permission]) -> Self {
        Self::until(town, tenant, scopes, chrono::TimeDelta::days(1)).await
    }

    /// With a token that lasts so long.
    pub async fn until(
        town: &Town,
        tenant: TenantId,
        scopes: &[Permission],
        lasts: chrono::TimeDelta,
    ) -> Self {
        let secret = Secret::for_api(&mut rand::rng());
        let token = NewToken {
            name: "a ticket system".into(),
            secret_hash: secret.hash(),
            shown: secret.shown(),
            scopes: scopes.to_vec(),
            made_by: None,
            expires_at: now() + lasts,
        };
        let mut tx = town.scratch.store.begin(tenant).await.expect("a transaction");
        tokens::add(&mut tx, &token, now()).await.expect("a token");
        tx.commit().await.expect("commits");
        Self::of(town, secret.tell())
    }

    /// With this token.
    pub fn of(town: &Town, token: &str) -> Self {
        let client = reqwest::Client::new();
        Self { client, base: format!("http://{}", town.address), token: token.to_owned() }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// As [`Self::call`], waiting as long as it is asked to wait.
    pub async fn patiently(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        for _ in 0..20 {
            let reply = self.call(method, path, &[], body).await;
            if reply.status != 429 {
                return reply;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        panic!("{method} {path} is never let through");
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::read(self.request("GET", path).send().await).await
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Reply::read(request.send().await).await
    }
}
