//! Findings in bulk: every row that matches as lines, streamed; memory does not grow with them.

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::Stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::call::{Asked, Call};
use super::super::problem::Problem;
use super::super::{ApiState, listing};
use super::findings::{Finding, FindingState};
use crate::model::{Area, Family, Severity, TenantId};
use crate::store::StoreError;
use crate::store::findings::State;
use crate::store::pages::findings::{self, Filter, Key, Listed};

/// Rows read at a time.
const BATCH: i64 = 2_000;
/// Columns of the table form.
const COLUMNS: &str = "id,control,title,area,family,severity,priority,state,reason,opened_at,changed_at,resolved_at,asset_id,asset,native_id,account,region,kind,platform,connection_id\r\n";

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// One JSON object a line, as in the list.
    #[default]
    Ndjson,
    /// Comma-separated values (RFC 4180), with a heading.
    Csv,
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
}

/// Export findings
///
/// Everything that matches, the most urgent first, in one stream.
#[utoipa::path(
    get, path = "/api/v1/findings/export", tag = "findings", operation_id = "export_findings", params(Wanted),
    responses((status = 200, description = "The findings.",
               content((String = "application/x-ndjson"), (String = "text/csv")))),
)]
pub async fn findings(call: Call, Asked(asked): Asked<Wanted>) -> Result<Response, Problem> {
    let form = asked.format.unwrap_or_default();
    let filter = Filter {
        state: asked.state.map(|state| State::from(state).code().to_owned()),
        severity: asked.severity,
        family: asked.family,
        area: asked.area,
        ..Filter::default()
    };
    // The first rows are read before the answer begins, so that a database that is away is said so.
    let mut reader =
        Reader { state: call.state, tenant: call.actor.tenant, filter, form, after: None, over: false };
    let first = reader.next().await?;
    let heading = if form == Form::Csv { COLUMNS } else { "" };
    let start = [heading.as_bytes(), &first].concat();
    let body = Body::from_stream(stream(reader, start.into()));
    Ok(match form {
        Form::Ndjson => listing::file("application/x-ndjson", "findings.ndjson", body),
        Form::Csv => listing::file("text/csv; charset=utf-8", "findings.csv", body),
    })
}

fn stream(reader: Reader, start: Bytes) -> impl Stream<Item = Result<Bytes, StoreError>> {
    futures::stream::try_unfold((reader, Some(start)), |(mut reader, start)| async move {
        if let Some(start) = start {
            return Ok(Some((start, (reader, None))));
        }
        if reader.over {
            return Ok(None);
        }
        let lines = reader.next().await?;
        Ok(Some((lines.into(), (reader, None))))
    })
}

struct Reader {
    state: ApiState,
    tenant: TenantId,
    filter: Filter,
    form: Form,
    after: Option<Key>,
    over: bool,
}

impl Reader {
    /// The next rows as lines. Each batch is a transaction of its own: a slow reader holds nothing.
    async fn next(&mut self) -> Result<Vec<u8>, StoreError> {
        let mut tx = self.state.store.begin(self.tenant).await?;
        let found = findings::list(&mut tx, &self.filter, self.after, BATCH).await?;
        drop(tx);
        self.over = !found.more;
        self.after = found.rows.last().map(|row| Key { priority: row.priority, id: row.id });
        let mut lines = Vec::with_capacity(found.rows.len() * 500);
        for row in found.rows {
            self.line(row, &mut lines)
                .map_err(|problem| StoreError::Inconsistent { table: "findings", problem })?;
        }
        Ok(lines)
    }

    fn line(&self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        if self.form == Form::Ndjson {
            let finding = Finding::of(row, &self.state);
            serde_json::to_writer(&mut *into, &finding).map_err(|fault| fault.to_string())?;
            into.push(b'\n');
            return Ok(());
        }
        let time =
            |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let fields = [
            row.id.to_string(),
            super::findings::title(&row.control),
            row.severity.code().to_owned(),
            row.priority.to_string(),
            row.state,
            row.reason,
            time(row.opened_at),
            time(row.changed_at),
            row.resolved_at.map(time).unwrap_or_default(),
            row.asset.to_string(),
            row.name,
            row.native_id,
            row.account,
            row.region,
            row.kind.code().to_owned(),
            row.platform.code().to_owned(),
            row.connection.to_string(),
        ];
        let [id, title, rest @ ..] = &fields;
        let area = Area::of_control(&row.control).map_or("", Area::code);
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(into);
        let opening = [id.as_str(), &row.control, title, area, row.kind.family().code()];
        let all = opening.into_iter().chain(rest.iter().map(String::as_str)).map(harmless);
        writer.write_record(all.map(std::borrow::Cow::into_owned)).map_err(|fault| fault.to_string())
    }
}

/// A spreadsheet takes what begins so for a formula; names in an estate are strangers' words.
fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_becomes_a_formula() {
        assert_eq!(harmless("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(harmless("api-1"), "api-1");
        assert_eq!(COLUMNS.trim().split(',').count(), 20);
    }
}
