//! The API and the digest over a million findings and more: lists at a steady rate, the export with
//! the server's memory watched, what a digest takes to read.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::ground::Ground;
use super::load::ask;
use super::report::{Figure, Report};
use super::{BenchError, pages, usage};
use crate::pipeline::digest;
use crate::store::bulk::Bulk;

const RATE: u32 = 20;
const COUNT: u32 = 100;
/// Wanted at most for the 95th of a hundred lists, in milliseconds.
const AT_MOST: f64 = 30.0;
/// Wanted at most for reading a digest, in seconds.
const DIGEST_AT_MOST: f64 = 5.0;
/// Memory the server may grow by while a million rows leave it, in MB.
const GROWTH_AT_MOST: f64 = 32.0;

const LISTS: &[(&str, &str)] = &[
    ("findings, the most urgent", "findings"),
    ("findings, 500 a page", "findings?limit=500"),
    ("findings of one severity", "findings?severity=critical"),
    ("findings of one family and area", "findings?family=container&area=HST"),
    ("findings of one control", "findings?control=HST-04"),
    ("findings of one connection", "findings?connection=c0000000-0000-4000-8000-000000000007"),
    ("findings of one asset", "findings?asset=a0000000-0000-4000-8000-000000000007"),
    ("resolved findings", "findings?state=resolved"),
    ("findings as they changed", "findings?order=changed"),
    ("assets", "assets"),
    ("assets of one kind", "assets?kind=image"),
    ("connections", "connections"),
    ("the comparison", "comparison"),
    ("scores of a month", "scores?days=30"),
    ("the record of changes", "audit"),
];

/// Measures with about `assets` assets of 15 findings each in 500 connections.
pub async fn measure(assets: u32, clock: fn() -> DateTime<Utc>) -> Result<Report, BenchError> {
    let size =
        Bulk { connections: 500, assets: i32::try_from(assets).unwrap_or(i32::MAX), findings_each: 15 };
    let ground = Ground::new(clock).await?;
    let measured = over(&ground, size, clock).await;
    ground.stop().await?;
    Ok(Report::new("api", format!("./dev bench api --assets {assets}"), measured?))
}

async fn over(ground: &Ground, size: Bulk, clock: fn() -> DateTime<Utc>) -> Result<Vec<Figure>, BenchError> {
    let findings = i64::from(size.assets) * i64::from(size.findings_each);
    eprintln!("• writing {findings} findings");
    ground.fill(size).await?;
    let mut figures = vec![Figure::told("findings", findings as f64, "")];
    figures.push(read_digest(ground, clock()).await?);
    let token = ground.token().await?;
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    headers.insert(AUTHORIZATION, value.map_err(|fault| BenchError::Setup(fault.to_string()))?);
    let client = reqwest::Client::builder().default_headers(headers).build()?;
    let (mut server, base) = pages::serve(ground.url()).await?;
    ask(&client, &format!("{base}/healthz"), COUNT / 10, RATE).await;
    let floor = ask(&client, &format!("{base}/healthz"), COUNT, RATE).await;
    figures.push(Figure::told("floor: an answer without the database, p95", floor.percentile(95), "ms"));
    for (name, path) in LISTS {
        eprintln!("• {name}");
        let url = format!("{base}/api/v1/{path}");
        ask(&client, &url, COUNT / 10, RATE).await;
        let answers = ask(&client, &url, COUNT, RATE).await;
        if answers.failed > 0 {
            return Err(BenchError::Setup(format!("{path}: {} answers were not good", answers.failed)));
        }
        figures.push(Figure::bound(format!("{name}, p95"), answers.percentile(95), "ms", AT_MOST));
    }
    let process = server.id().unwrap_or_default();
    figures.extend(export(&client, &base, process).await?);
    server.kill().await?;
    Ok(figures)
}

async fn read_digest(ground: &Ground, now: DateTime<Utc>) -> Result<Figure, BenchError> {
    let mut tx = ground.begin().await?;
    let started = Instant::now();
    let told = digest::read(&mut tx, now - TimeDelta::days(7), now).await?;
    let seconds = started.elapsed().as_secs_f64();
    if told.alarm_count == 0 || told.unseen_count == 0 {
        return Err(BenchError::Setup("the digest had nothing to tell".into()));
    }
    Ok(Figure::bound("reading a week's digest", seconds, "s", DIGEST_AT_MOST))
}

async fn export(client: &reqwest::Client, base: &str, process: u32) -> Result<Vec<Figure>, BenchError> {
    eprintln!("• the export");
    let before = usage::held_mb(process);
    let started = Instant::now();
    let answer = client.get(format!("{base}/api/v1/findings/export")).send().await?.error_for_status()?;
    let mut body = answer.bytes_stream();
    let (mut lines, mut bytes) = (0_usize, 0_usize);
    let mut most = before;
    while let Some(part) = body.next().await {
        let part = part?;
        lines += part.split(|byte| *byte == b'\n').count() - 1;
        bytes += part.len();
        most = most.max(usage::held_mb(process));
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(vec![
        Figure::told("export: rows", lines as f64, ""),
        Figure::told("export: size", bytes as f64 / 1_048_576.0, "MB"),
        Figure::told("export: rows a second", lines as f64 / seconds, ""),
        Figure::told("memory of the server before", before, "MB"),
        Figure::bound("memory it grew by meanwhile", most - before, "MB", GROWTH_AT_MOST),
    ])
}
