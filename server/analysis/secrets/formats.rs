//! Looks for known key formats: a keyword prefilter over all of them, then the few that may match.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::checks::Check;
use super::hit;
use crate::model::SecretHit;

mod table;

/// One key format.
pub(super) struct Format {
    /// Its name in evidence.
    pub rule: &'static str,
    /// Words of which one must stand in the text, without regard to case.
    pub keywords: &'static [&'static str],
    /// The pattern; the secret is its first group, or all of it.
    pub pattern: &'static str,
    /// Leading characters that are the same in every key of the format.
    pub shown: usize,
    /// What a match must also satisfy.
    pub check: Check,
}

/// The prefilter: finds keywords, and knows the formats each belongs to.
struct Prefilter {
    keywords: AhoCorasick,
    formats: Vec<usize>,
}

static PREFILTER: LazyLock<Option<Prefilter>> = LazyLock::new(|| {
    let pairs = table::FORMATS
        .iter()
        .enumerate()
        .flat_map(|(place, format)| format.keywords.iter().map(move |keyword| (place, *keyword)));
    let (formats, keywords): (Vec<_>, Vec<_>) = pairs.unzip();
    let keywords = AhoCorasick::builder().ascii_case_insensitive(true).build(keywords).ok()?;
    Some(Prefilter { keywords, formats })
});

static PATTERNS: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| table::FORMATS.iter().map(|_| OnceLock::new()).collect());

fn pattern(place: usize) -> Option<&'static Regex> {
    let cell = PATTERNS.get(place)?;
    cell.get_or_init(|| Regex::new(table::FORMATS[place].pattern).ok()).as_ref()
}

/// The formats one of whose keywords stands in `text`, in the order of the table.
fn candidates(text: &str) -> Vec<usize> {
    let Some(prefilter) = PREFILTER.as_ref() else { return Vec::new() };
    let found = prefilter.keywords.find_overlapping_iter(text);
    let mut places: Vec<_> = found.map(|found| prefilter.formats[found.pattern().as_usize()]).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The first known key in `text`.
pub(super) fn find_first(text: &str) -> Option<SecretHit> {
    find_all(text, 1).pop()
}

/// At most `most` known keys in `text`, the more telling formats first.
pub(super) fn find_all(text: &str, most: usize) -> Vec<SecretHit> {
    let mut hits: Vec<SecretHit> = Vec::new();
    let mut spans: Vec<std::ops::Range<usize>> = Vec::new();
    for place in candidates(text) {
        let format = &table::FORMATS[place];
        let Some(pattern) = pattern(place) else { continue };
        for captures in pattern.captures_iter(text) {
            let Some(secret) = captures.iter().skip(1).flatten().next().or_else(|| captures.get(0)) else {
                continue;
            };
            let span = secret.range();
            let covered = spans.iter().any(|one| one.start < span.end && span.start < one.end);
            if covered || !(format.check)(secret.as_str(), text) {
                continue;
            }
            hits.push(hit(format.rule, secret.as_str(), format.shown));
            spans.push(span);
            if hits.len() >= most {
                return hits;
            }
        }
    }
    hits
}

#[cfg(test)]
pub(super) fn broken() -> Vec<&'static str> {
    (0..table::FORMATS.len())
        .filter(|place| pattern(*place).is_none())
        .map(|place| table::FORMATS[place].rule)
        .collect()
}
