//! Findings in bulk: every row that matches in the form a consumer reads, streamed. Memory does not
//! grow with them, and a reader that is slow is waited for.

mod asff;
mod csv;
mod ocsf;
mod sarif;

pub use asff::Hub;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;

use crate::model::TenantId;
use crate::store::pages::findings::{self, Filter, Key, Listed};
use crate::store::{Store, StoreError};

/// Rows read at a time.
const BATCH: i64 = 2_000;

/// Writes rows in one form. A fault ends the stream where it stands.
pub trait Writer: Send {
    /// What stands before the first row.
    fn head(&mut self, into: &mut Vec<u8>) -> Result<(), String>;
    /// A row.
    fn row(&mut self, row: Listed, into: &mut Vec<u8>) -> Result<(), String>;
    /// What stands after the last row.
    fn tail(&mut self, into: &mut Vec<u8>) -> Result<(), String>;
}

/// The forms other programs read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated values with a heading.
    Csv,
    /// OCSF Compliance Findings, one a line.
    Ocsf,
    /// One SARIF log.
    Sarif,
    /// AWS Security Finding Format, a hundred a line.
    Asff(Hub),
}

impl Form {
    /// The form of this name.
    pub fn named(name: &str, hub: Hub) -> Option<Self> {
        match name {
            "" | "csv" => Some(Self::Csv),
            "ocsf" => Some(Self::Ocsf),
            "sarif" => Some(Self::Sarif),
            "asff" => Some(Self::Asff(hub)),
            _ => None,
        }
    }

    /// Media type and name of its file.
    pub const fn file(&self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("text/csv; charset=utf-8", "findings.csv"),
            Self::Ocsf => ("application/x-ndjson", "findings.ocsf.ndjson"),
            Self::Sarif => ("application/sarif+json", "findings.sarif"),
            Self::Asff(_) => ("application/x-ndjson", "findings.asff.ndjson"),
        }
    }

    /// Its writer; `base` is where our pages are.
    pub fn writer(self, tenant: TenantId, base: &str) -> Box<dyn Writer> {
        let base = base.trim_end_matches('/').to_owned();
        match self {
            Self::Csv => Box::new(csv::Csv),
            Self::Ocsf => Box::new(ocsf::Ocsf { tenant, base }),
            Self::Sarif => Box::new(sarif::Sarif::new(base)),
            Self::Asff(hub) => Box::new(asff::Asff::new(hub, base)),
        }
    }
}

/// Everything that matches, the most urgent first. The first rows are read before this returns, so
/// that a database that is away is said so.
pub async fn stream(
    store: &Store,
    tenant: TenantId,
    filter: Filter,
    clock: fn() -> DateTime<Utc>,
    writer: Box<dyn Writer>,
) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + use<>, StoreError> {
    let mut reader = Reader { store: store.clone(), tenant, filter, clock, writer, after: None, over: false };
    let mut start = Vec::new();
    reader.writer.head(&mut start).map_err(broken)?;
    reader.next(&mut start).await?;
    Ok(futures::stream::try_unfold((reader, Some(Bytes::from(start))), |(mut reader, start)| async move {
        if let Some(start) = start {
            return Ok(Some((start, (reader, None))));
        }
        if reader.over {
            return Ok(None);
        }
        let mut lines = Vec::new();
        reader.next(&mut lines).await?;
        Ok(Some((Bytes::from(lines), (reader, None))))
    }))
}

fn broken(problem: String) -> StoreError {
    StoreError::Inconsistent { table: "findings", problem }
}

struct Reader {
    store: Store,
    tenant: TenantId,
    filter: Filter,
    clock: fn() -> DateTime<Utc>,
    writer: Box<dyn Writer>,
    after: Option<Key>,
    over: bool,
}

impl Reader {
    /// The next rows. Each batch is a transaction of its own: a slow reader holds nothing.
    async fn next(&mut self, into: &mut Vec<u8>) -> Result<(), StoreError> {
        let mut tx = self.store.begin(self.tenant).await?;
        let found = findings::list(&mut tx, &self.filter, (self.clock)(), self.after, BATCH).await?;
        drop(tx);
        self.over = !found.more;
        self.after = found.rows.last().map(|row| Key { priority: row.priority, id: row.id });
        into.reserve(found.rows.len() * 700);
        for row in found.rows {
            self.writer.row(row, into).map_err(broken)?;
        }
        if self.over {
            self.writer.tail(into).map_err(broken)?;
        }
        Ok(())
    }
}

/// A value as JSON.
fn json(value: &serde_json::Value, into: &mut Vec<u8>) -> Result<(), String> {
    serde_json::to_writer(into, value).map_err(|fault| fault.to_string())
}

/// The first letters of a text, at most `most`, with a sign where it was cut.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The words of a control under a heading; empty where the control is gone.
fn section(control: &str, heading: &str) -> &'static str {
    crate::rules::find(control).and_then(|one| one.section(heading)).unwrap_or("")
}

/// The defect a control names, or its code where the control is gone.
fn title(control: &str) -> String {
    crate::rules::find(control).map_or_else(|| control.to_owned(), |one| one.title().to_owned())
}

/// Why and until when a finding is accepted.
fn acceptance(row: &Listed) -> Option<String> {
    let one = row.acceptance.as_ref()?;
    Some(format!("accepted until {} by {}: {}", one.until.format("%Y-%m-%d"), one.by, one.reason))
}

#[cfg(test)]
mod tests;
