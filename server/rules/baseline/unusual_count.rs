//! BAS-01.

use chrono::{DateTime, Utc};

use super::{Context, control, known};
use crate::model::{Outcome, Platform, RepositoryFacts};

control! {
    /// Its activity has left the band learned from its own past.
    ///
    /// ## Why it matters
    /// Nobody knows the right number of pushes or instances, but everyone's past has a shape. Ten pushes in a
    /// night on a repository that sees one a week is worth a look, whatever the reason.
    ///
    /// ## What to do
    /// Look at who pushed and from where; a release crunch explains itself. The band follows by itself when
    /// the new pace stays.
    pub UNUSUAL_COUNT
    code: "BAS-01", area: Baseline, severity: Medium, since: "0.1.0",
    frameworks: [Nist80019("4.4")],
    function: not_yet("the number of functions is learned for each account and not kept on single functions"),
    repository: check(repository),
    image: absent("an image is made once; its repository's pace is learned"),
    workload: not_yet("counts of tasks and replicas come with the ECS and Kubernetes collectors"),
    cluster: not_yet("counts of tasks and replicas come with the ECS and Kubernetes collectors"),
    host: not_yet("counts of containers come with the Docker collector"),

    unknown repository "too short a history" => r#"{ "pushes": ["2026-10-30T10:00:00Z", "2026-11-01T10:00:00Z"] }"#,
    unknown repository "not read" => r#"{ "pushes": { "unknown": "ecr:DescribeImages denied", "permission": "ecr:DescribeImages" } }"#,
    not_yet repository on Oci "no dates" => "{}",
    not_yet repository on Acr "pushes not read" => "{}",
    pass repository "one a week" => r#"{ "pushes": ["2026-09-01T10:00:00Z", "2026-09-08T10:00:00Z", "2026-09-15T10:00:00Z", "2026-09-22T10:00:00Z", "2026-09-29T10:00:00Z", "2026-10-06T10:00:00Z", "2026-10-13T10:00:00Z", "2026-10-20T10:00:00Z", "2026-10-27T10:00:00Z", "2026-11-01T10:00:00Z"] }"#,
    pass repository "eight each week" => r#"{ "pushes": ["2026-10-11T01:00:00Z", "2026-10-11T01:10:00Z", "2026-10-11T01:20:00Z", "2026-10-11T01:30:00Z", "2026-10-11T01:40:00Z", "2026-10-11T01:50:00Z", "2026-10-11T02:00:00Z", "2026-10-11T02:10:00Z", "2026-10-18T01:00:00Z", "2026-10-18T01:10:00Z", "2026-10-18T01:20:00Z", "2026-10-18T01:30:00Z", "2026-10-18T01:40:00Z", "2026-10-18T01:50:00Z", "2026-10-18T02:00:00Z", "2026-10-18T02:10:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:10:00Z", "2026-10-25T01:20:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:40:00Z", "2026-10-25T01:50:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:10:00Z", "2026-11-01T01:00:00Z", "2026-11-01T01:10:00Z", "2026-11-01T01:20:00Z", "2026-11-01T01:30:00Z", "2026-11-01T01:40:00Z", "2026-11-01T01:50:00Z", "2026-11-01T02:00:00Z", "2026-11-01T02:10:00Z"] }"#,
    fail repository "nine in a night" => r#"{ "pushes": ["2026-09-01T10:00:00Z", "2026-09-08T10:00:00Z", "2026-09-15T10:00:00Z", "2026-09-22T10:00:00Z", "2026-09-29T10:00:00Z", "2026-10-06T10:00:00Z", "2026-10-13T10:00:00Z", "2026-10-20T10:00:00Z", "2026-10-27T10:00:00Z", "2026-11-01T01:00:00Z", "2026-11-01T01:10:00Z", "2026-11-01T01:20:00Z", "2026-11-01T01:30:00Z", "2026-11-01T01:40:00Z", "2026-11-01T01:50:00Z", "2026-11-01T02:00:00Z", "2026-11-01T02:10:00Z", "2026-11-01T02:20:00Z"] }"#,
}

/// Days of history that are looked at.
const MOST_DAYS: usize = 56;
/// Days of history without which nothing is learned.
const LEAST_DAYS: usize = 14;
/// Pushes in that history without which nothing is learned.
const LEAST_PUSHES: u32 = 8;
/// How many deviations wide the band is on each side.
const WIDTH: f64 = 6.0;
/// A median deviation times this is the standard deviation of a bell curve.
const TO_SIGMA: f64 = 1.4826;

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if facts.pushes.is_not_read() {
        match context.platform() {
            Platform::Oci => {
                return Outcome::not_yet("the distribution API does not tell when images were pushed");
            }
            Platform::Acr => return Outcome::not_yet("pushes to Azure registries are not read yet"),
            _ => {}
        }
    }
    let pushes = known!(facts.pushes);
    let (counts, days) = by_day(pushes, context.now);
    let history = &counts[1..=days];
    if days < LEAST_DAYS || history.iter().sum::<u32>() < LEAST_PUSHES {
        return Outcome::unknown("its history is too short to learn from").because("days", days);
    }
    let middle = median(history.iter().copied());
    let deviation = median(history.iter().map(|count| count.abs_diff(middle)));
    let spread = WIDTH * (TO_SIGMA * f64::from(deviation)).max(1.0);
    let (least, most) = same_weekday(history);
    let low = (f64::from(middle) - spread).max(0.0).min(f64::from(least));
    let high = (f64::from(middle) + spread).max(f64::from(most));
    let today = f64::from(counts[0]);
    let outcome = if today > high {
        Outcome::fail("more was pushed in the last day than its past explains")
    } else if today < low {
        Outcome::fail("less was pushed in the last day than its past explains")
    } else {
        Outcome::pass("pushes stay within their learned band")
    };
    outcome.because("last_day", counts[0]).because("band", format_args!("{low:.0} to {high:.0} a day"))
}

/// The least and the most that came twice on this day of the week, so that who releases once a week, or rests
/// at its end, stands out neither way.
fn same_weekday(history: &[u32]) -> (u32, u32) {
    let mut counts: Vec<u32> = history.iter().skip(6).step_by(7).copied().collect();
    counts.sort_unstable();
    match counts.as_slice() {
        [_, least, ..] => (*least, counts.iter().rev().nth(1).copied().unwrap_or_default()),
        _ => (u32::MAX, 0),
    }
}

/// Pushes by day before `now`, the last day first, and how many full days of history there are.
fn by_day(pushes: &[DateTime<Utc>], now: DateTime<Utc>) -> ([u32; MOST_DAYS + 1], usize) {
    let mut counts = [0; MOST_DAYS + 1];
    let mut oldest = 0;
    for push in pushes {
        let Ok(days) = usize::try_from((now - *push).num_days()) else { continue };
        oldest = oldest.max(days);
        if let Some(count) = counts.get_mut(days) {
            *count += 1;
        }
    }
    (counts, oldest.min(MOST_DAYS))
}

/// The lower median of at most [`MOST_DAYS`] values.
fn median(values: impl Iterator<Item = u32>) -> u32 {
    let mut sorted = [u32::MAX; MOST_DAYS];
    let mut length = 0;
    for (place, value) in sorted.iter_mut().zip(values) {
        *place = value;
        length += 1;
    }
    sorted.sort_unstable();
    sorted.get(length.max(1) / 2).copied().filter(|_| length > 0).unwrap_or(0)
}
