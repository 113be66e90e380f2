//! Controls: the questions asked of every asset, with how each kind answers.

use axum::extract::Path;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::{Answer, listing, single};
use crate::error::AppError;
use crate::model::{Area, Kind, Severity};
use crate::rules::{self, Control as Rule};

/// How one kind of asset answers.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the word the comparison uses too")]
struct Reading {
    kind: Kind,
    /// `check`, `provider`, `absent` or `not_yet`.
    reading: String,
    /// Why, where it is not checked.
    why: Option<String>,
}

/// An entry of a public list that asks the same.
#[derive(Debug, Serialize, ToSchema)]
struct FrameworkEntry {
    framework: String,
    entry: String,
}

/// A control.
#[derive(Debug, Serialize, ToSchema)]
struct Control {
    /// Its code; never reused.
    #[schema(example = "ACC-02")]
    code: String,
    area: Area,
    /// The defect.
    title: String,
    /// Where a reading says nothing else.
    severity: Severity,
    /// The version that brought it.
    since: String,
    readings: Vec<Reading>,
    frameworks: Vec<FrameworkEntry>,
    /// Why it matters, in Markdown.
    why: String,
    /// What to do, in Markdown.
    remedy: String,
}

impl Control {
    fn of(rule: &Rule) -> Self {
        let reading = |kind: &Kind| {
            let fixed = rule.readings.fixed(*kind);
            Reading {
                kind: *kind,
                reading: fixed.map_or("check", |(verdict, _)| verdict.code()).to_owned(),
                why: fixed.map(|(_, why)| why.to_owned()),
            }
        };
        let entry = |(framework, entry): (&str, &str)| FrameworkEntry {
            framework: framework.into(),
            entry: entry.into(),
        };
        Self {
            code: rule.code.to_owned(),
            area: rule.area,
            title: rule.title().to_owned(),
            severity: rule.severity,
            since: rule.since.to_owned(),
            readings: Kind::ALL.iter().map(reading).collect(),
            frameworks: rule.frameworks.iter().map(|one| entry(one.parts())).collect(),
            why: rule.section("Why it matters").unwrap_or("").to_owned(),
            remedy: rule.section("What to do").unwrap_or("").to_owned(),
        }
    }
}

/// List controls
///
/// All of them, in the order of their codes.
#[utoipa::path(
    get, path = "/api/v1/controls", tag = "controls", operation_id = "list_controls",
    responses((status = 200, description = "Every control.", body = listing::Page<Control>)),
)]
pub async fn list(_: Call, uri: Uri) -> Answer {
    let all: Vec<Control> = rules::all().iter().map(|rule| Control::of(rule)).collect();
    listing::whole(&uri, &all)
}

/// Read a control
#[utoipa::path(
    get, path = "/api/v1/controls/{code}", tag = "controls", operation_id = "get_control",
    params(("code" = String, Path, description = "Code of the control, as `ACC-02`."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The control.", body = Control, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(_: Call, headers: HeaderMap, Path(code): Path<String>) -> Answer {
    let rule = rules::find(&code).ok_or(AppError::NotFound("this control"))?;
    single::answer(&headers, &Control::of(rule))
}
