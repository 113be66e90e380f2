//! The walls around every door: headers on each answer, forms that only our own pages can send,
//! bounds on how often and how much.

use std::net::SocketAddr;
use std::sync::Arc;

use parallax::app::router;
use parallax::model::{Permission, Role};
use parallax::store::people::members;
use parallax::web::{Entrance, Need, rules};
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

use super::support::caller::Caller;
use super::support::estate::Scratch;
use super::support::people::{Browser, Town};

/// A path of a rule, with something in its changing parts.
fn path_of(rule: &str) -> String {
    let path = rule.replace("{id}", "0192f0c1-0000-7000-8000-00000000dead").replace("{code}", "ACC-01");
    path.replace("{secret}", "none").replace("{link}", "none").replace("{hash}", "0").replace("{name}", "x")
}

fn walls(path: &str, headers: &HeaderMap) {
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let policy = of("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{path}: no {part} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(of(name), value, "{path}: {name}");
    }
    for device in ["camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"] {
        assert!(of("permissions-policy").contains(device), "{path}: {device}");
    }
    assert!(
        of("cache-control") == "no-store" || path.starts_with("/static/"),
        "{path}: {}",
        of("cache-control")
    );
    assert_eq!(of("x-request-id").len(), 32, "{path}: x-request-id");
    for told in ["server", "x-powered-by"] {
        assert!(!headers.contains_key(told), "{path} tells what it runs on");
    }
}

#[tokio::test]
async fn every_answer_has_all_walls() {
    let town = Town::new().await;
    let owner = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Owner).await;
    let strange =
        ["/nothing", "/api/v1/nothing", "/api/v1/openapi.json", "/findings?after=x", "/findings?severity=x"];
    let doors = rules().into_iter().filter(|rule| rule.method == "GET").map(|rule| path_of(rule.path));
    let operations = parallax::api::rules().into_iter().map(|rule| path_of(&rule.path));
    for path in doors.chain(operations).chain(strange.map(String::from)) {
        let answer = owner.client.get(format!("{}{path}", owner.base)).send().await.expect("an answer");
        walls(&path, answer.headers());
    }
    let wrong_way =
        owner.client.put(format!("{}/findings", owner.base)).header("sec-fetch-site", "same-origin");
    walls("PUT /findings", wrong_way.send().await.expect("an answer").headers());
    town.scratch.end().await;
}

