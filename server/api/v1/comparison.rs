//! The comparison: each area and control, serverless beside containers.

use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::call::Call;
use super::super::{Answer, single};
use crate::model::{Area, Severity};
use crate::rules;
use crate::rules::sides::{self, Group, Reading, Row};
use crate::store::pages::totals;

/// One family's side of a row.
#[derive(Debug, Serialize, ToSchema)]
struct Side {
    /// `check`, `provider` (the provider carries it), `not_yet` or `absent`.
    reading: String,
    /// Why, where it is not checked.
    why: Option<String>,
    fail: i64,
    pass: i64,
    unknown: i64,
    /// Fails, and is accepted for a time.
    accepted: i64,
    /// The provider carries it.
    provider: i64,
    absent: i64,
    not_yet: i64,
    /// Of the known verdicts, the percentage that fails; null where none is known.
    failing_share: Option<f64>,
}

impl Side {
    fn of(side: &sides::Side) -> Self {
        let reading = match side.reading {
            Reading::Checked => "check",
            Reading::Provider => "provider",
            Reading::NotYet => "not_yet",
            Reading::Absent => "absent",
        };
        Self {
            reading: reading.to_owned(),
            why: (!side.why.is_empty()).then(|| side.why.to_owned()),
            fail: side.counts.fail,
            pass: side.counts.pass,
            unknown: side.counts.unknown,
            accepted: side.counts.accepted,
            provider: side.counts.provider,
            absent: side.counts.absent,
            not_yet: side.counts.not_yet,
            failing_share: side.counts.share(),
        }
    }
}

/// A control with its two sides.
#[derive(Debug, Serialize, ToSchema)]
struct ComparedControl {
    code: String,
    title: String,
    severity: Severity,
    serverless: Side,
    container: Side,
    /// Points of failing share by which containers are worse; negative where serverless is.
    gap: Option<f64>,
}

/// An area with its two sides and its controls.
#[derive(Debug, Serialize, ToSchema)]
struct ComparedArea {
    area: Area,
    title: String,
    serverless: Side,
    container: Side,
    gap: Option<f64>,
    controls: Vec<ComparedControl>,
}

/// Serverless beside containers.
#[derive(Debug, Serialize, ToSchema)]
struct Comparison {
    areas: Vec<ComparedArea>,
}

/// Compare serverless and containers
///
/// Every area and control with its verdicts counted on both sides.
#[utoipa::path(
    get, path = "/api/v1/comparison", tag = "comparison", operation_id = "compare",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The comparison.", body = Comparison, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap) -> Answer {
    let mut tx = call.begin().await?;
    let tallies = totals::tallies(&mut tx, None).await?;
    drop(tx);
    let areas = sides::groups(rules::all(), &tallies).iter().map(area).collect();
    single::answer(&headers, &Comparison { areas })
}

fn area(group: &Group) -> ComparedArea {
    ComparedArea {
        area: group.area,
        title: group.area.label().to_owned(),
        serverless: Side::of(&group.serverless),
        container: Side::of(&group.container),
        gap: sides::gap(&group.serverless, &group.container),
        controls: group.rows.iter().map(control).collect(),
    }
}

fn control(row: &Row) -> ComparedControl {
    ComparedControl {
        code: row.control.code.to_owned(),
        title: row.control.title().to_owned(),
        severity: row.control.severity,
        serverless: Side::of(&row.serverless),
        container: Side::of(&row.container),
        gap: sides::gap(&row.serverless, &row.container),
    }
}
