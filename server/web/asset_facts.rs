//! Facts as people read them: grouped, named, with units, and unknown ones with what would help.
//!
//! Works on the stored JSON, so that an asset an older version wrote still shows.

use serde_json::{Map, Value};

/// A fact as a page shows it.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// One line.
    Text(String),
    /// Several lines.
    Lines(Vec<String>),
    /// Not known: why, and the permission that would help.
    Unknown(String, Option<String>),
}

/// A named fact.
#[derive(Debug)]
pub struct NamedFact {
    /// Its name for people.
    pub name: String,
    /// Its value.
    pub shown: Shown,
}

/// Facts that belong together.
#[derive(Debug)]
pub struct Group {
    /// What they are about.
    pub title: &'static str,
    /// The facts.
    pub facts: Vec<NamedFact>,
}

const GROUPS: &[(&str, &[&str])] = &[
    (
        "Code",
        &[
            "runtime",
            "host_version",
            "package",
            "image_user",
            "architectures",
            "layers",
            "code",
            "code_signing",
            "runtime_updates",
            "code_changes",
        ],
    ),
    (
        "Image",
        &[
            "repository",
            "image_tags",
            "base",
            "user",
            "exposed_ports",
            "healthcheck",
            "size_bytes",
            "created",
            "pushed_at",
            "scan",
            "signed",
            "history_secrets",
        ],
    ),
    ("Identity", &["identity", "shared_identity"]),
    (
        "Who can reach it",
        &[
            "access",
            "invoke_policy",
            "public_network",
            "deployment_network",
            "vpc",
            "endpoints",
            "triggers",
            "platform_authentication",
            "open_paths",
            "latest_aliases",
            "cors",
            "https_only",
            "min_tls",
            "client_certificate",
            "open_api",
            "tls",
            "admin_user",
        ],
    ),
    ("Variables", &["environment", "environment_key"]),
    (
        "Limits and use",
        &[
            "memory_mb",
            "timeout_seconds",
            "scratch_mb",
            "scale",
            "plan",
            "async_failure",
            "recursion",
            "activity",
        ],
    ),
    (
        "Registry",
        &[
            "scanning",
            "tag_mutability",
            "tag_moves",
            "lifecycle",
            "encryption",
            "quarantine",
            "content_trust",
            "replicas",
            "image_count",
            "pushes",
        ],
    ),
    (
        "Running it",
        &[
            "logging",
            "tracing",
            "diagnostics",
            "ftp",
            "basic_publishing",
            "remote_debugging",
            "tags",
            "labels",
        ],
    ),
];
/// Kept for our own comparisons; they say nothing about the asset as it is.
const HIDDEN: &[&str] = &["last_triggers", "last_code", "last_image_tags"];
const MOST_LINES: usize = 40;

/// The facts in groups, and the names of those not known.
pub fn groups(facts: &Value) -> Vec<Group> {
    let Some(facts) = facts.as_object() else { return Vec::new() };
    let mut groups: Vec<Group> = GROUPS
        .iter()
        .map(|(title, names)| {
            let known = names.iter().filter_map(|name| facts.get(*name).map(|value| named(name, value)));
            Group { title, facts: known.collect() }
        })
        .collect();
    let grouped =
        |name: &str| HIDDEN.contains(&name) || GROUPS.iter().any(|(_, names)| names.contains(&name));
    let rest =
        facts.iter().filter(|(name, _)| !grouped(name)).map(|(name, value)| named(name, value)).collect();
    groups.push(Group { title: "More", facts: rest });
    groups.retain(|group| !group.facts.is_empty());
    groups
}

fn named(name: &str, value: &Value) -> NamedFact {
    NamedFact { name: label(name), shown: shown(name, value) }
}

/// `memory_mb` as `Memory`.
pub fn label(name: &str) -> String {
    let plain = name.trim_end_matches("_mb").trim_end_matches("_seconds").trim_end_matches("_bytes");
    let text = plain.replace('_', " ");
    let text = super::show::capital(&text);
    [
        ("Cors", "Cross-origin rules"),
        ("Vpc", "Private network"),
        ("Min tls", "Least TLS version"),
        ("Tls", "TLS"),
        ("Ftp", "FTP"),
        ("Https only", "HTTPS only"),
    ]
    .iter()
    .find(|(from, _)| *from == text)
    .map_or(text, |(_, to)| (*to).to_owned())
}

/// A value as lines.
pub fn shown(name: &str, value: &Value) -> Shown {
    match value {
        Value::Object(object) if object.contains_key("unknown") => {
            let text = |key: &str| object.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
            Shown::Unknown(text("unknown").unwrap_or_default(), text("permission"))
        }
        Value::Array(items) if items.is_empty() => Shown::Text("none".into()),
        Value::Array(items) => {
            let mut lines: Vec<String> = items.iter().take(MOST_LINES).map(|item| line(name, item)).collect();
            if items.len() > MOST_LINES {
                lines.push(format!("and {} more", items.len() - MOST_LINES));
            }
            if lines.len() == 1 { Shown::Text(lines.remove(0)) } else { Shown::Lines(lines) }
        }
        Value::Object(object) => match object_lines(name, object) {
            mut lines if lines.len() == 1 => Shown::Text(lines.remove(0)),
            lines => Shown::Lines(lines),
        },
        other => Shown::Text(line(name, other)),
    }
}

