//! An account, by a role that asks for our external id.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;

use super::{Server, between, draft};
use crate::support::aws::{ACCOUNT, Deed, front, moto};
use crate::support::estate::{PRINCIPAL, Scratch};
use crate::support::people::Browser;

pub(super) type Said = Arc<Mutex<Vec<String>>>;

/// Stands before `target` and notes the bodies of what is asked of STS.
pub(super) async fn listening(target: &str) -> (String, Said) {
    let said = Said::default();
    let (noted, target, client) = (Arc::clone(&said), target.to_owned(), reqwest::Client::new());
    let app = Router::new().fallback(move |request: Request| {
        let (noted, target, client) = (Arc::clone(&noted), target.clone(), client.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 8 << 20).await.expect("a body");
            if body.starts_with(b"Action=") {
                noted.lock().expect("a list").push(String::from_utf8_lossy(&body).into_owned());
            }
            for name in ["host", "content-length", "connection", "transfer-encoding"] {
                parts.headers.remove(name);
            }
            let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            let sent =
                client.request(parts.method, format!("{target}{path}")).headers(parts.headers).body(body);
            let answer = sent.send().await.expect("moto answers");
            let mut response = axum::http::Response::builder().status(answer.status());
            for (name, value) in answer.headers() {
                if !["content-length", "transfer-encoding", "connection"].contains(&name.as_str()) {
                    response = response.header(name, value);
                }
            }
            response.body(axum::body::Body::from(answer.bytes().await.expect("a body"))).expect("a response")
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, said)
}

fn role() -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/parallax-reader")
}

