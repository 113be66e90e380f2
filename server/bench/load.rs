//! Asks pages at a steady rate and measures how long answers take, counted from the moment each
//! was due: a server that falls behind cannot hide it by being asked less.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// What came of asking.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// How long each took, sorted.
    pub times: Vec<Duration>,
    /// How many were not good.
    pub failed: usize,
    /// Largest body.
    pub bytes: usize,
}

impl Answers {
    /// The time that `percent` of the answers kept within, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let last = self.times.len().saturating_sub(1);
        let at = (self.times.len() * percent / 100).min(last);
        self.times.get(at).map_or(f64::NAN, Duration::as_secs_f64) * 1_000.0
    }
}

/// Asks `url` `count` times, `rate` a second.
pub async fn ask(client: &reqwest::Client, url: &str, count: u32, rate: u32) -> Answers {
    let (start, gap) = (Instant::now(), Duration::from_secs(1) / rate.max(1));
    let mut asked = JoinSet::new();
    for number in 0..count {
        let (due, client, url) = (start + gap * number, client.clone(), url.to_string());
        asked.spawn(async move {
            sleep_until(due).await;
            let answer = async { client.get(&url).send().await?.error_for_status()?.bytes().await };
            let body = answer.await.map(|body| body.len()).ok();
            (due.elapsed(), body)
        });
    }
    let mut found = Answers::default();
    while let Some(Ok((time, body))) = asked.join_next().await {
        found.times.push(time);
        found.failed += usize::from(body.is_none());
        found.bytes = found.bytes.max(body.unwrap_or_default());
    }
    found.times.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=100).map(Duration::from_millis).collect();
        let found = Answers { times, ..Answers::default() };
        assert!((found.percentile(95) - 96.0).abs() < 0.01);
        assert!(Answers::default().percentile(95).is_nan());
    }
}