/// Sends a form as it is, with these headers.
async fn post(
    browser: &Browser,
    path: &str,
    fields: &[(&str, &str)],
    headers: &[(&'static str, &str)],
) -> (u16, String) {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut form = browser.client.post(format!("{}{path}", browser.base)).body(body);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        form = form.header("content-type", "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        form = form.header(*name, *value);
    }
    let answer = form.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

/// Every door that changes something, asked in each way another site could make a browser ask.
#[tokio::test]
async fn no_other_site_makes_a_change() {
    let town = Town::new().await;
    let ann = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Owner).await;
    let eve = town.logged_in(town.scratch.tenant, "eve@example.org", Role::Owner).await;
    let (anns, eves) = (ann.get("/account").await.word(), eve.get("/account").await.word());
    assert_ne!(anns, eves);
    let changes: Vec<_> = rules().into_iter().filter(|rule| rule.method == "POST").collect();
    assert!(changes.len() > 25);
    let ours = ("sec-fetch-site", "same-origin");
    for rule in changes {
        // The word is in the address itself, and it comes from mail programs, not from pages.
        if rule.path.starts_with("/leave/") {
            continue;
        }
        let path = path_of(rule.path);
        for from in [
            vec![("sec-fetch-site", "cross-site")],
            vec![("origin", "https://evil.example")],
            vec![("origin", "null")],
            vec![],
        ] {
            let (status, _) = post(&ann, &path, &[("csrf", &anns)], &from).await;
            assert_eq!(status, 403, "{path} from {from:?}");
        }
        for word in [None, Some(""), Some(eves.as_str()), Some("x")] {
            let fields: Vec<_> = word.map(|word| ("csrf", word)).into_iter().collect();
            let (status, text) = post(&ann, &path, &fields, &[ours]).await;
            // Half way in is nobody here, so there is no form either: they are led to the start.
            let nobody = rule.path == "/login/code" && status == 303;
            assert!(
                nobody || (status == 403 && text.contains("out of date")),
                "{path} with {word:?}: {status} {text}"
            );
        }
        if rule.need != Need::Nobody {
            let other = ("content-type", "text/plain");
            assert_eq!(
                post(&ann, &path, &[("csrf", &anns)], &[ours, other]).await.0,
                415,
                "{path} as plain text"
            );
        }
    }
    refused_for_what_is_in_it(&ann, &anns).await;
    assert_eq!(ann.get("/account").await.status, 200, "and nothing happened to either of them");
    assert_eq!(eve.get("/account").await.status, 200);
    town.scratch.end().await;
}

/// The letter NUL, which the database cannot hold, and more than any form of ours holds.
async fn refused_for_what_is_in_it(ann: &Browser, word: &str) {
    let ours = ("sec-fetch-site", "same-origin");
    for path in ["/account/name", "/login"] {
        let sent = post(ann, path, &[("csrf", word), ("name", "a\0b"), ("email", "a\0b")], &[ours]).await;
        assert_eq!(sent.0, 400, "{path} takes a NUL");
    }
    for path in
        ["/findings?control=%00", "/inventory?q=a%00b", "/audit?q=%00", "/assets/%00", "/login?next=/%00"]
    {
        assert_eq!(ann.get(path).await.status, 400, "{path} takes a NUL");
    }
    let long = "a".repeat(300_000);
    assert_eq!(post(ann, "/account/name", &[("csrf", word), ("name", &long)], &[ours]).await.0, 413);
}

#[tokio::test]
async fn with_tls_a_browser_is_told_to_keep_to_it() {
    let scratch = Scratch::new().await;
    let mut state = scratch.open_house();
    let house = Arc::get_mut(&mut state.house).expect("nobody else holds it");
    house.public_url = "https://posture.example.org/".parse().expect("an address");
    house.entrance = Entrance::Login;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let client = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
    let secret =
        parallax::auth::setup::first_link(&scratch.store, scratch.tenant, super::support::estate::now());
    let link =
        format!("http://{address}/welcome/{}", secret.await.expect("an answer").expect("a link").tell());
    let shown = client.get(&link).header("host", "posture.example.org").send().await.expect("an answer");
    let strict = shown.headers()["strict-transport-security"].to_str().expect("text");
    assert!(strict.contains("max-age=63072000") && strict.contains("includeSubDomains"), "{strict}");
    let cookie = shown.headers()["set-cookie"].to_str().expect("text").to_owned();
    for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    let page = shown.text().await.expect("text");
    let word =
        page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a word");
    let body = format!("csrf={word}&email=ann%40example.org&name=Ann&password=correct+horse+battery+staple");
    let form =
        client.post(&link).header("host", "posture.example.org").header("sec-fetch-site", "same-origin");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let sent = form.header("cookie", cookie.split(';').next().expect("a cookie")).body(body).send().await;
    let sent = sent.expect("an answer");
    assert_eq!(sent.status(), 303);
    let session = sent.headers()["set-cookie"].to_str().expect("text");
    assert!(session.starts_with("__Host-parallax=") && !session.contains("Domain"), "{session}");
    for flag in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(flag), "{session}");
    }
    scratch.end().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_how_long_to_wait() {
    let town = Town::new().await;
    let browser = town.browser();
    let word = browser.get("/login").await.word();
    // Longer than any password, so that none is hashed.
    let guess = "x".repeat(2_000);
    let mut last = None;
    for number in 0..61 {
        let email = format!("person{number}@example.org");
        let form = [("csrf", word.as_str()), ("email", &email), ("password", &guess)];
        last = Some(post(&browser, "/login", &form, &[("sec-fetch-site", "same-origin")]).await.0);
    }
    assert_eq!(last, Some(429), "sixty accounts tried from one address");
    let body = format!("csrf={word}&email=new%40example.org&password=x");
    let form = browser.client.post(format!("{}/login", browser.base)).header("sec-fetch-site", "same-origin");
    let form = form.header("content-type", "application/x-www-form-urlencoded").body(body).send().await;
    let form = form.expect("an answer");
    let wait: i64 = form.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!(form.status() == 429 && (1..=900).contains(&wait), "{wait}");

    let long = serde_json::json!({ "findings": [], "note": "a".repeat(300_000) });
    let other = Caller::with(&town, town.scratch.tenant, &[Permission::Ticket]).await;
    assert_eq!(other.call("POST", "/api/v1/tickets", &[], Some(&long)).await.status, 413);
    town.scratch.end().await;
}

/// Guesses at the password of somebody known behind an invitation count like guesses at the log-in.
#[tokio::test]
async fn an_invitation_is_no_way_around_the_limit() {
    let town = Town::new().await;
    let bob = town.member(town.scratch.tenant, "bob@example.org", Role::Viewer).await;
    let mut tx = town.scratch.store.begin(town.scratch.tenant).await.expect("a transaction");
    assert!(members::remove(&mut tx, bob).await.expect("removed"), "he has an account and no place");
    tx.commit().await.expect("commits");
    let owner = town.logged_in(town.scratch.tenant, "ann@example.org", Role::Owner).await;
    let invited =
        owner.submit("/people", "/people", &[("email", "bob@example.org"), ("role", "viewer")]).await;
    let link = invited.text.split("<p class=\"shown\"><code>").nth(1).and_then(|rest| rest.split('<').next());
    let link = link.unwrap_or_else(|| panic!("no link: {}", invited.text));
    let path = &link[link.find("/welcome/").expect("a link")..];
    let mut last = 0;
    for guess in 0..11 {
        let password = guess.to_string().repeat(2_000);
        last = owner.submit(path, path, &[("name", "Bob"), ("password", &password)]).await.status;
    }
    assert_eq!(last, 429);
    town.scratch.end().await;
}
