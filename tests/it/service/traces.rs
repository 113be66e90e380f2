//! Traces reach a collector that speaks OTLP, and say what they may and nothing else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::time::sleep;

use super::server::Server;
use super::{Folder, parallax};
use crate::support::database::House;
use crate::support::people::PASSWORD;

/// What a collector got.
#[derive(Default, Clone)]
struct Got(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

impl Got {
    /// Starts a collector; returns its address too.
    async fn start() -> (Self, String) {
        let got = Self::default();
        let kept = got.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            assert_eq!(headers["x-collector-key"], "of-the-operator", "their headers come along");
            kept.0.lock().expect("kept").push(ExportTraceServiceRequest::decode(body).expect("OTLP"));
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(
            async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await },
        );
        (got, address)
    }

    fn spans(&self) -> Vec<Span> {
        let kept = self.0.lock().expect("kept");
        let all = kept.iter().flat_map(|one| &one.resource_spans).flat_map(|one| &one.scope_spans);
        all.flat_map(|one| one.spans.clone()).collect()
    }
}

#[tokio::test]
async fn a_collector_gets_requests_runs_and_transactions_and_no_secret() {
    let ((got, collector), house, folder) = (Got::start().await, House::new().await, Folder::new());
    house.connect("zinnia", &super::nowhere()).await;
    let mut server = Server::start(
        parallax(Some(&house.url), &folder.0)
            .arg("serve")
            .env("PARALLAX_LISTEN", "127.0.0.1:0")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key=of-the-operator"),
    );
    let owner = server.owner("ann@zinnia.example").await;
    let link = server.printed("/welcome/").await;
    assert_eq!(owner.get("/inventory?q=zinnia").await.status, 200);
    let asked = Instant::now();
    while house.count("SELECT count(*) FROM runs WHERE finished_at IS NOT NULL").await == 0 {
        assert!(asked.elapsed() < Duration::from_secs(30), "no run ended");
        sleep(Duration::from_millis(100)).await;
    }
    server.signal(Signal::SIGINT);
    assert!(server.child.wait().await.expect("ends").success());

    let spans = got.spans();
    let named = |name: &str| {
        let names = || spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} among {:?}", names()))
    };
    let (page, run) = (named("GET /inventory"), named("run"));
    named("POST /welcome/{secret}");
    let inside = |outer: &Span| {
        spans.iter().any(|span| span.name == "transaction" && span.parent_span_id == outer.span_id)
    };
    assert!(inside(page) && inside(run), "each has its transactions");
    assert!(page.end_time_unix_nano > page.start_time_unix_nano);
    let told = format!("{:?}", got.0.lock().expect("kept"));
    assert!(told.contains("http.response.status_code") && told.contains("\"parallax\""), "{told}");
    for private in ["zinnia", link.as_str(), PASSWORD, "of-the-operator", &house.tenant.to_string()] {
        assert!(!told.contains(private), "{private} is in a trace");
    }
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let (house, folder) = (House::new().await, Folder::new());
    let mut server = Server::start(
        parallax(Some(&house.url), &folder.0)
            .args(["serve", "--no-worker"])
            .env("PARALLAX_LISTEN", "127.0.0.1:0")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
    );
    let browser = server.browser().await;
    assert_eq!(browser.get("/login").await.status, 200);
    let asked = Instant::now();
    server.signal(Signal::SIGINT);
    assert!(server.child.wait().await.expect("ends").success());
    assert!(asked.elapsed() < Duration::from_secs(8), "it took {:?}", asked.elapsed());
}
