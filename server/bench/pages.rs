//! Every page of the dashboard over a large estate, at a steady rate.

use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::process::{Child, Command};

use super::ground::Ground;
use super::load::ask;
use super::report::{Figure, Report};
use super::{BenchError, crawl};
use crate::demo::{SampleCloud, Shape};

const RATE: u32 = 20;
/// Requests for each page; the first tenth warms up and is not counted.
const COUNT: u32 = 100;
/// Wanted at most for the 95th of a hundred answers, in milliseconds.
const AT_MOST: f64 = 50.0;

/// Measures with about `assets` assets.
pub async fn measure(assets: u32, clock: fn() -> DateTime<Utc>) -> Result<Report, BenchError> {
    let ground = Ground::new(clock).await?;
    {
        let cloud = SampleCloud::start(Shape { assets, throttle_every: 0, ..Shape::default() }).await?;
        eprintln!("• filling a database with about {assets} assets");
        ground.pass(&cloud.connections()).await?;
        cloud.next_day();
        ground.pass(&cloud.connections()).await?;
    }
    let (mut server, base) = serve(ground.url()).await?;
    let measured = every_page(&base).await;
    server.kill().await?;
    ground.stop().await?;
    Ok(Report::new("pages", format!("./dev bench pages --assets {assets}"), measured?))
}

async fn every_page(base: &str) -> Result<Vec<Figure>, BenchError> {
    let client = reqwest::Client::new();
    let mut figures = Vec::new();
    for (shape, path) in crawl::pages(&client, base).await? {
        eprintln!("• {shape}");
        let url = format!("{base}{path}");
        ask(&client, &url, COUNT / 10, RATE).await;
        let answers = ask(&client, &url, COUNT, RATE).await;
        if answers.failed > 0 {
            return Err(BenchError::Setup(format!(
                "{path}: {} of {COUNT} answers were not good",
                answers.failed
            )));
        }
        let name = format!("{shape} ({} KB)", answers.bytes / 1_024);
        figures.push(Figure::bound(name, answers.percentile(95), "ms", AT_MOST));
    }
    Ok(figures)
}

/// Starts the service over the database at `url`, in a process of its own.
pub async fn serve(url: &str) -> Result<(Child, String), BenchError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(listener);
    let server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .env("PARALLAX_LISTEN", address.to_string())
        .env("PARALLAX_DATABASE_URL", url)
        .env("PARALLAX_LOGIN", "off")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let base = format!("http://{address}");
    for _ in 0..200 {
        if reqwest::get(&base).await.is_ok() {
            return Ok((server, base));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(BenchError::Setup("the service did not answer within 20 seconds".into()))
}
