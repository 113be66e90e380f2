//! What functions did lately: CloudWatch, many functions a request.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, StatusCode};

use super::caller::Operation;
use super::region::Reader;
use crate::model::{Activity, Asset, Fact, Facts, Unknown};

pub(super) const DATA: Operation =
    Operation::of("cloudwatch:GetMetricData", "invocations, duration and memory", &[]);
/// How far back, and in how large a step: one number for the whole window would not be aligned.
///
/// The window ends with the last whole day: what is still going on would make every run another version.
const DAYS: i64 = 14;
const STEP_SECONDS: i32 = 86_400;
/// How long after its end a day is measured whole.
const SETTLES_SECONDS: i64 = 3_600;
/// The service's own bound on one request.
const QUERIES: usize = 500;

/// Namespace, metric and statistic of what we ask.
const ASKED: [(&str, &str, &str); 3] = [
    ("AWS/Lambda", "Invocations", "Sum"),
    ("AWS/Lambda", "Duration", "Maximum"),
    ("LambdaInsights", "used_memory_max", "Maximum"),
];

/// What was found of those that were asked about.
enum Found {
    Read(HashMap<String, Activity>),
    Unread(Unknown),
}

/// What functions did, by their name.
pub struct Activities {
    told: HashMap<String, Activity>,
    found: Found,
}

impl Activities {
    /// Of one function.
    pub fn of(&self, name: &str) -> Fact<Activity> {
        match (self.told.get(name), &self.found) {
            (Some(told), _) => Fact::Known(told.clone()),
            (None, Found::Read(all)) => Fact::Known(all.get(name).cloned().unwrap_or_default()),
            (None, Found::Unread(why)) => Fact::Unknown(why.clone()),
        }
    }
}

/// What a function did by what was read of it `before`, where that was of the same days: days that are over
/// do not change any more.
pub fn told(reader: &Reader, before: &Asset) -> Option<(String, Activity)> {
    let Facts::Function(facts) = &before.facts else { return None };
    let same = reader.run.since().is_some_and(|since| settled(since.timestamp()) == Some(window(now())));
    same.then(|| facts.activity.known().cloned().map(|activity| (before.name.clone(), activity)))?
}

/// The last fourteen whole days of these functions; those that `told` names are not asked about.
pub async fn activity(
    reader: &Reader,
    functions: impl Iterator<Item = &str>,
    told: HashMap<String, Activity>,
) -> Activities {
    let names: Vec<String> = functions.filter(|name| !told.contains_key(*name)).map(str::to_owned).collect();
    Activities { found: read(reader, &names).await, told }
}

async fn read(reader: &Reader, names: &[String]) -> Found {
    let client = Client::new(&reader.config);
    let mut found: HashMap<String, Activity> = HashMap::new();
    for chunk in names.chunks(QUERIES / ASKED.len()) {
        match request(reader, &client, chunk).await {
            Fact::Known(values) => {
                for (id, value) in values {
                    note(&mut found, chunk, &id, value);
                }
            }
            Fact::Unknown(why) => return Found::Unread(why),
        }
    }
    Found::Read(found)
}

/// An id is the position of the metric and of the function: `m1x27`.
fn note(found: &mut HashMap<String, Activity>, names: &[String], id: &str, value: f64) {
    let Some((metric, name)) = id.strip_prefix('m').and_then(|id| id.split_once('x')) else { return };
    let Some(name) = name.parse::<usize>().ok().and_then(|at| names.get(at)) else { return };
    let activity = found.entry(name.clone()).or_default();
    match metric {
        "0" => activity.invocations = Some(value),
        "1" => activity.longest_seconds = Some(value / 1000.0),
        _ => activity.peak_memory_mb = Some(value),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a window of metrics ends by the source's clock, not by a verdict's"
)]
fn now() -> i64 {
    DateTime::from(SystemTime::now()).secs()
}

