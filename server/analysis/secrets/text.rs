//! Running text: assignments in commands, and objects in JSON values.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::{formats, names};
use crate::model::SecretHit;

/// Deepest level of a JSON value that is looked at.
const DEEPEST: usize = 6;

static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"([A-Za-z][A-Za-z0-9_.-]{2,80})["']?(?:\s*[=:]\s*|\s+)(?:"([^"\n]{4,400})"|'([^'\n]{4,400})'|([^\s;|&"'`]{4,400}))"#,
    )
    .ok()
});

/// Adds what assignments in `text` give away: `ENV DB_PASSWORD=…`, `ARG TOKEN=…`, `--password=…`.
/// A value that a known format already found is not told twice.
pub(super) fn assignments(text: &str, most: usize, hits: &mut Vec<SecretHit>) {
    let Some(pattern) = ASSIGNMENT.as_ref() else { return };
    let mut start = 0;
    while let Some(captures) = pattern.captures_at(text, start) {
        let (Some(whole), Some(name)) = (captures.get(0), captures.get(1)) else { return };
        let quoted = captures.get(2).or_else(|| captures.get(3)).map(|value| value.as_str());
        let bare = captures.get(4).map_or("", |value| bare(value.as_str()));
        let value = quoted.unwrap_or(bare);
        let assigns = assigns(text, name.range());
        if assigns && hits.len() < most && formats::find_first(value).is_none() {
            hits.extend(names::judge(name.as_str(), value));
        }
        // A value may itself begin the next assignment: go on right after a name that assigns nothing.
        start = if assigns { whole.end() } else { name.end() };
    }
}

/// A value without quotes, as far as it is one: without the mark that ends it, and nothing where it
/// is a call in some programming language.
fn bare(value: &str) -> &str {
    if value.contains('(') { "" } else { value.trim_end_matches([',', ')', ']', '}']) }
}

/// Whether the word at `name` assigns what follows: by a sign, or by a bare space after `ENV` and
/// as an option (`ENV DB_PASSWORD value`, `--password value`). A colon assigns after a quoted name
/// alone, since prose has colons too.
fn assigns(text: &str, name: std::ops::Range<usize>) -> bool {
    let (before, after) = (&text[..name.start], &text[name.end..]);
    let bare = after.trim_start_matches(['"', '\'', ' ']);
    let quoted = after.starts_with(['"', '\'']);
    bare.starts_with('=')
        || (quoted && bare.starts_with(':'))
        || before.ends_with("--")
        || before.trim_end().ends_with("ENV")
}

/// The first secret in the members of a JSON object, judged by their own names.
pub(super) fn in_json(value: &str, most: usize) -> Option<SecretHit> {
    if !value.starts_with(['{', '[']) {
        return None;
    }
    let tree: Value = serde_json::from_str(value).ok()?;
    let mut budget = most;
    walk(&tree, "", 0, &mut budget)
}

fn walk(value: &Value, name: &str, depth: usize, budget: &mut usize) -> Option<SecretHit> {
    if depth > DEEPEST || *budget == 0 {
        return None;
    }
    *budget -= 1;
    match value {
        Value::Object(members) => {
            members.iter().find_map(|(name, value)| walk(value, name, depth + 1, budget))
        }
        Value::Array(items) => items.iter().find_map(|value| walk(value, name, depth + 1, budget)),
        Value::String(text) => names::judge(name, text),
        _ => None,
    }
}
