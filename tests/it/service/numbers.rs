//! What a process tells of itself: the numbers, the ids of requests, and nothing of any tenant.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::server::Server;
use super::{Folder, parallax};
use crate::support::database::House;

async fn told(address: &str) -> String {
    reqwest::get(address).await.expect("an answer").text().await.expect("text")
}

#[tokio::test]
async fn the_numbers_tell_of_the_work_and_of_no_tenant() {
    let (house, folder) = (House::new().await, Folder::new());
    house.connect("zinnia", &super::nowhere()).await;
    let server = Server::start(
        parallax(Some(&house.url), &folder.0)
            .arg("serve")
            .env("PARALLAX_LISTEN", "127.0.0.1:0")
            .env("PARALLAX_METRICS_LISTEN", "127.0.0.1:0"),
    );
    let owner = server.owner("ann@zinnia.example").await;
    let numbers = server.printed("Numbers for Prometheus are on ").await;
    let finding = "0192f0c1-0000-7000-8000-00000000dead";
    assert_eq!(owner.get(&format!("/findings/{finding}?q=zinnia")).await.status, 404);
    assert_eq!(owner.get("/zinnia").await.status, 404);
    assert_eq!(owner.get("/metrics").await.status, 404, "the pages' address does not tell them");
    let mut text = told(&numbers).await;
    for _ in 0..100 {
        if text.contains("parallax_runs_ended_total{source=\"registry\"") {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        text = told(&numbers).await;
    }
    for line in [
        "parallax_requests_total{method=\"GET\",route=\"/findings/{id}\",status=\"404\"} 1",
        "parallax_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 2",
        "parallax_request_seconds_count{method=\"GET\",route=\"/findings/{id}\"} 1",
        "parallax_requests_total{method=\"POST\",route=\"/welcome/{secret}\",status=\"303\"} 1",
        "parallax_runs_ended_total{source=\"registry\",state=\"failed\"} 1",
        "parallax_run_seconds_count{source=\"registry\"} 1",
        "parallax_gaps_total{source=\"registry\"} ",
        "parallax_runs_under_way{state=\"waiting\"} 0",
        "parallax_oldest_waiting_run_seconds 0.0",
        "parallax_database_up 1",
        "parallax_database_connections{state=\"idle\"} ",
        "process_resident_memory_bytes ",
        "parallax_build_info{version=\"",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    let secret = server.printed("/welcome/").await;
    for private in ["zinnia", finding, "127.0.0.1", &house.tenant.to_string(), &secret] {
        assert!(!text.contains(private), "{private} is told:\n{text}");
    }
    without_its_database(&house, &numbers).await;
}

async fn without_its_database(house: &House, numbers: &str) {
    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    house
        .alter(|name| {
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        })
        .await;
    let text = told(numbers).await;
    assert!(text.contains("parallax_database_up 0"), "without its database it still tells:\n{text}");
    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
}

#[tokio::test]
async fn a_worker_tells_its_numbers_too() {
    let (house, folder) = (House::new().await, Folder::new());
    let worker = Server::start(
        parallax(Some(&house.url), &folder.0).arg("worker").env("PARALLAX_METRICS_LISTEN", "127.0.0.1:0"),
    );
    let numbers = worker.printed("Numbers for Prometheus are on ").await;
    assert!(told(&numbers).await.ends_with("# EOF\n"));
    assert_eq!(told(&numbers.replace("/metrics", "/readyz")).await, "ready\n");
}

#[tokio::test]
async fn an_answer_names_its_request_and_so_does_each_line_of_the_log() {
    let (house, folder) = (House::new().await, Folder::new());
    let start = |proxy: &str| {
        Server::start(
            parallax(Some(&house.url), &folder.0)
                .args(["serve", "--no-worker"])
                .env("PARALLAX_LISTEN", "127.0.0.1:0")
                .env("PARALLAX_PROXY", proxy)
                .env("PARALLAX_PUBLIC_URL", "https://posture.example.org")
                .env("PARALLAX_LOG", "debug")
                .env("PARALLAX_LOG_FORMAT", "json"),
        )
    };
    let ask = async |server: &Server, path: &str| {
        let browser = server.browser().await;
        let request =
            browser.client.get(format!("{}{path}", browser.base)).header("x-request-id", "from-outside");
        let answer = request.send().await.expect("an answer");
        let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        (id, answer.status().as_u16(), answer.text().await.expect("text"))
    };
    let (alone, behind) = (start("no"), start("yes"));
    let (id, ..) = ask(&alone, "/login").await;
    assert!(id.len() == 32 && id != ask(&alone, "/login").await.0, "a stranger names nothing: {id}");
    assert_eq!(ask(&behind, "/login").await.0, "from-outside", "the proxy in front is believed");
    let lines = alone.log();
    let of = |line: &Value, id: &str| {
        line["spans"].as_array().is_some_and(|all| all.iter().any(|span| span["request_id"] == id))
    };
    let read =
        |line: &String| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    let lines: Vec<Value> = lines.iter().map(read).collect();
    let said: Vec<_> = lines.iter().filter(|line| of(line, &id)).collect();
    assert!(said.iter().any(|line| line["fields"]["message"] == "answered"), "{lines:?}");

    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    house
        .alter(|name| {
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        })
        .await;
    let (_, status, page) = ask(&behind, "/welcome/none").await;
    house.alter(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    assert!(status == 503 && page.contains("from-outside"), "{status} {page}");
    let told = behind.log().iter().map(read).any(|line| line["level"] == "WARN" && of(&line, "from-outside"));
    assert!(told, "the log has the cause under the id that is on the page");
}
