//! Every page of the dashboard over a large estate, at a steady rate: as an owner who is logged in,
//! and the pages of logging in as somebody who is not.

use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{COOKIE, HeaderMap, HeaderValue};
use tokio::process::{Child, Command};

use super::ground::Ground;
use super::load::ask;
use super::report::{Figure, Report};
use super::{BenchError, crawl};
use crate::demo::{SampleCloud, Shape};

const RATE: u32 = 20;
/// Requests for each page; the first tenth warms up and is not counted.
const COUNT: u32 = 100;
/// A walk that finds fewer pages has not got in.
const FEWEST: usize = 20;
/// Wanted at most for the 95th of a hundred answers, in milliseconds.
const AT_MOST: f64 = 50.0;

/// Measures with about `assets` assets.
pub async fn measure(assets: u32, clock: fn() -> DateTime<Utc>) -> Result<Report, BenchError> {
    let ground = Ground::new(clock).await?;
    {
        let cloud = SampleCloud::start(Shape { assets, throttle_every: 0, ..Shape::default() }).await?;
        eprintln!("• filling a database with about {assets} assets");
        ground.pass(&cloud.connections()).await?;
        cloud.next_day(clock());
        ground.pass(&cloud.connections()).await?;
    }
    let cookie = ground.cookie().await?;
    let (mut server, base) = serve(ground.url()).await?;
    let measured = every_page(&base, &cookie).await;
    server.kill().await?;
    ground.stop().await?;
    Ok(Report::new("pages", format!("./dev bench pages --assets {assets}"), measured?))
}

async fn every_page(base: &str, cookie: &str) -> Result<Vec<Figure>, BenchError> {
    let outside = reqwest::Client::new();
    let floor = timed(&outside, "floor: an answer without the database", &format!("{base}/healthz")).await?;
    let mut figures = vec![Figure::told(floor.0, floor.1, "ms")];
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(cookie);
    headers.insert(COOKIE, value.map_err(|fault| BenchError::Setup(fault.to_string()))?);
    let owner = reqwest::Client::builder().default_headers(headers).build()?;
    let mut pages = crawl::pages(&owner, base).await?;
    if pages.len() < FEWEST {
        return Err(BenchError::Setup(format!("only {} pages were found", pages.len())));
    }
    let asked = timed(&outside, "/login, logged out", &format!("{base}/login")).await?;
    figures.push(Figure::bound(asked.0, asked.1, "ms", AT_MOST));
    pages.remove("/login");
    for (shape, path) in pages {
        let asked = timed(&owner, &shape, &format!("{base}{path}")).await?;
        figures.push(Figure::bound(asked.0, asked.1, "ms", AT_MOST));
    }
    Ok(figures)
}

/// A name with the size of the answer, and the 95th of a hundred times in milliseconds.
async fn timed(client: &reqwest::Client, name: &str, url: &str) -> Result<(String, f64), BenchError> {
    eprintln!("• {name}");
    ask(client, url, COUNT / 10, RATE).await;
    let answers = ask(client, url, COUNT, RATE).await;
    if answers.failed > 0 {
        return Err(BenchError::Setup(format!("{url}: {} of {COUNT} answers were not good", answers.failed)));
    }
    Ok((format!("{name} ({} KB)", answers.bytes / 1_024), answers.percentile(95)))
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
