//! AWS Security Finding Format: a line holds up to a hundred findings, as many as one call of
//! `BatchImportFindings` takes.

use serde_json::{Value, json};

use super::super::{Refusal, invalid};
use super::{Writer, acceptance, cut, json, section, title};
use crate::model::{Kind, Platform, Provider, Severity};
use crate::store::pages::findings::Listed;

/// Findings of one call at most.
const MOST: usize = 100;

/// The Security Hub that is to take the findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hub {
    /// Its account; without it each finding goes under the account of its asset, and findings outside
    /// AWS are left out.
    pub account: Option<String>,
    /// Its region; without it that of the asset.
    pub region: Option<String>,
}

impl Hub {
    /// Refuses what no hub is called.
    pub fn check(&self) -> Result<(), Refusal> {
        let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.account.as_deref().is_some_and(|account| !digits(account)) {
            return Err(invalid("hub_account", "write the 12 digits of an account"));
        }
        let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let known = |region: &str| {
            let mut parts = region.split('-');
            let last = parts.next_back().unwrap_or_default();
            let parts: Vec<&str> = parts.collect();
            region.len() <= 40
                && parts.len() >= 2
                && parts[0].len() == 2
                && parts.iter().all(|one| part(one))
                && last.len() == 1
                && last.bytes().all(|byte| byte.is_ascii_digit())
        };
        if self.region.as_deref().is_some_and(|region| !known(region)) {
            return Err(invalid("hub_region", "write a region as eu-west-1"));
        }
        Ok(())
    }
}

/// Writes calls.
pub struct Asff {
    hub: Hub,
    base: String,
    waiting: Vec<Value>,
}

impl Asff {
    /// For a hub, with our pages at `base`.
    pub fn new(hub: Hub, base: String) -> Self {
        Self { hub, base, waiting: Vec::with_capacity(MOST) }
    }

    fn flush(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        json(&Value::Array(std::mem::take(&mut self.waiting)), into)?;
        into.push(b'\n');
        Ok(())
    }

    fn finding(&self, row: &Listed) -> Option<Value> {
        let of_asset = |part: &str| (row.provider == Provider::Aws).then(|| part.to_owned());
        let account = self.hub.account.clone().or_else(|| of_asset(&row.account))?;
        let region = self.hub.region.clone().or_else(|| of_asset(&row.region))?;
        let partition = partition(&region);
        let time =
            |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let page = format!("{}/findings/{}", self.base, row.id);
        let title = title(&row.control);
        let (compliance, workflow) = standing(&row.state);
        let mut finding = json!({
            "SchemaVersion": "2018-10-08",
            "Id": format!("parallax/{}", row.id),
            "ProductArn": format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
            "GeneratorId": format!("parallax/{}", row.control),
            "AwsAccountId": account,
            "Region": region,
            "CompanyName": "Parallax",
            "ProductName": "Parallax",
            "Types": ["Software and Configuration Checks"],
            "FirstObservedAt": time(row.opened_at),
            "CreatedAt": time(row.opened_at),
            "UpdatedAt": time(row.changed_at),
            "Severity": { "Label": label(row.severity), "Original": row.severity },
            "Title": cut(&title, 256),
            "Description": cut(if row.reason.trim().is_empty() { &title } else { &row.reason }, 1_024),
            "SourceUrl": page,
            "ProductFields": {
                "parallax/control": row.control, "parallax/state": row.state, "parallax/asset": row.asset,
                "parallax/priority": row.priority.to_string(), "parallax/account": cut(&row.account, 512),
            },
            "Resources": [resource(row, partition)],
            "Compliance": { "Status": compliance, "SecurityControlId": row.control },
            "Workflow": { "Status": workflow },
            "RecordState": if row.state == "resolved" { "ARCHIVED" } else { "ACTIVE" },
        });
        let remedy = section(&row.control, "What to do");
        if !remedy.is_empty() {
            finding["Remediation"] = json!({ "Recommendation": { "Text": cut(remedy, 512), "Url": page } });
        }
        if let Some((words, one)) = acceptance(row).zip(row.acceptance.as_ref()) {
            finding["Note"] = json!({
                "Text": cut(&words, 512), "UpdatedBy": cut(&one.by, 512), "UpdatedAt": time(row.changed_at),
            });
        }
        Some(finding)
    }
}

impl Writer for Asff {
    fn head(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        self.waiting.extend(self.finding(&row));
        if self.waiting.len() < MOST { Ok(()) } else { self.flush(into) }
    }

    fn tail(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        self.flush(into)
    }
}

/// What the control says and what is done about it.
fn standing(state: &str) -> (&'static str, &'static str) {
    match state {
        "accepted" => ("FAILED", "SUPPRESSED"),
        "resolved" => ("PASSED", "RESOLVED"),
        "stale" => ("NOT_AVAILABLE", "NEW"),
        _ => ("FAILED", "NEW"),
    }
}

const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::High => "HIGH",
        Severity::Medium => "MEDIUM",
        Severity::Low => "LOW",
        Severity::Info => "INFORMATIONAL",
    }
}

fn partition(region: &str) -> &'static str {
    match region {
        china if china.starts_with("cn-") => "aws-cn",
        gov if gov.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn resource(row: &Listed, partition: &str) -> Value {
    let kind = match (row.provider, row.kind, row.platform) {
        (Provider::Aws, Kind::Function, _) => "AwsLambdaFunction",
        (Provider::Aws, Kind::Repository, _) => "AwsEcrRepository",
        (Provider::Aws, Kind::Image, _) => "AwsEcrContainerImage",
        (Provider::Aws, Kind::Workload, Platform::Fargate | Platform::EcsEc2) => "AwsEcsService",
        (_, Kind::Image, _) => "Container",
        _ => "Other",
    };
    let mut resource = json!({ "Type": kind, "Id": cut(&row.native_id, 512) });
    if row.provider == Provider::Aws {
        resource["Partition"] = json!(partition);
        if !row.region.is_empty() {
            resource["Region"] = json!(row.region);
        }
    } else {
        resource["Details"] =
            json!({ "Other": { "name": cut(&row.name, 512), "account": cut(&row.account, 512) } });
    }
    resource
}
