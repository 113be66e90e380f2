//! SARIF 2.1.0: one log, controls as rules, findings as results.

use std::collections::HashMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Writer, acceptance, json, title};
use crate::model::{Provider, Severity};
use crate::rules::{self, Control};
use crate::store::pages::findings::Listed;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What may not stand in a URI as it is.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Writes a log.
pub struct Sarif {
    base: String,
    rules: HashMap<&'static str, usize>,
    begun: bool,
}

impl Sarif {
    /// With our pages at `base`.
    pub fn new(base: String) -> Self {
        let rules = rules::all().iter().enumerate().map(|(place, control)| (control.code, place)).collect();
        Self { base, rules, begun: false }
    }

    fn result(&self, row: &Listed) -> Value {
        let resolved = row.state == "resolved";
        let mut result = json!({
            "ruleId": row.control,
            "kind": if resolved { "pass" } else { "fail" },
            "level": if resolved { "none" } else { level(row.severity) },
            "message": { "text": row.reason },
            "locations": [{
                "physicalLocation": { "artifactLocation": { "uri": uri(row) } },
                "logicalLocations": [{ "name": row.name, "fullyQualifiedName": row.native_id, "kind": "resource" }],
            }],
            "fingerprints": { "parallax/finding/v1": row.id },
            "hostedViewerUri": format!("{}/findings/{}", self.base, row.id),
            // An empty list says that it is known not to be suppressed.
            "suppressions": suppressions(row),
            "properties": {
                "title": title(&row.control), "severity": row.severity, "priority": row.priority, "state": row.state,
                "openedAt": row.opened_at, "changedAt": row.changed_at, "family": row.kind.family(),
                "kind": row.kind, "platform": row.platform, "account": row.account, "region": row.region,
            },
        });
        if let Some(place) = self.rules.get(row.control.as_str()) {
            result["ruleIndex"] = json!(place);
        }
        result
    }
}

impl Writer for Sarif {
    fn head(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        let rules: Vec<Value> = rules::all().iter().map(|control| rule(control)).collect();
        let driver = json!({
            "name": "Parallax", "version": env!("CARGO_PKG_VERSION"), "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules,
        });
        let head = format!(r#"{{"$schema":"{SCHEMA}","version":"2.1.0","runs":[{{"tool":{{"driver":"#);
        into.extend_from_slice(head.as_bytes());
        json(&driver, into)?;
        into.extend_from_slice(br#"},"automationDetails":{"id":"parallax/findings/"},"results":["#);
        Ok(())
    }

    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        into.extend_from_slice(if self.begun { b",\n" } else { b"\n" });
        self.begun = true;
        json(&self.result(&row), into)
    }

    fn tail(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        into.extend_from_slice(b"\n]}]}\n");
        Ok(())
    }
}

fn rule(control: &Control) -> Value {
    let (why, what) =
        (control.section("Why it matters").unwrap_or(""), control.section("What to do").unwrap_or(""));
    json!({
        "id": control.code,
        "name": control.title(),
        "shortDescription": { "text": control.title() },
        "fullDescription": { "text": why },
        "help": {
            "text": format!("{why}\n\n{what}"),
            "markdown": format!("## Why it matters\n\n{why}\n\n## What to do\n\n{what}"),
        },
        "defaultConfiguration": { "level": level(control.severity) },
        "properties": {
            "tags": ["security", control.area.label()],
            "security-severity": weight(control.severity),
        },
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// As code scanners rank rules: within the bands of CVSS.
const fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

fn suppressions(row: &Listed) -> Value {
    match (&row.acceptance, acceptance(row)) {
        (Some(one), Some(words)) => {
            json!([{
                "kind": "external", "status": "accepted", "justification": words,
                "properties": { "exception": one.exception },
            }])
        }
        _ => json!([]),
    }
}

/// The asset as a URI: an ARN is one; what names no scheme gets one.
fn uri(row: &Listed) -> String {
    let id = utf8_percent_encode(&row.native_id, UNSAFE);
    match row.provider {
        Provider::Aws => id.to_string(),
        Provider::Azure => format!("azure:{id}"),
        Provider::Registry => format!("oci://{id}"),
    }
}
