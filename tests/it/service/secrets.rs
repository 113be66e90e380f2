//! No secret reaches a log: real flows of a real server and worker, logged at debug, searched for
//! every secret that was in play.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parallax::model::{AwsSpec, ConnectionSpec, RegistryCredentials, RegistrySpec};
use sqlx::{Executor, Row};
use tokio::process::Command;
use tokio::time::sleep;

use super::server::Server;
use super::{Folder, parallax};
use crate::support::database::House;
use crate::support::people::{Browser, PASSWORD};
use crate::support::post::Sink;

const WRONG_PASSWORD: &str = "planted-wrong-password";
const DATABASE_PASSWORD: &str = "planted-database-password";
const REGISTRY_PASSWORD: &str = "planted-registry-password";
const SMTP_PASSWORD: &str = "planted-smtp-password";
const AWS_KEY: &str = "planted/aws/secret/access/key/of/forty/ch";
const AWS_SESSION: &str = "planted-aws-session-token";
const WRONG_TOKEN: &str = "plx_planted_wrong_token";

/// A source that asks for a log-in and then refuses everything: of AWS, and of a registry.
async fn refusing() -> String {
    let refuse = |headers: HeaderMap| async move {
        let status = match headers.get(header::AUTHORIZATION) {
            Some(_) => StatusCode::FORBIDDEN,
            None => StatusCode::UNAUTHORIZED,
        };
        (status, [(header::WWW_AUTHENTICATE, "Basic realm=\"planted\"")], "{}")
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(refuse)).await });
    address
}

/// The program with everything it logs in with planted.
fn planted(house: &House, folder: &Folder, mail: u16) -> Command {
    let mut url: url::Url = house.url.parse().expect("an address");
    url.set_password(Some(DATABASE_PASSWORD)).expect("takes one");
    let mut command = parallax(Some(url.as_str()), &folder.0);
    command
        .env("PARALLAX_LISTEN", "127.0.0.1:0")
        .env("PARALLAX_METRICS_LISTEN", "127.0.0.1:0")
        .env("PARALLAX_LOG", "debug")
        .env("PARALLAX_LOG_FORMAT", "json")
        .env("PARALLAX_KEY", STANDARD.encode(*b"planted-house-key-of-32-letters!"))
        .env("PARALLAX_SMTP_URL", format!("smtp://planted-user:{SMTP_PASSWORD}@127.0.0.1:{mail}"))
        .env("PARALLAX_SECRET_REGISTRY", REGISTRY_PASSWORD)
        .env("AWS_ACCESS_KEY_ID", "AKIAPLANTEDPLANTED00")
        .env("AWS_SECRET_ACCESS_KEY", AWS_KEY)
        .env("AWS_SESSION_TOKEN", AWS_SESSION);
    command
}

fn after<'a>(text: &'a str, start: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}")) + start.len();
    text[from..].split(['<', '"']).next().expect("an end")
}

/// Logs in and out in every way there is; returns the secrets that were told on the way.
async fn come_and_go(server: &Server) -> Vec<String> {
    let mut told = vec![server.printed("/welcome/").await];
    let owner = server.owner("ann@example.org").await;
    let stranger = server.browser().await;
    assert_eq!(stranger.log_in("ann@example.org", WRONG_PASSWORD).await.status, 401);
    let entered =
        stranger.client.post(format!("{}/login", stranger.base)).header("sec-fetch-site", "same-origin");
    let word = stranger.get("/login").await.word();
    let form = [("csrf", word.as_str()), ("email", "ann@example.org"), ("password", PASSWORD)];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let sent = entered.header("content-type", "application/x-www-form-urlencoded").body(body).send().await;
    let cookies: Vec<_> = sent.expect("an answer").headers().get_all("set-cookie").iter().cloned().collect();
    let cookie = cookies
        .iter()
        .find_map(|one| one.to_str().ok()?.strip_prefix("parallax=")?.split(';').next().map(str::to_owned));
    told.extend([word, cookie.expect("a session"), owner.get("/account").await.word()]);

    let page = owner.get("/account/second-factor").await;
    told.push(after(&page.text, "Or type it: <code>").replace(' ', ""));
    assert_eq!(
        owner.submit("/account/second-factor", "/account/second-factor", &[("code", "000000")]).await.status,
        422
    );
    let made = [("name", "jira"), ("scope", "read"), ("days", "9")];
    let token =
        format!("plx_{}", after(&owner.submit("/tokens", "/tokens", &made).await.text, "<p><code>plx_"));
    for word in [token.as_str(), WRONG_TOKEN] {
        let call = owner.client.get(format!("{}/api/v1/findings", owner.base)).bearer_auth(word).send().await;
        assert_eq!(call.expect("an answer").status() == 200, word == token);
    }
    told.push(token);
    let invited =
        owner.submit("/people", "/people", &[("email", "bob@example.org"), ("role", "viewer")]).await;
    let link = after(&invited.text, "<p class=\"shown\"><code>").to_owned();
    told.push(link.rsplit('/').next().expect("a secret").to_owned());
    assert_eq!(owner.get(&link[link.find("/welcome/").expect("a link")..]).await.status, 200);
    digest(&owner).await;
    told
}

