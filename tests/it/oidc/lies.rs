//! Providers and tokens that lie.

use parallax::auth::oidc::Envoy;
use parallax::config::Reach;
use parallax::model::Role;
use parallax::outgoing::Guard;
use serde_json::{Value, json};

use super::super::support::estate::now;
use super::super::support::people::{Browser, Town};
use super::super::support::provider::{CLIENT_SECRET, Hostile, Setting, add, signed, token};
use super::{ROLES, record};

/// Begins a log-in at a provider of ours: the browser, the state, the nonce.
async fn begun(town: &Town, id: &str) -> (Browser, String, String) {
    let browser = town.browser();
    let begun = browser.get(&format!("/login/at/{id}")).await;
    let url = url::Url::parse(&begun.location).expect("an address");
    let found = |name: &str| url.query_pairs().find(|(one, _)| one == name).expect("there").1.into_owned();
    assert_eq!(found("code_challenge_method"), "S256");
    assert!(found("scope").starts_with("openid") && found("response_type") == "code");
    (browser, found("state"), found("nonce"))
}

fn claims(issuer: &str, nonce: &str) -> Value {
    let at = now().timestamp();
    json!({
        "iss": issuer, "aud": "parallax", "sub": "7", "nonce": nonce, "iat": at, "exp": at + 300,
        "email": "ann@example.org", "email_verified": true, "groups": ["readers"],
    })
}

/// Makes a token of claims that would be good ones.
type Forge = Box<dyn Fn(Value) -> String>;

/// Signs claims with some of them changed.
fn with(change: Value) -> impl Fn(Value) -> String {
    move |mut claims: Value| {
        let (to, from) = (claims.as_object_mut().expect("claims"), change.as_object().expect("changes"));
        to.extend(from.clone());
        signed(1, "one", &claims)
    }
}

/// Tokens that must not be believed, and what is said of each.
fn lies(at: i64) -> Vec<(&'static str, Forge)> {
    let by_secret = |claims: Value| {
        use hmac::{Hmac, KeyInit, Mac};
        token(&json!({ "alg": "HS256" }), &claims, |text| {
            let mac = Hmac::<sha2::Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()).expect("a key");
            mac.chain_update(text).finalize().into_bytes().to_vec()
        })
    };
    vec![
        ("No signature", Box::new(|claims| token(&json!({ "alg": "none" }), &claims, |_| Vec::new()))),
        ("HS256", Box::new(by_secret)),
        ("signature", Box::new(|claims| signed(2, "one", &claims))),
        ("audience", Box::new(with(json!({ "aud": "another" })))),
        ("audience", Box::new(with(json!({ "aud": ["parallax", "another"] })))),
        ("made for another", Box::new(with(json!({ "azp": "another" })))),
        ("issuer", Box::new(with(json!({ "iss": "https://login.example.net" })))),
        ("nonce", Box::new(with(json!({ "nonce": "guessed" })))),
        ("nonce", Box::new(with(json!({ "nonce": null })))),
        ("xpired", Box::new(with(json!({ "exp": at - 90 })))),
        ("future", Box::new(with(json!({ "iat": at + 90 })))),
        ("long ago", Box::new(with(json!({ "iat": at - 3_600 })))),
        ("access token", Box::new(with(json!({ "at_hash": "AAAA" })))),
        ("tokens break", Box::new(|_| "not.a.token".to_owned())),
    ]
}

#[tokio::test]
async fn a_token_that_is_not_the_providers_for_us_now_is_not_believed() {
    let (town, liar) = (Town::new().await, Hostile::start().await);
    let owner = town.logged_in(town.scratch.tenant, "owner@example.org", Role::Owner).await;
    let setting = Setting { name: "Liar", issuer: &liar.issuer, domains: "example.org", roles: ROLES };
    let id = add(&owner, &setting).await;
    let at = now().timestamp();
    for (told, forge) in &lies(at) {
        let (browser, state, nonce) = begun(&town, &id).await;
        liar.sells(forge(claims(&liar.issuer, &nonce)));
        let page = browser.get(&format!("/login/back/{id}?code=x&state={state}")).await;
        assert_eq!(page.status, 403, "{told}: {}", page.text);
        let told_us = record(&town).await;
        let last = told_us.lines().last().unwrap_or_default().to_owned();
        assert!(last.starts_with("login.refused somebody Liar") && last.contains(told), "{told}: {last}");
        assert_eq!(browser.get("/").await.status, 303, "{told} is out");
    }
    // A clock that is a little off is no lie.
    for skewed in [json!({}), json!({ "iat": at + 30 }), json!({ "exp": at - 20 })] {
        let (browser, state, nonce) = begun(&town, &id).await;
        liar.sells(with(skewed.clone())(claims(&liar.issuer, &nonce)));
        let page = browser.get(&format!("/login/back/{id}?code=x&state={state}")).await;
        assert_eq!(page.status, 303, "{skewed}: {}", page.text);
    }
    town.scratch.end().await;
}

#[tokio::test]
async fn unknown_keys_are_asked_for_and_not_without_end() {
    let (town, liar) = (Town::new().await, Hostile::start().await);
    let owner = town.logged_in(town.scratch.tenant, "owner@example.org", Role::Owner).await;
    let setting = Setting { name: "Liar", issuer: &liar.issuer, domains: "", roles: ROLES };
    let id = add(&owner, &setting).await;
    let come = async |seed: u8, kid: &str| {
        let (browser, state, nonce) = begun(&town, &id).await;
        liar.sells(signed(seed, kid, &claims(&liar.issuer, &nonce)));
        browser.get(&format!("/login/back/{id}?code=x&state={state}")).await.status
    };
    assert_eq!(come(1, "one").await, 303);
    liar.turns_to(2, "two");
    assert_eq!(come(2, "two").await, 303, "a new key is found");
    assert_eq!(come(1, "one").await, 403, "the old one is gone");
    let asked = liar.asked_keys();
    for guess in 0..5 {
        assert_eq!(come(3, &format!("guess {guess}")).await, 403);
    }
    assert_eq!((asked, liar.asked_keys()), (2, 2), "it was asked a moment ago");
    town.scratch.end().await;
}

#[tokio::test]
async fn a_provider_is_no_way_to_what_only_we_can_reach() {
    let envoy = Envoy::new(Guard::new(Reach::Internet)).expect("a client");
    for near in [
        "http://127.0.0.1:9",
        "https://10.0.0.1",
        "https://[::1]",
        "https://169.254.169.254",
        "https://0x7f.1",
    ] {
        let url = parallax::auth::oidc::issuer(near).expect("a good issuer");
        assert!(envoy.admits(&url).is_err(), "{near}");
    }
    assert!(envoy.admits(&"https://login.example.org".parse().expect("an address")).is_ok());
}
