//! From the sample cloud to stored findings, and again a day later.

use chrono::{DateTime, Utc};

use super::ground::{Ground, Pass};
use super::report::{Figure, Report};
use super::{BenchError, usage};
use crate::demo::{SampleCloud, Shape};

/// Wanted at most for the first pass at 100,000 assets, in seconds.
const AT_MOST: f64 = 180.0;
/// The second pass is to take at most this share of the first.
const SHARE: f64 = 0.1;
/// At this size one request in so many is turned away; oftener would measure waiting.
const THROTTLE_EVERY: u64 = 50_000;

/// Measures with about `assets` assets.
pub async fn measure(assets: u32, clock: fn() -> DateTime<Utc>) -> Result<Report, BenchError> {
    let shape = Shape {
        assets,
        changed_percent: 1.0,
        throttle_every: THROTTLE_EVERY,
        allows_all: true,
        ..Shape::default()
    };
    let cloud = SampleCloud::start(shape).await?;
    let ground = Ground::new(clock).await?;
    eprintln!("• first pass over about {assets} assets");
    let first = ground.pass(&cloud.connections()).await?;
    let requests = cloud.requests();
    cloud.next_day(clock());
    eprintln!("• second pass");
    let second = ground.pass(&cloud.connections()).await?;
    let again = cloud.requests() - requests;
    eprintln!("• accepting the findings of one control");
    let (accepted, accepting) = ground.accept_most().await?;
    ground.stop().await?;
    let mut figures = told("first pass", first);
    figures.push(Figure::told("first pass: requests", requests as f64, "calls"));
    figures.push(Figure::bound("first pass", first.seconds, "s", AT_MOST));
    figures.extend(told("second pass", second));
    figures.push(Figure::told("second pass: requests", again as f64, "calls"));
    figures.push(Figure::bound("second pass", second.seconds, "s", first.seconds * SHARE));
    let most = first.seen as f64 * 0.02;
    figures.push(Figure::bound("second pass: assets written", second.changed as f64, "", most));
    figures.push(Figure::told("findings accepted by one exception", accepted as f64, ""));
    figures.push(Figure::told("accepting them", accepting, "s"));
    figures.push(Figure::told("peak memory, the sample cloud's included", usage::peak_mb(), "MB"));
    Ok(Report::new("estate", format!("./dev bench estate --assets {assets}"), figures))
}

fn told(name: &str, pass: Pass) -> Vec<Figure> {
    vec![
        Figure::told(format!("{name}: assets seen"), pass.seen as f64, ""),
        Figure::told(format!("{name}: assets new or changed"), pass.changed as f64, ""),
        Figure::told(format!("{name}: gaps"), pass.gaps as f64, ""),
    ]
}
