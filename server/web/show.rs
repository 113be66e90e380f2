//! Words and numbers as people read them.

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::model::Severity;

/// A number with its thousands apart: `1,284`.
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        text.push('−');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its word: `1 function`, `1,284 functions`.
pub fn many(value: i64, one: &str, more: &str) -> String {
    format!("{} {}", number(value), if value == 1 { one } else { more })
}

/// Shares that round to nothing or to everything say so only where they are it.
pub fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "–".into();
    }
    let share = 100.0 * part as f64 / whole as f64;
    match share {
        _ if part > 0 && share < 0.5 => "<1%".into(),
        _ if part < whole && share > 99.5 => ">99%".into(),
        _ => format!("{share:.0}%"),
    }
}

/// A score, or a dash where nothing is known. Rounded down: 100 is only where all is well.
pub fn score(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{:.0}", value.floor()))
}

/// How long ago, in the largest unit that says enough.
pub fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let past = now - at;
    if past < TimeDelta::seconds(45) {
        return "just now".into();
    }
    let (value, unit) = if past < TimeDelta::minutes(90) {
        ((past.num_seconds() + 30) / 60, "minute")
    } else if past < TimeDelta::hours(36) {
        ((past.num_minutes() + 30) / 60, "hour")
    } else {
        (past.num_days(), "day")
    };
    format!("{value} {unit}{} ago", if value == 1 { "" } else { "s" })
}

/// When something to come is: `in 12 min`, or that it is due.
pub fn soon(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    if at <= now { "due".into() } else { format!("in {}", span(at - now)) }
}

/// A span of time: `850 ms`, `12 s`, `3 min`, `6 h`, `2 days`.
pub fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    match seconds {
        ..1 => format!("{} ms", time.num_milliseconds().max(0)),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A moment, to the minute, always UTC.
pub fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A moment as machines read it, for `<time datetime>`.
pub fn machine(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The first letter large.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The severity of a stored rank; none where nothing fails.
pub fn severity_of_rank(rank: i16) -> Option<Severity> {
    usize::try_from(rank).ok().and_then(|rank| Severity::ALL.get(rank).copied())
}

const UNSAFE_IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'&')
    .add(b'+')
    .add(b'%')
    .add(b'=')
    .add(b'?');

/// `path?a=b&c=d` from the pairs that have a value.
pub fn link(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut text = path.to_owned();
    let mut joint = '?';
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(joint);
        text.push_str(name);
        text.push('=');
        text.extend(utf8_percent_encode(value, UNSAFE_IN_QUERY));
        joint = '&';
    }
    text
}

/// An event in a finding's life, as a word before a title.
pub fn event(code: &str) -> &'static str {
    match code {
        "opened" => "Opened",
        "resolved" => "Resolved",
        "reopened" => "Came back",
        "stale" => "Out of sight",
        "seen_again" => "In sight again",
        "accepted" => "Accepted",
        "returned" => "Open again",
        _ => "Changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [number(0), number(999), number(1_284), number(-1_000_000)],
            ["0", "999", "1,284", "−1,000,000"]
        );
        assert_eq!(many(1, "asset", "assets"), "1 asset");
        assert_eq!(
            [percent(0, 10), percent(1, 1000), percent(999, 1000), percent(10, 10)],
            ["0%", "<1%", ">99%", "100%"]
        );
        assert_eq!(percent(0, 0), "–");
        assert_eq!([score(Some(99.9)), score(None)], ["99", "–"]);
    }

    #[test]
    fn time_reads_well() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1000);
        let texts = [3, 60, 3_000, 7_200, 200_000].map(|seconds| ago(now, now - TimeDelta::seconds(seconds)));
        assert_eq!(texts, ["just now", "1 minute ago", "50 minutes ago", "2 hours ago", "2 days ago"]);
        assert_eq!(span(TimeDelta::milliseconds(350)), "350 ms");
        assert_eq!(span(TimeDelta::seconds(600)), "10 min");
        assert_eq!([soon(now, now), soon(now, now + TimeDelta::hours(5))], ["due", "in 5 h"]);
    }

    #[test]
    fn a_link_carries_only_what_is_set() {
        assert_eq!(
            link("/inventory", &[("q", "a&b c"), ("kind", ""), ("state", "gone")]),
            "/inventory?q=a%26b%20c&state=gone"
        );
    }
}