async fn digest(owner: &Browser) {
    let form = [("name", "morning"), ("every", ""), ("at", "08:00"), ("zone", "UTC"), ("heartbeat", "1")];
    let digest = owner.submit("/digests", "/digests", &form).await.location;
    let add = [("addresses", "ann@example.org")];
    assert_eq!(owner.submit(&digest, &format!("{digest}/recipients"), &add).await.status, 303);
}

/// Both connections, read with the secrets of the environment, and a digest that is due.
async fn read_and_send(house: &House, folder: &Folder, sink: &Sink) -> Server {
    let address = refusing().await;
    let aws = AwsSpec {
        regions: vec!["eu-west-1".into()],
        endpoint: Some(format!("http://{address}")),
        ..AwsSpec::default()
    };
    let login = RegistryCredentials::Basic {
        username: "planted-user".into(),
        password_variable: "PARALLAX_SECRET_REGISTRY".into(),
    };
    let registry = RegistrySpec { address, plain_http: true, credentials: login, ..RegistrySpec::default() };
    house.connect("aws", &ConnectionSpec::Aws(aws)).await;
    house.connect("registry", &ConnectionSpec::Registry(registry)).await;
    house.behind().await.execute("UPDATE digests SET next_at = now()").await.expect("it is due");
    let worker = Server::start(planted(house, folder, sink.port).arg("worker"));
    let asked = Instant::now();
    let ended = "SELECT count(*) FROM runs WHERE finished_at IS NOT NULL";
    while house.count(ended).await < 2 || sink.came().is_empty() {
        assert!(asked.elapsed() < Duration::from_mins(1), "{:?}", worker.log());
        sleep(Duration::from_millis(100)).await;
    }
    worker
}

#[tokio::test]
async fn no_secret_reaches_the_log() {
    let (house, folder, sink) = (House::new().await, Folder::new(), Sink::start().await);
    let server = Server::start(planted(&house, &folder, sink.port).args(["serve", "--no-worker"]));
    let mut secrets = come_and_go(&server).await;
    let worker = read_and_send(&house, &folder, &sink).await;
    let mut behind = house.behind().await;
    let sealed = behind.fetch_one("SELECT encode(totp_secret, 'hex') AS hex, encode(totp_secret, 'base64') AS base64,
        password_hash, (SELECT min(word) FROM digest_recipients) AS word FROM people WHERE email = 'ann@example.org'").await;
    let sealed = sealed.expect("a person");
    for column in ["hex", "base64", "password_hash", "word"] {
        secrets.push(sealed.get::<String, _>(column).lines().next().expect("a line").to_owned());
    }
    secrets.extend(
        [PASSWORD, WRONG_PASSWORD, DATABASE_PASSWORD, REGISTRY_PASSWORD, SMTP_PASSWORD].map(String::from),
    );
    secrets.extend([AWS_KEY, AWS_SESSION, WRONG_TOKEN, "planted-house-key"].map(String::from));
    let encoded: Vec<_> = secrets.iter().map(|secret| STANDARD.encode(secret)).collect();
    secrets.extend(encoded);
    secrets.push(STANDARD.encode(format!("planted-user:{REGISTRY_PASSWORD}")));
    secrets.push(STANDARD.encode(format!("\0planted-user\0{SMTP_PASSWORD}")));
    let lines = [server.log(), worker.log()].concat();
    for (what, sign) in [
        ("requests", "/welcome/{secret}"),
        ("statements", "INSERT INTO"),
        ("runs", "run ended"),
        ("mails", "digest sent"),
    ] {
        assert!(
            lines.iter().any(|line| line.contains(sign)),
            "the log tells of no {what}: the test would see nothing"
        );
    }
    for line in &lines {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "no JSON: {line}");
        for secret in &secrets {
            assert!(secret.len() >= 8, "{secret:?} is too short to look for");
            assert!(!line.contains(secret.as_str()), "{secret} in {line}");
        }
    }
}
