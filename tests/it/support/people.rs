//! A house people log in to, with a browser for each: cookies kept, forms sent as a page sends them.

use std::net::SocketAddr;
use std::sync::Arc;

use parallax::app::router;
use parallax::auth::oidc::Envoy;
use parallax::auth::setup::{self, Entry, Purpose};
use parallax::auth::vault::HouseKey;
use parallax::auth::{Secret, Vault};
use parallax::config::Reach;
use parallax::desk::connections::Terms;
use parallax::model::{Role, TenantId};
use parallax::outgoing::Guard;
use parallax::web::{Entrance, House, WebState};
use reqwest::redirect::Policy;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::estate::{PRINCIPAL, Scratch, now};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery staple";

/// A house that answers on loopback.
pub struct Town {
    pub scratch: Scratch,
    pub address: SocketAddr,
}

impl Town {
    /// Over an empty estate.
    pub async fn new() -> Self {
        Self::over(Scratch::new().await).await
    }

    /// Over this estate.
    pub async fn over(scratch: Scratch) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let house = House {
            entrance: Entrance::Login,
            public_url: format!("http://{address}/").parse().expect("an address"),
            behind_proxy: false,
            vault: Vault::new(HouseKey::new([7; 32]), Vec::new()),
            guard: Guard::new(Reach::Loopback),
            terms: Terms {
                outgoing: Reach::Loopback,
                endpoints: true,
                principal: Some(PRINCIPAL.into()),
                ..Terms::default()
            },
            envoy: Envoy::new(Guard::new(Reach::Loopback)).expect("a client"),
            api: parallax::api::described(),
            stopping: CancellationToken::default(),
        };
        let state = WebState { store: scratch.store.clone(), house: Arc::new(house), now };
        let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { scratch, address }
    }

    /// Makes somebody of this role a member of a tenant, without the pages.
    pub async fn member(&self, tenant: TenantId, email: &str, role: Role) -> Uuid {
        let store = &self.scratch.store;
        let secret = setup::personal_link(store, Purpose::Invite, tenant, email, role, now()).await;
        let entry = Entry { email: String::new(), name: "Ann".into(), password: PASSWORD.into() };
        let (person, _) =
            setup::accept(store, &secret.expect("a link"), &entry, now()).await.expect("accepted");
        person.id
    }

    /// A browser of somebody new of this role, logged in.
    pub async fn logged_in(&self, tenant: TenantId, email: &str, role: Role) -> Browser {
        self.member(tenant, email, role).await;
        let browser = self.browser();
        assert_eq!(browser.log_in(email, PASSWORD).await.status, 303, "{email} comes in");
        browser
    }

    /// A browser nobody is logged in with.
    pub fn browser(&self) -> Browser {
        let client = reqwest::Client::builder().redirect(Policy::none()).cookie_store(true).build();
        Browser { client: client.expect("a client"), base: format!("http://{}", self.address) }
    }

    /// The link that is printed at the first start.
    pub async fn first_link(&self) -> Option<Secret> {
        setup::first_link(&self.scratch.store, self.scratch.tenant, now()).await.expect("an answer")
    }
}

/// What came back.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub text: String,
    pub location: String,
}

/// A browser with its cookies.
pub struct Browser {
    pub client: reqwest::Client,
    pub base: String,
}

impl Browser {
    async fn read(answer: reqwest::Result<reqwest::Response>) -> Page {
        let answer = answer.expect("an answer");
        let location = answer.headers().get("location").and_then(|place| place.to_str().ok()).unwrap_or("");
        let (status, location) = (answer.status().as_u16(), location.to_owned());
        Page { status, text: answer.text().await.expect("text"), location }
    }

    pub async fn get(&self, path: &str) -> Page {
        Self::read(self.client.get(format!("{}{path}", self.base)).send().await).await
    }

    /// Sends a form as it is, from a page of ours.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = self.client.post(format!("{}{path}", self.base)).header("sec-fetch-site", "same-origin");
        Self::read(form.header("content-type", "application/x-www-form-urlencoded").body(body).send().await)
            .await
    }

    /// Loads the page `from`, and sends its form to `path` with the word it carries.
    pub async fn submit(&self, from: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let word = self.get(from).await.word();
        let mut all = vec![("csrf", word.as_str())];
        all.extend_from_slice(fields);
        self.send(path, &all).await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Page {
        self.submit("/login", "/login", &[("email", email), ("password", password), ("next", "/")]).await
    }
}

impl Page {
    /// The word the page's forms carry.
    pub fn word(&self) -> String {
        let start = self.text.find("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("no form on {self:?}"));
        self.text[start + 19..].split('"').next().expect("a word").to_owned()
    }
}
