//! Told to stop: it says so first, ends what it began, and hands the rest to others.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::server::Server;
use super::slow::SlowRegistry;
use super::{Folder, parallax};
use crate::support::database::House;

fn serve(house: &House, folder: &Folder) -> Server {
    let listen = ("PARALLAX_LISTEN", "127.0.0.1:0");
    Server::start(parallax(Some(&house.url), &folder.0).arg("serve").env(listen.0, listen.1))
}

#[tokio::test]
async fn a_server_says_that_it_goes_ends_its_answers_and_hands_its_runs_back() {
    let registry = SlowRegistry::start(2_000).await;
    let (house, folder) = (House::new().await, Folder::new());
    house.connect("slow", &registry.spec()).await;
    let mut server = serve(&house, &folder);
    let owner = server.owner("ann@example.org").await;
    let working = "SELECT count(*) FROM runs WHERE state = 'running' AND assets_seen > 0";
    let asked = Instant::now();
    while house.count(working).await == 0 {
        assert!(asked.elapsed() < Duration::from_secs(40), "no run began");
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(owner.get("/readyz").await.status, 200);
    // A form whose second half comes after the server is told to stop.
    let mut slow = TcpStream::connect(owner.base.trim_start_matches("http://")).await.expect("connects");
    let head = "POST /login HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n\
        content-type: application/x-www-form-urlencoded\r\ncontent-length: 6\r\n\r\ncsrf";
    slow.write_all(head.as_bytes()).await.expect("writes");
    sleep(Duration::from_millis(100)).await;

    server.signal(Signal::SIGTERM);
    let told = Instant::now();
    sleep(Duration::from_millis(300)).await;
    let ready = owner.get("/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "stopping\n"), "first it says that it goes");
    assert_eq!(owner.get("/findings").await.status, 200, "and still answers");
    while house.count("SELECT count(*) FROM runs WHERE state = 'queued' AND attempts = 0").await == 0 {
        assert!(told.elapsed() < Duration::from_secs(3), "its run is not handed back");
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(4).saturating_sub(told.elapsed())).await;
    let address = owner.base.trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&address).await.is_err(), "nobody is let in any more");
    slow.write_all(b"=x").await.expect("writes");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("out of date"), "{answer}");
    assert!(server.child.wait().await.expect("ends").success());
    assert!(told.elapsed() < Duration::from_secs(8), "it took {:?}", told.elapsed());
}

#[tokio::test]
async fn ctrl_c_waits_for_nobody() {
    let (house, folder) = (House::new().await, Folder::new());
    let mut server = serve(&house, &folder);
    server.base().await;
    let asked = Instant::now();
    server.signal(Signal::SIGINT);
    assert!(server.child.wait().await.expect("ends").success());
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

/// What hyper and our own door refuse, on a real socket.
#[tokio::test]
async fn what_is_too_long_is_refused_and_who_is_silent_is_let_go() {
    let (house, folder) = (House::new().await, Folder::new());
    let server = serve(&house, &folder);
    let address = server.base().await.trim_start_matches("http://").to_owned();
    let say = async |text: String| {
        let mut stream = TcpStream::connect(&address).await.expect("connects");
        stream.write_all(text.as_bytes()).await.expect("writes");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("ends in good order");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let end = "connection: close\r\n\r\n";
    let start = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n";
    for (letters, status) in [(8 * 1024, "200"), (8 * 1024 + 1, "414")] {
        let path = format!("/healthz?{}", "a".repeat(letters - "/healthz?".len()));
        let said = say(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{end}")).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{letters} letters: {said}");
    }
    // Cut off at just the length that is refused: what was left unread would break the connection off,
    // and the answer with it.
    let head = |length: usize| format!("{start}x: {}", "a".repeat(length - start.len() - "x: ".len()));
    let refused = say(head(32 * 1024)).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    let taken = say(format!("{}\r\n{end}", head(30 * 1024))).await;
    assert!(taken.starts_with("HTTP/1.1 200"), "{taken}");
    for (count, status) in [(90, "200"), (120, "431")] {
        let said = say(format!("{start}{}{end}", "x-many: a\r\n".repeat(count))).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{count} headers: {said}");
    }
    let silent = Instant::now();
    let cut = say("GET / HTTP/1.1\r\nhost: local".to_owned()).await;
    assert!(cut.is_empty() || cut.starts_with("HTTP/1.1 408"), "{cut}");
    let waited = silent.elapsed();
    assert!((25..40).contains(&waited.as_secs()), "it waited {waited:?}");
}