async fn until_read(browser: &Browser, place: &str) -> String {
    for _ in 0..300 {
        let page = browser.get(place).await.text;
        if page.contains(">Done") || page.contains(">Failed") {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("nothing was read within a minute");
}

#[tokio::test]
async fn an_account_is_connected_by_a_role_that_asks_for_our_word() {
    let (scratch, moto) = (Scratch::new().await, moto().await);
    moto.fill(2, 1).await.expect("an account");
    let (endpoint, said) = listening(&moto.address).await;
    let server = Server::start(&scratch).await;
    let browser = &server.browser;
    let place = browser.get("/connections/new/aws").await.location;
    let page = browser.get(&place).await;
    let external_id = between(&page, "<dt>External id</dt><dd><code>", "<").to_owned();
    assert!(external_id.starts_with("plx-") && page.text.contains(PRINCIPAL), "{}", page.text);
    assert_eq!(between(&browser.get(&place).await, "<dt>External id</dt><dd><code>", "<"), external_id);
    let sealed = draft(&page);
    let template = browser.get(&format!("/connections/new/aws/template?draft={sealed}")).await.text;
    let template: serde_json::Value = serde_json::from_str(&template).expect("JSON");
    let trust = &template["Resources"]["Reader"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Condition"]["StringEquals"]["sts:ExternalId"], external_id.as_str());

    let arn = role();
    let mut form = vec![
        ("draft", sealed.as_str()),
        ("do", "test"),
        ("name", "Production"),
        ("every", "6"),
        ("unit", "hours"),
        ("role_arn", arn.as_str()),
        ("regions", "eu-west-1"),
        ("endpoint", endpoint.as_str()),
    ];
    let tested = browser.submit(&place, "/connections/new/aws", &form).await;
    assert!(tested.status == 200 && tested.text.contains("lambda:GetFunctionUrlConfig"), "{}", tested.text);
    // moto asks nobody for an external id: what a role without the condition looks like.
    assert!(tested.text.contains("lacks the condition on sts:ExternalId"), "{}", tested.text);
    assert!(!browser.get("/connections").await.text.contains("Production"), "a test keeps nothing");
    form[1] = ("do", "save");
    let made = browser.submit(&place, "/connections/new/aws", &form).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let page = until_read(browser, &made.location).await;
    assert!(page.contains(">Done") && page.contains(&external_id), "{page}");
    assert!(browser.get("/inventory").await.text.contains("function-0"));
    let again = browser.submit(&place, "/connections/new/aws", &form).await;
    assert!(again.status == 400 && again.text.contains("made already"), "{}", again.status);

    let asked: Vec<String> = said.lock().expect("a list").clone();
    let assumed: Vec<_> = asked.iter().filter(|body| body.contains("Action=AssumeRole")).collect();
    let word = format!("ExternalId={external_id}");
    let without = assumed.iter().filter(|body| !body.contains(&word)).count();
    assert_eq!(without, 1, "only the test tries without, once: {assumed:#?}");
    assert!(assumed.len() >= 3, "tested with, tested without, read with: {assumed:#?}");
    scratch.end().await;
}

#[tokio::test]
async fn a_test_names_the_permission_that_is_missing() {
    let (scratch, moto) = (Scratch::new().await, moto().await);
    moto.fill(1, 1).await.expect("an account");
    let judge = Arc::new(|_: &str, path: &str, target: &str| {
        if target.ends_with(".DescribeRepositories") || path.contains("event-source-mappings") {
            Deed::Refuse(400, "AccessDeniedException")
        } else {
            Deed::Pass
        }
    });
    let endpoint = front(&moto.address, judge).await;
    let server = Server::start(&scratch).await;
    let place = server.browser.get("/connections/new/aws").await.location;
    let sealed = draft(&server.browser.get(&place).await);
    let arn = role();
    let form = [
        ("draft", sealed.as_str()),
        ("do", "test"),
        ("role_arn", arn.as_str()),
        ("regions", "eu-west-1"),
        ("endpoint", endpoint.as_str()),
    ];
    let page = server.browser.submit(&place, "/connections/new/aws", &form).await;
    assert!(page.text.contains("2 permissions are missing"), "{}", page.text);
    let missing = between(&page, "<p>Missing: ", "</p>");
    assert!(
        missing.contains("ecr:DescribeRepositories") && missing.contains("lambda:ListEventSourceMappings")
    );
    scratch.end().await;
}

#[tokio::test]
async fn what_is_typed_wrong_is_named_and_nobody_brings_their_own_word() {
    let scratch = Scratch::new().await;
    let server = Server::start(&scratch).await;
    let place = server.browser.get("/connections/new/aws").await.location;
    let sealed = draft(&server.browser.get(&place).await);
    let arn = role();
    for (field, problem, form) in [
        (
            "role_arn",
            "write the ARN of a role",
            [("role_arn", "parallax"), ("regions", ""), ("endpoint", "")],
        ),
        ("regions", "is no region", [("role_arn", &*arn), ("regions", "Frankfurt"), ("endpoint", "")]),
        (
            "endpoint",
            "may not be asked",
            [("role_arn", &*arn), ("regions", ""), ("endpoint", "http://169.254.169.254/")],
        ),
    ] {
        let mut all = vec![
            ("draft", sealed.as_str()),
            ("do", "save"),
            ("name", "x"),
            ("every", "6"),
            ("unit", "hours"),
        ];
        all.extend(form);
        let page = server.browser.submit(&place, "/connections/new/aws", &all).await;
        assert_eq!(page.status, 400, "{field}");
        assert!(
            page.text.contains(&format!("<b>{field}</b>")) && page.text.contains(problem),
            "{}",
            page.text
        );
    }
    let mut spoilt = sealed.clone();
    spoilt.replace_range(60..61, if &sealed[60..61] == "A" { "B" } else { "A" });
    let form = [
        ("draft", spoilt.as_str()),
        ("do", "save"),
        ("name", "x"),
        ("every", "6"),
        ("unit", "hours"),
        ("role_arn", &*arn),
    ];
    let page = server.browser.submit(&place, "/connections/new/aws", &form).await;
    assert!(page.status == 400 && page.text.contains("out of date"), "{}", page.status);
    scratch.end().await;
}