fn object_lines(name: &str, object: &Map<String, Value>) -> Vec<String> {
    let lines: Vec<String> = object
        .iter()
        .filter(|(_, value)| !empty(value))
        .map(|(key, value)| format!("{}: {}", label(key).to_lowercase(), line(key, value)))
        .collect();
    match (lines.is_empty(), name) {
        (true, "scale") => vec!["no limit".into()],
        (true, "invoke_policy" | "access") => vec!["nobody beyond its own account".into()],
        (true, _) => vec!["none".into()],
        _ => lines,
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.values().all(empty),
        _ => false,
    }
}

/// A value on one line.
pub fn line(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => measured(name, number),
        Value::String(text) => text_line(name, text),
        Value::Array(items) => items.iter().map(|item| line(name, item)).collect::<Vec<_>>().join(", "),
        Value::Object(object) => object_line(name, object),
    }
}

fn text_line(name: &str, text: &str) -> String {
    match (name, text) {
        ("end_of_life", "not_listed") => "not in our table".into(),
        ("end_of_life", "open") => "no end announced".into(),
        (_, "") => "none".into(),
        // A moment, as its day and minute.
        (_, text) if text.len() >= 20 && text.as_bytes()[10] == b'T' => match text.parse() {
            Ok(at) => super::show::moment(at),
            Err(_) => text.to_owned(),
        },
        (_, text) => text.to_owned(),
    }
}

fn measured(name: &str, number: &serde_json::Number) -> String {
    let whole = number.as_i64();
    match (whole, name) {
        (Some(value), "memory_mb" | "scratch_mb") => format!("{} MB", super::show::number(value)),
        (Some(value), "timeout_seconds") => super::show::span(chrono::TimeDelta::seconds(value)),
        (Some(value), "size_bytes") => format!("{:.1} MB", value as f64 / 1e6),
        (Some(value), _) => super::show::number(value),
        (None, _) => format!("{:.1}", number.as_f64().unwrap_or_default()),
    }
}

fn object_line(name: &str, object: &Map<String, Value>) -> String {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or("");
    match name {
        "environment" => match object.get("secret") {
            Some(Value::Object(secret)) => {
                let part = |key: &str| secret.get(key).and_then(Value::as_str).unwrap_or("");
                format!("{}: a secret in clear, {} ({})", text("name"), part("masked"), part("rule"))
            }
            _ => format!("{}: {}", text("name"), text("kind")),
        },
        "tags" | "labels" => format!("{} = {}", text("key"), text("value")),
        "image_tags" => format!("{} → {}", text("tag"), short(text("digest"))),
        "tag_moves" => format!("{} moved from {} to {}", text("tag"), short(text("from")), short(text("to"))),
        "end_of_life" => format!("on {}", text("on")),
        _ => {
            let parts = object.iter().filter(|(_, value)| !empty(value));
            parts
                .map(|(key, value)| format!("{} {}", label(key).to_lowercase(), line(key, value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

fn short(digest: &str) -> String {
    digest.chars().take(19).collect()
}

/// A changed fact: its name, before, after.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name for people.
    pub name: String,
    /// Before.
    pub before: String,
    /// After.
    pub after: String,
}

/// What is different between two sets of facts.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| !HIDDEN.contains(&name.as_str()) && old.get(*name) != new.get(*name))
        .map(|name| Change {
            name: label(name),
            before: brief(name, old.get(name)),
            after: brief(name, new.get(name)),
        })
        .collect()
}

fn brief(name: &str, value: Option<&Value>) -> String {
    let text = match value.map(|value| shown(name, value)) {
        None => "not read".to_owned(),
        Some(Shown::Text(text)) => text,
        Some(Shown::Lines(lines)) => lines.join("; "),
        Some(Shown::Unknown(why, _)) => format!("unknown: {why}"),
    };
    if text.chars().count() > 160 { text.chars().take(157).chain("…".chars()).collect() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn facts_read_well_and_unknown_ones_say_what_would_help() {
        assert_eq!(shown("memory_mb", &json!(1024)), Shown::Text("1,024 MB".into()));
        assert_eq!(shown("scale", &json!({ "limit": null })), Shown::Text("no limit".into()));
        assert_eq!(shown("tracing", &json!(false)), Shown::Text("no".into()));
        let denied = json!({ "unknown": "denied", "permission": "lambda:GetPolicy" });
        assert_eq!(
            shown("invoke_policy", &denied),
            Shown::Unknown("denied".into(), Some("lambda:GetPolicy".into()))
        );
        let secret = json!([{ "name": "KEY", "kind": "plain", "secret": { "rule": "aws-access-token", "masked": "AKIA… (20 characters)" } }]);
        assert_eq!(
            shown("environment", &secret),
            Shown::Text("KEY: a secret in clear, AKIA… (20 characters) (aws-access-token)".into())
        );
    }

    #[test]
    fn no_fact_of_the_model_is_left_without_a_group() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for (source, from) in [
            (include_str!("../model/function.rs"), "pub struct FunctionFacts"),
            (include_str!("../model/repository.rs"), "pub struct RepositoryFacts"),
            (include_str!("../model/image.rs"), "pub struct ImageFacts"),
        ] {
            let (_, body) = source.split_once(from).expect("the struct");
            for line in body.lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
                let name = line.split(':').next().expect("a name");
                assert!(listed.contains(&name) || HIDDEN.contains(&name), "{name} is in no group");
            }
        }
    }

    #[test]
    fn a_change_names_what_was_and_what_is() {
        let found = changes(
            &json!({ "tracing": false, "memory_mb": 128 }),
            &json!({ "tracing": true, "memory_mb": 128 }),
        );
        assert_eq!(found, [Change { name: "Tracing".into(), before: "no".into(), after: "yes".into() }]);
    }
}
