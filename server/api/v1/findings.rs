//! Findings: what fails, the most urgent first or in the order it changed.

use axum::extract::Path;
use axum::http::{HeaderMap, Uri};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::super::call::{Asked, Call, known};
use super::super::{Answer, ApiState, listing, single};
use crate::error::AppError;
use crate::model::{Area, Family, Kind, Platform, Severity};
use crate::rules;
use crate::score::Priority;
use crate::store::findings::State;
use crate::store::pages::findings::{self, Filter, Key, Listed, Whole};

/// Where a finding stands.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// It fails now.
    Open,
    /// It failed when it could last be read.
    Stale,
    /// It fails no more.
    Resolved,
    /// It fails, and an exception accepts that for a time.
    Accepted,
}

impl From<FindingState> for State {
    fn from(state: FindingState) -> Self {
        match state {
            FindingState::Open => Self::Open,
            FindingState::Stale => Self::Stale,
            FindingState::Resolved => Self::Resolved,
            FindingState::Accepted => Self::Accepted,
        }
    }
}

/// In which order findings are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The most urgent first.
    #[default]
    Urgency,
    /// The oldest change first: to follow what changes.
    Changed,
}

/// The asset of a finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct Place {
    id: Uuid,
    name: String,
    /// Its full id at its provider: ARN, Azure resource id, registry/repository@digest.
    native_id: String,
    /// Account, subscription or registry.
    account: String,
    /// Empty for registries.
    region: String,
    kind: Kind,
    platform: Platform,
}

/// A finding (row).
#[derive(Debug, Serialize, ToSchema)]
pub struct Finding {
    id: Uuid,
    /// Code of the control that fails.
    #[schema(example = "ACC-02")]
    control: String,
    /// The defect.
    title: String,
    area: Area,
    family: Family,
    severity: Severity,
    /// How urgent it is: severity, raised by what else is true of the asset. Higher is more urgent.
    priority: i32,
    state: FindingState,
    /// What was found.
    reason: String,
    opened_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    /// The exception that accepts it, where it is accepted.
    exception_id: Option<Uuid>,
    /// Until when it is accepted.
    accepted_until: Option<DateTime<Utc>>,
    asset: Place,
    connection_id: Uuid,
    /// Its page in the dashboard.
    page: String,
}

impl Finding {
    /// From a row of the store.
    pub fn of(row: Listed, state: &ApiState) -> Self {
        Self {
            title: title(&row.control),
            area: Area::of_control(&row.control).unwrap_or(Area::Operations),
            family: row.kind.family(),
            state: match row.state.as_str() {
                "stale" => FindingState::Stale,
                "resolved" => FindingState::Resolved,
                "accepted" => FindingState::Accepted,
                _ => FindingState::Open,
            },
            page: state.link(&format!("/findings/{}", row.id)),
            asset: Place {
                id: row.asset,
                name: row.name,
                native_id: row.native_id,
                account: row.account,
                region: row.region,
                kind: row.kind,
                platform: row.platform,
            },
            id: row.id,
            control: row.control,
            severity: row.severity,
            priority: row.priority,
            reason: row.reason,
            opened_at: row.opened_at,
            changed_at: row.changed_at,
            resolved_at: row.resolved_at,
            exception_id: row.acceptance.as_ref().map(|one| one.exception),
            accepted_until: row.acceptance.as_ref().map(|one| one.until),
            connection_id: row.connection,
        }
    }
}

/// The defect a control names, or its code where the control is gone.
pub fn title(control: &str) -> String {
    rules::find(control).map_or_else(|| control.to_owned(), |found| found.title().to_owned())
}

/// A fact that decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    fact: String,
    value: String,
}

/// Facts that decided, as the API tells them.
pub fn evidence(found: Vec<crate::model::Evidence>) -> Vec<Evidence> {
    found.into_iter().map(|one| Evidence { fact: one.fact.into_owned(), value: one.value }).collect()
}

/// A step in a finding's life.
#[derive(Debug, Serialize, ToSchema)]
struct Step {
    at: DateTime<Utc>,
    /// `opened`, `resolved`, `reopened`, `stale`, `seen_again`, `accepted` or `returned`.
    event: String,
    /// The run that noticed.
    run_id: Option<Uuid>,
}

/// A finding with its evidence, its life and its remedy.
#[derive(Debug, Serialize, ToSchema)]
struct FindingWhole {
    #[serde(flatten)]
    finding: Finding,
    /// What raised it above its severity.
    raised_by: Vec<String>,
    /// How often it came back.
    reopened: i32,
    /// Why it matters, in Markdown.
    why: String,
    /// What to do, in Markdown.
    remedy: String,
    /// The facts that decided.
    evidence: Vec<Evidence>,
    /// Newest first, at most a hundred.
    events: Vec<Step>,
}

