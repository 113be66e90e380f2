//! Findings in bulk: every row that matches, streamed in the form a consumer reads.

use axum::body::Body;
use axum::response::Response;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::call::{Asked, Call};
use super::super::problem::Problem;
use super::super::{ApiState, listing};
use super::findings::{Finding, FindingState};
use crate::desk::export::{self, Hub, Writer};
use crate::model::{Area, Family, Kind, Severity};
use crate::store::findings::State;
use crate::store::pages::findings::{Filter, Listed};

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// One JSON object a line, as in the list.
    #[default]
    Ndjson,
    /// Comma-separated values (RFC 4180), with a heading.
    Csv,
    /// An OCSF 1.8.0 Compliance Finding (class 2003) a line.
    Ocsf,
    /// A SARIF 2.1.0 log.
    Sarif,
    /// AWS Security Finding Format: a line is an array of up to 100 findings, for one call of
    /// BatchImportFindings.
    Asff,
}

/// What is exported, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    #[param(inline)]
    format: Option<Form>,
    /// Without it: open findings.
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
    /// Id of a connection.
    connection: Option<uuid::Uuid>,
    /// For `asff`: the account of the Security Hub that takes the findings. Without it each goes under
    /// the account of its asset, and findings outside AWS are left out.
    #[param(pattern = "^[0-9]{12}$")]
    hub_account: Option<String>,
    /// For `asff`: the region of that hub; without it that of the asset.
    #[param(pattern = "^[a-z]{2}(-[a-z]+)+-[0-9]$", max_length = 40)]
    hub_region: Option<String>,
}

/// Export findings
///
/// Everything that matches, the most urgent first, in one stream.
#[utoipa::path(
    get, path = "/api/v1/findings/export", tag = "findings", operation_id = "export_findings", params(Wanted),
    responses((status = 200, description = "The findings.",
               content((String = "application/x-ndjson"), (String = "text/csv"), (String = "application/sarif+json")))),
)]
pub async fn findings(call: Call, Asked(asked): Asked<Wanted>) -> Result<Response, Problem> {
    let hub = Hub { account: asked.hub_account.clone(), region: asked.hub_region.clone() };
    hub.check()?;
    let filter = Filter {
        state: asked.state.map(|state| State::from(state).code().to_owned()),
        severity: asked.severity,
        family: asked.family,
        area: asked.area,
        kind: asked.kind,
        control: asked.control.map(|code| code.replace('\0', "\u{fffd}")),
        connection: asked.connection,
        ..Filter::default()
    };
    let tenant = call.actor.tenant;
    let form = match asked.format.unwrap_or_default() {
        Form::Ndjson => None,
        Form::Csv => Some(export::Form::Csv),
        Form::Ocsf => Some(export::Form::Ocsf),
        Form::Sarif => Some(export::Form::Sarif),
        Form::Asff => Some(export::Form::Asff(hub)),
    };
    let (media, name) = form.as_ref().map_or(("application/x-ndjson", "findings.ndjson"), export::Form::file);
    let writer: Box<dyn Writer> = match form {
        None => Box::new(Lines { state: call.state.clone() }),
        Some(form) => form.writer(tenant, &call.state.link("")),
    };
    let rows = export::stream(&call.state.store, tenant, filter, call.state.now, writer).await?;
    Ok(listing::file(media, name, Body::from_stream(rows)))
}

/// Findings as the list has them, one a line.
struct Lines {
    state: ApiState,
}

impl Writer for Lines {
    fn head(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }

    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        serde_json::to_writer(&mut *into, &Finding::of(row, &self.state))
            .map_err(|fault| fault.to_string())?;
        into.push(b'\n');
        Ok(())
    }

    fn tail(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
    }
}
