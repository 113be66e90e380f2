//! When runtimes, stacks and base images stop being fixed, from a table carried in the product.
//!
//! The table is `data/eol.json` (its origin and date are in `data/SOURCES.md`). A product or version
//! that is not in it is *not listed*, never taken for supported.

use std::collections::HashMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::model::{EndOfLife, Runtime};

mod images;
mod stacks;

pub use images::base_image;
pub use stacks::azure_stack;

/// The carried table.
#[derive(Default, Deserialize)]
struct Table {
    snapshot: String,
    products: HashMap<String, HashMap<String, End>>,
}

/// One entry: a day, or whether support has ended on a day nobody stated.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum End {
    On(NaiveDate),
    Ended(bool),
}

impl From<End> for EndOfLife {
    fn from(end: End) -> Self {
        match end {
            End::On(day) => Self::On(day),
            End::Ended(true) => Self::Ended,
            End::Ended(false) => Self::Open,
        }
    }
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../data/eol.json")).unwrap_or_default());

/// The day the table was taken, as `2026-08-22`.
pub fn snapshot() -> &'static str {
    &TABLE.snapshot
}

/// The entry of one release: `lookup("python", "3.9")`.
fn lookup(product: &str, release: &str) -> EndOfLife {
    let found = TABLE.products.get(product).and_then(|releases| releases.get(release));
    found.copied().map_or(EndOfLife::NotListed, EndOfLife::from)
}

/// The entry of the longest leading part of `version` that the table lists: `12.5` finds `12`.
fn lookup_version(product: &str, version: &str) -> EndOfLife {
    let mut part = version.trim_start_matches('v');
    loop {
        match lookup(product, part) {
            EndOfLife::NotListed => match part.rsplit_once('.') {
                Some((shorter, _)) => part = shorter,
                None => return EndOfLife::NotListed,
            },
            found => return found,
        }
    }
}

/// A managed runtime of AWS Lambda by its identifier (`python3.9`). The end is the day AWS stops
/// patching it, which is earlier than the day it refuses updates.
pub fn lambda_runtime(identifier: &str) -> Runtime {
    Runtime { label: identifier.to_owned(), end_of_life: lookup("aws-lambda", identifier) }
}

#[cfg(test)]
mod tests;
