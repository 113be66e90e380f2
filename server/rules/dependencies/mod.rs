//! Dependencies: where code comes from, and whether its publishers still fix it.

use super::{Context, control, known, listed};
use crate::model::{EndOfLife, Outcome, Severity};
use chrono::TimeDelta;

mod end_of_support;
mod foreign_code;
mod movable_version;
mod no_quarantine;
mod no_retention;
mod not_scanned;
mod oversized;
mod secret_in_history;
mod stale_scan;
mod unpatched;
mod unsigned;

pub use end_of_support::END_OF_SUPPORT;
pub use foreign_code::FOREIGN_CODE;
pub use movable_version::MOVABLE_VERSION;
pub use no_quarantine::NO_QUARANTINE;
pub use no_retention::NO_RETENTION;
pub use not_scanned::NOT_SCANNED;
pub use oversized::OVERSIZED;
pub use secret_in_history::SECRET_IN_HISTORY;
pub use stale_scan::STALE_SCAN;
pub use unpatched::UNPATCHED;
pub use unsigned::UNSIGNED;

/// How long before its end a release counts as near it.
const NEAR_DAYS: i64 = 90;

/// The verdict on something whose publisher stops fixing it at `end`.
fn end_of_support(fact: &'static str, label: &str, end: EndOfLife, context: &Context<'_>) -> Outcome {
    let today = context.now.date_naive();
    match end {
        EndOfLife::On(day) if day < today => Outcome::fail(format!("support for {label} ended on {day}"))
            .because(fact, label)
            .because("end_of_life", day),
        EndOfLife::On(day) if day - today <= TimeDelta::days(NEAR_DAYS) => {
            Outcome::fail(format!("support for {label} ends on {day}"))
                .because(fact, label)
                .because("end_of_life", day)
                .at(Severity::Medium)
        }
        EndOfLife::On(day) => {
            Outcome::pass("its publisher still fixes it").because(fact, label).because("end_of_life", day)
        }
        EndOfLife::Ended => Outcome::fail(format!("support for {label} has ended")).because(fact, label),
        EndOfLife::Open => Outcome::pass("its publisher still fixes it").because(fact, label),
        EndOfLife::NotListed => {
            Outcome::unknown(format!("the end of support of {label} is not in our table"))
                .because(fact, label)
        }
    }
}

/// The registry of an image reference: its first part where that can be a host, and Docker's own
/// registry otherwise.
fn registry_of(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}
