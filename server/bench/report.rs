//! What a measurement found: a table for people, a file for later comparison.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// At most this much is wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

impl Figure {
    /// A figure that is only told.
    pub fn told(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { what: what.into(), value, unit, at_most: None }
    }

    /// A figure with a bound.
    pub fn bound(what: impl Into<String>, value: f64, unit: &'static str, at_most: f64) -> Self {
        Self { what: what.into(), value, unit, at_most: Some(at_most) }
    }

    fn met(&self) -> Option<bool> {
        self.at_most.map(|most| self.value <= most)
    }
}

/// The figures of one measurement and how to repeat it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Its name; the file is called after it.
    pub name: &'static str,
    /// The command that repeats it.
    pub command: String,
    /// Processor and number of cores.
    pub machine: String,
    /// Whether the program was built for speed.
    pub release: bool,
    /// What was found.
    pub figures: Vec<Figure>,
}

impl Report {
    /// A report that `command` repeats.
    pub fn new(name: &'static str, command: impl Into<String>, figures: Vec<Figure>) -> Self {
        Self { name, command: command.into(), machine: machine(), release: !cfg!(debug_assertions), figures }
    }

    /// Whether every bound was kept.
    pub fn good(&self) -> bool {
        self.figures.iter().all(|figure| figure.met() != Some(false))
    }

    /// The table.
    pub fn table(&self) -> String {
        let width = self.figures.iter().map(|figure| figure.what.chars().count()).max().unwrap_or(0);
        let build = if self.release { "release" } else { "debug build: figures mean little" };
        let mut text =
            format!("{} — {} ({build})\n  repeat with: {}\n", self.name, self.machine, self.command);
        for figure in &self.figures {
            let bound = match (figure.at_most, figure.met()) {
                (Some(most), Some(true)) => format!("  at most {most} {}: kept", figure.unit),
                (Some(most), _) => format!("  at most {most} {}: MISSED", figure.unit),
                (None, _) => String::new(),
            };
            let (what, value, unit) = (&figure.what, number(figure.value), figure.unit);
            let _ = writeln!(text, "  {what:<width$}  {value:>12} {unit}{bound}");
        }
        text
    }

    /// Writes the file `<folder>/<name>.json`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(folder.join(format!("{}.json", self.name)), text + "\n")
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{cores} cores, {}", model.map_or("unknown processor", |(_, name)| name.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bound_is_said_and_remembered() {
        let figures = vec![Figure::bound("wall", 2.5, "s", 2.0), Figure::told("calls", 900.0, "calls")];
        let report = Report::new("evaluate", "./dev bench evaluate", figures);
        assert!(!report.good());
        assert!(report.table().contains("at most 2 s: MISSED"));
        assert!(report.table().contains("900 calls"));
    }
}
