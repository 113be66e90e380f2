//! How verdicts look on standard output, and progress on standard error.

use std::io::{self, Write};

use serde::Serialize;

use super::Format;
use crate::collect::Progress;
use crate::model::{Asset, Evidence, Gap, Outcome, Severity, Verdict};
use crate::pipeline::scan::Observer;
use crate::rules::{self, Control};

/// Rows a table shows at most; the rest is counted.
const TABLE_ROWS: usize = 500;

/// One verdict as it leaves the house.
#[derive(Debug, Serialize)]
struct Line<'a> {
    provider: &'static str,
    account: &'a str,
    region: &'a str,
    asset: &'a str,
    name: &'a str,
    kind: &'static str,
    family: &'static str,
    platform: &'static str,
    control: &'static str,
    severity: &'static str,
    verdict: &'static str,
    reason: &'a str,
    evidence: &'a [Evidence],
}

impl<'a> Line<'a> {
    fn new(asset: &'a Asset, control: &Control, outcome: &'a Outcome) -> Self {
        Self {
            provider: asset.key.provider.code(),
            account: &asset.key.account,
            region: &asset.key.region,
            asset: &asset.key.native_id,
            name: &asset.name,
            kind: asset.kind().code(),
            family: asset.family().code(),
            platform: asset.platform.code(),
            control: control.code,
            severity: outcome.severity.unwrap_or(control.severity).code(),
            verdict: outcome.verdict.code(),
            reason: &outcome.reason,
            evidence: &outcome.evidence,
        }
    }
}

/// A failing verdict kept for the table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    severity: Severity,
    control: &'static str,
    asset: String,
    reason: String,
}

/// Prints as the scan goes.
pub struct Printer<W: Write> {
    output: Output<W>,
    live: bool,
}

enum Output<W: Write> {
    Table { output: W, rows: Vec<Row>, more: usize },
    Ndjson(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Printer<W> {
    /// A printer to `output`; `live` redraws progress on one line.
    pub fn new(output: W, format: Format, live: bool) -> Self {
        let output = match format {
            Format::Table => Output::Table { output, rows: Vec::new(), more: 0 },
            Format::Ndjson => Output::Ndjson(output),
            Format::Csv => Output::Csv(Box::new(csv::Writer::from_writer(output))),
        };
        Self { output, live }
    }

    /// Prints what was held back and flushes.
    pub fn finish(mut self) -> io::Result<()> {
        if self.live {
            eprint!("\r\x1b[K");
        }
        match &mut self.output {
            Output::Table { output, rows, more } => print_table(output, rows, *more),
            Output::Ndjson(output) => output.flush(),
            Output::Csv(writer) => writer.flush(),
        }
    }
}

impl<W: Write> Observer for Printer<W> {
    fn judged(&mut self, asset: &Asset, outcomes: &[Outcome]) -> io::Result<()> {
        for (control, outcome) in rules::all().iter().zip(outcomes) {
            match &mut self.output {
                Output::Table { rows, more, .. } if outcome.verdict == Verdict::Fail => {
                    keep(rows, more, row(asset, control, outcome));
                }
                Output::Table { .. } => {}
                Output::Ndjson(output) => {
                    serde_json::to_writer(&mut *output, &Line::new(asset, control, outcome))?;
                    output.write_all(b"\n")?;
                }
                Output::Csv(writer) => write_csv(writer, &Line::new(asset, control, outcome))?,
            }
        }
        Ok(())
    }

    fn gap(&mut self, gap: &Gap) {
        let clear = if self.live { "\r\x1b[K" } else { "" };
        let cure =
            gap.permission.as_deref().map_or(String::new(), |permission| format!(" (needs {permission})"));
        eprintln!("{clear}gap: {}: {} {}: {}{cure}", gap.facet, gap.call, gap.code, gap.message);
    }

    fn progress(&mut self, progress: &Progress) {
        if self.live {
            let total = progress.total.map_or(String::new(), |total| format!(" of {total}"));
            eprint!("\r\x1b[K{}: {}{total}", progress.phase, progress.done);
        }
    }
}

fn row(asset: &Asset, control: &Control, outcome: &Outcome) -> Row {
    let place = [asset.key.provider.code(), &asset.key.account, &asset.key.region]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("/");
    Row {
        severity: outcome.severity.unwrap_or(control.severity),
        control: control.code,
        asset: format!("{} ({place})", asset.name),
        reason: outcome.reason.to_string(),
    }
}

/// Keeps the worst rows, so that the table is bounded however large the estate is.
fn keep(rows: &mut Vec<Row>, more: &mut usize, row: Row) {
    rows.push(row);
    if rows.len() > 2 * TABLE_ROWS {
        rows.sort_unstable();
        *more += rows.len() - TABLE_ROWS;
        rows.truncate(TABLE_ROWS);
    }
}

fn print_table(output: &mut impl Write, rows: &mut Vec<Row>, more: usize) -> io::Result<()> {
    rows.sort_unstable();
    let hidden = more + rows.len().saturating_sub(TABLE_ROWS);
    rows.truncate(TABLE_ROWS);
    let width = rows.iter().map(|row| row.asset.chars().count()).max().unwrap_or(0).min(60);
    for row in rows.iter() {
        let Row { severity, control, asset, reason } = row;
        writeln!(output, "{severity:<8}  {control}  {:<width$}  {}", printable(asset), printable(reason))?;
    }
    if hidden > 0 {
        writeln!(output, "… and {hidden} more; --format ndjson prints all of them")?;
    }
    output.flush()
}

/// Names come from outside: a control character in one must not reach the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

fn write_csv<W: Write>(writer: &mut csv::Writer<W>, line: &Line<'_>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Flat<'a> {
        provider: &'a str,
        account: String,
        region: String,
        asset: String,
        name: String,
        kind: &'a str,
        family: &'a str,
        platform: &'a str,
        control: &'a str,
        severity: &'a str,
        verdict: &'a str,
        reason: String,
        evidence: String,
    }
    let flat = Flat {
        provider: line.provider,
        account: inert(line.account),
        region: inert(line.region),
        asset: inert(line.asset),
        name: inert(line.name),
        kind: line.kind,
        family: line.family,
        platform: line.platform,
        control: line.control,
        severity: line.severity,
        verdict: line.verdict,
        reason: inert(line.reason),
        evidence: serde_json::to_string(line.evidence)?,
    };
    writer.serialize(flat).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    })
}

/// A spreadsheet would run a cell that opens like a formula; a leading apostrophe keeps it text.
fn inert(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_keeps_the_worst_and_counts_the_rest() {
        let (mut rows, mut more) = (Vec::new(), 0);
        for number in 0..(5 * TABLE_ROWS) {
            let severity = if number == 4 * TABLE_ROWS { Severity::Critical } else { Severity::Low };
            let asset = format!("{number:05}");
            keep(&mut rows, &mut more, Row { severity, control: "ACC-01", asset, reason: String::new() });
        }
        let mut output = Vec::new();
        print_table(&mut output, &mut rows, more).expect("a vector takes everything");
        let text = String::from_utf8(output).expect("text");
        assert!(text.starts_with("critical  ACC-01  02000"), "{text}");
        assert!(
            text.ends_with(&format!("… and {} more; --format ndjson prints all of them\n", 4 * TABLE_ROWS))
        );
    }

    #[test]
    fn a_cell_cannot_become_a_formula_nor_a_name_an_escape() {
        assert_eq!(inert("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(inert("orders"), "orders");
        assert_eq!(printable("a\x1b[31mb"), "a·[31mb");
    }
}