/// What a list may be narrowed to.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Narrow {
    /// Without it: open findings in order of urgency, all in order of change.
    #[param(inline)]
    state: Option<FindingState>,
    #[param(inline)]
    severity: Option<Severity>,
    #[param(inline)]
    family: Option<Family>,
    #[param(inline)]
    area: Option<Area>,
    #[param(inline)]
    kind: Option<Kind>,
    /// Code of a control.
    control: Option<String>,
    /// Id of an asset.
    asset: Option<Uuid>,
    /// Id of a connection.
    connection: Option<Uuid>,
    /// Id of a ticket.
    ticket: Option<Uuid>,
    /// Id of an exception; with `state=accepted` what it accepts.
    exception: Option<Uuid>,
    /// With `order=changed`: only what changed at this moment or later.
    changed_since: Option<DateTime<Utc>>,
    #[param(inline)]
    order: Option<Order>,
    /// Rows of a page: 1 to 500, 50 without it.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// From the `next` of the page before.
    cursor: Option<String>,
    /// Only these fields of a row, separated by commas.
    fields: Option<String>,
}

impl Narrow {
    fn filter(&self) -> Filter {
        Filter {
            state: self.state.map(|state| State::from(state).code().to_owned()),
            severity: self.severity,
            family: self.family,
            area: self.area,
            kind: self.kind,
            control: self.control.as_deref().map(storable),
            asset: self.asset,
            connection: self.connection,
            ticket: self.ticket,
            exception: self.exception,
        }
    }
}

/// Words that Postgres can compare: no name of ours holds a NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// List findings
///
/// The most urgent first, or (`order=changed`) in the order of their last change, so that a program
/// that remembers the last `changed_at` it saw misses nothing.
#[utoipa::path(
    get, path = "/api/v1/findings", tag = "findings", operation_id = "list_findings", params(Narrow),
    responses((status = 200, description = "A page of findings.", body = listing::Page<Finding>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Narrow>) -> Answer {
    let size = listing::size(asked.limit)?;
    let filter = asked.filter();
    let mut tx = call.begin().await?;
    let cursor = asked.cursor.as_deref();
    let found = if asked.order == Some(Order::Changed) {
        findings::changes(&mut tx, &filter, call.now(), asked.changed_since, listing::key(cursor)?, size)
            .await?
    } else {
        let after = listing::key::<Key>(cursor)?;
        findings::list(&mut tx, &filter, call.now(), after, size).await?
    };
    drop(tx);
    let last = found.rows.last().filter(|_| found.more).map(|row| match asked.order {
        Some(Order::Changed) => serde_json::json!([row.changed_at, row.id]),
        _ => serde_json::json!({ "priority": row.priority, "id": row.id }),
    });
    let rows: Vec<Finding> = found.rows.into_iter().map(|row| Finding::of(row, &call.state)).collect();
    listing::answer(&uri, asked.fields.as_deref(), &rows, last)
}

/// Read a finding
///
/// With the facts that decided, what to do about it, and its life.
#[utoipa::path(
    get, path = "/api/v1/findings/{id}", tag = "findings", operation_id = "get_finding",
    params(("id" = Uuid, Path, description = "Id of the finding."),
           ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what you have.")),
    responses((status = 200, description = "The finding.", body = FindingWhole, headers(("ETag" = String))),
              (status = 304, description = "You have it as it is.")),
)]
pub async fn get(call: Call, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    let mut tx = call.begin().await?;
    let found =
        findings::get(&mut tx, known(&id)?, call.now()).await?.ok_or(AppError::NotFound("this finding"))?;
    drop(tx);
    single::answer(&headers, &whole(found, &call.state))
}

fn whole(found: Whole, state: &ApiState) -> FindingWhole {
    let control = rules::find(&found.listed.control);
    let section = |heading| control.and_then(|one| one.section(heading)).unwrap_or("").to_owned();
    let raised = Priority(found.listed.priority).reasons();
    FindingWhole {
        raised_by: raised.iter().map(|one| (*one).to_owned()).collect(),
        reopened: found.reopened,
        why: section("Why it matters"),
        remedy: section("What to do"),
        evidence: evidence(found.evidence),
        events: found
            .events
            .into_iter()
            .map(|step| Step { at: step.at, event: step.event, run_id: step.run })
            .collect(),
        finding: Finding::of(found.listed, state),
    }
}
