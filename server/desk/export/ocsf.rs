//! OCSF 1.8.0: a Compliance Finding (class 2003) a line.

use serde_json::{Value, json};

use super::{Writer, acceptance, json, section, title};
use crate::model::{Area, Provider, Severity, TenantId};
use crate::rules;
use crate::store::pages::findings::Listed;

/// The version of the schema.
pub const VERSION: &str = "1.8.0";
const CATEGORY: u32 = 2;
const CLASS: u32 = 2003;

/// Writes events.
pub struct Ocsf {
    /// Whose findings.
    pub tenant: TenantId,
    /// Where our pages are.
    pub base: String,
}

impl Writer for Ocsf {
    fn head(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        json(&self.event(&row), into)?;
        into.push(b'\n');
        Ok(())
    }

    fn tail(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}

impl Ocsf {
    fn event(&self, row: &Listed) -> Value {
        let (status_id, status, compliance_id, compliance) = standing(&row.state);
        let (activity, activity_name) = activity(row);
        let changed = row.changed_at.timestamp_millis();
        let (severity_id, severity) = severity(row.severity);
        let mut event = json!({
            "activity_id": activity, "category_uid": CATEGORY, "class_uid": CLASS, "type_uid": CLASS * 100 + activity,
            "activity_name": activity_name,
            "category_name": "Findings", "class_name": "Compliance Finding",
            "time": changed, "severity_id": severity_id, "severity": severity,
            "status_id": status_id, "status": status,
            "message": row.reason,
            "metadata": {
                "version": VERSION, "uid": row.id, "event_code": row.control, "tenant_uid": self.tenant.0,
                "product": { "name": "Parallax", "vendor_name": "Parallax", "version": env!("CARGO_PKG_VERSION") },
            },
            "finding_info": {
                "uid": row.id, "title": title(&row.control), "src_url": format!("{}/findings/{}", self.base, row.id),
                "created_time": row.opened_at.timestamp_millis(), "first_seen_time": row.opened_at.timestamp_millis(),
                "modified_time": changed,
                "types": [Area::of_control(&row.control).map_or("", Area::label)],
            },
            "compliance": {
                "control": row.control, "standards": standards(&row.control), "status_id": compliance_id,
                "status": compliance, "status_detail": row.reason,
            },
            "resources": [resource(row)],
        });
        let why = section(&row.control, "Why it matters");
        if !why.is_empty() {
            event["finding_info"]["desc"] = json!(why);
        }
        let remedy = section(&row.control, "What to do");
        if !remedy.is_empty() {
            event["remediation"] = json!({ "desc": remedy });
        }
        if let Some(words) = acceptance(row) {
            event["status_detail"] = json!(words);
        }
        if let Some(cloud) = cloud(row) {
            event["cloud"] = cloud;
            event["metadata"]["profiles"] = json!(["cloud"]);
        }
        event
    }
}

/// Status of the finding and of the control, each as a number and a word.
fn standing(state: &str) -> (u32, &'static str, u32, &'static str) {
    match state {
        "accepted" => (3, "Suppressed", 3, "Fail"),
        "resolved" => (4, "Resolved", 1, "Pass"),
        "stale" => (99, "Out of sight", 0, "Unknown"),
        _ => (1, "New", 3, "Fail"),
    }
}

fn activity(row: &Listed) -> (u32, &'static str) {
    match row.state.as_str() {
        "resolved" => (3, "Close"),
        _ if row.changed_at > row.opened_at => (2, "Update"),
        _ => (1, "Create"),
    }
}

const fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Critical => (5, "Critical"),
        Severity::High => (4, "High"),
        Severity::Medium => (3, "Medium"),
        Severity::Low => (2, "Low"),
        Severity::Info => (1, "Informational"),
    }
}

/// Public lists that ask the same; our own where none does.
fn standards(control: &str) -> Vec<&'static str> {
    let mut lists: Vec<&'static str> =
        rules::find(control).map_or(&[][..], |one| one.frameworks).iter().map(|one| one.parts().0).collect();
    lists.dedup();
    if lists.is_empty() { vec!["Parallax"] } else { lists }
}

fn resource(row: &Listed) -> Value {
    let mut resource = json!({ "uid": row.native_id, "name": row.name, "type": row.kind.label() });
    if !row.region.is_empty() {
        resource["region"] = json!(row.region);
    }
    resource
}

fn cloud(row: &Listed) -> Option<Value> {
    let (provider, account_type) = match row.provider {
        Provider::Aws => ("AWS", (10, "AWS Account")),
        Provider::Azure => ("Azure", (13, "Azure Subscription")),
        Provider::Registry => return None,
    };
    let account = json!({ "uid": row.account, "type_id": account_type.0, "type": account_type.1 });
    let mut cloud = json!({ "provider": provider, "account": account });
    if !row.region.is_empty() {
        cloud["region"] = json!(row.region);
    }
    Some(cloud)
}