async fn request(reader: &Reader, client: &Client, names: &[String]) -> Fact<Vec<(String, f64)>> {
    let (start, end) = window(now());
    let (start, end) = (DateTime::from_secs(start), DateTime::from_secs(end));
    let read = reader.caller.call(DATA, &reader.region, async {
        let queries = names.iter().enumerate().flat_map(|(at, name)| queries(at, name)).collect();
        let asked =
            client.get_metric_data().start_time(start).end_time(end).set_metric_data_queries(Some(queries));
        let mut pages = asked.into_paginator().send();
        let mut values: HashMap<String, f64> = HashMap::new();
        while let Some(page) = pages.next().await {
            for result in page?.metric_data_results.unwrap_or_default() {
                let sums = result.id().is_some_and(|id| id.starts_with("m0"));
                let points = result.values().iter().copied();
                let Some(id) = result.id() else { continue };
                // Lambda sends no measure of a day without a call: an answer without any is none at all.
                if sums && result.status_code() == Some(&StatusCode::Complete) {
                    values.entry(id.to_owned()).or_insert(0.0);
                }
                for point in points {
                    let held = values.entry(id.to_owned()).or_insert(0.0);
                    *held = if sums { *held + point } else { held.max(point) };
                }
            }
        }
        Ok::<_, aws_sdk_cloudwatch::error::SdkError<_, _>>(values.into_iter().collect())
    });
    read.await.map(Option::unwrap_or_default)
}

/// Start and end, in seconds, of the whole days (UTC) before the moment `now`.
fn window(now: i64) -> (i64, i64) {
    let day = i64::from(STEP_SECONDS);
    let end = now.div_euclid(day) * day;
    (end - DAYS * day, end)
}

/// The days that a reading which began at `began` saw whole. None where the last of them had just ended: what
/// is measured comes in some minutes late.
fn settled(began: i64) -> Option<(i64, i64)> {
    let days = window(began);
    (began - days.1 >= SETTLES_SECONDS).then_some(days)
}

/// The days that functions are told of now, once these are measured whole.
pub fn days() -> Option<(i64, i64)> {
    settled(now())
}

/// One small request, as a test makes it.
pub fn one(
    client: &Client,
) -> impl Future<
    Output = Result<
        aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput,
        aws_sdk_cloudwatch::error::SdkError<
            aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError,
        >,
    >,
> + use<> {
    let end = DateTime::from_secs(now());
    let start = DateTime::from_secs(end.secs() - i64::from(STEP_SECONDS));
    let asked = client.get_metric_data().start_time(start).end_time(end);
    asked.set_metric_data_queries(Some(queries(0, "parallax-test"))).send()
}

fn queries(at: usize, name: &str) -> Vec<MetricDataQuery> {
    ASKED
        .iter()
        .enumerate()
        .map(|(position, (namespace, metric, statistic))| {
            let dimension = if *namespace == "LambdaInsights" { "function_name" } else { "FunctionName" };
            let metric = Metric::builder()
                .namespace(*namespace)
                .metric_name(*metric)
                .dimensions(Dimension::builder().name(dimension).value(name).build())
                .build();
            let stat = MetricStat::builder().metric(metric).period(STEP_SECONDS).stat(*statistic).build();
            MetricDataQuery::builder().id(format!("m{position}x{at}")).metric_stat(stat).build()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_once_a_day() {
        let midnight = 20_780 * 86_400;
        let whole = (midnight - 14 * 86_400, midnight);
        for second in [0, 1, 43_200, 86_399] {
            assert_eq!(window(midnight + second), whole);
        }
        assert_eq!(window(midnight + 86_400), (whole.0 + 86_400, whole.1 + 86_400));
    }
    #[test]
    fn a_day_that_has_just_ended_is_not_settled() {
        let midnight = 20_780 * 86_400;
        assert_eq!(settled(midnight), None);
        assert_eq!(settled(midnight + 3_599), None);
        assert_eq!(settled(midnight + 3_600), Some(window(midnight)));
        assert_ne!(settled(midnight + 3_600), Some(window(midnight + 86_400)));
    }
}
