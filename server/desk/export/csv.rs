//! Comma-separated values (RFC 4180) for spreadsheets.

use chrono::{DateTime, Utc};

use super::{Writer, title};
use crate::model::Area;
use crate::store::pages::findings::Listed;

/// The heading.
const COLUMNS: &str = "id,control,title,area,family,severity,priority,state,reason,opened_at,changed_at,resolved_at,asset_id,asset,native_id,account,region,kind,platform,connection_id,exception_id,accepted_until\r\n";

/// Writes a table.
pub struct Csv;

impl Writer for Csv {
    fn head(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        into.extend_from_slice(COLUMNS.as_bytes());
        Ok(())
    }

    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String> {
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let fields = [
            row.id.to_string(),
            title(&row.control),
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
            row.acceptance.as_ref().map(|one| one.exception.to_string()).unwrap_or_default(),
            row.acceptance.as_ref().map(|one| time(one.until)).unwrap_or_default(),
        ];
        let [id, title, rest @ ..] = &fields;
        let area = Area::of_control(&row.control).map_or("", Area::code);
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(into);
        let opening = [id.as_str(), &row.control, title, area, row.kind.family().code()];
        let all = opening.into_iter().chain(rest.iter().map(String::as_str)).map(harmless);
        writer.write_record(all.map(std::borrow::Cow::into_owned)).map_err(|fault| fault.to_string())
    }

    fn tail(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        Ok(())
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
        assert_eq!(COLUMNS.trim().split(',').count(), 22);
    }
}
