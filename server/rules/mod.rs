//! The controls: every question asked of serverless and containers alike.
//!
//! Pure: a control looks at one asset and a date. No I/O, no clock, no knowledge of where facts
//! come from or where verdicts go. One file a control, in the folder of its area; adding one is
//! that file, its `mod` line and its entry in [`all`] (a test holds the two together).

pub mod access;
pub mod host;

mod control;

pub use control::{Check, Context, Control, Framework, NoFacts, Reading, Readings, Vector};
use control::{control, known};

use crate::model::Outcome;

/// Every control, ordered by area and number.
pub fn all() -> &'static [&'static Control] {
    static ALL: &[&Control] = &[&access::ADMIN_IDENTITY, &host::RUNS_AS_ROOT];
    ALL
}

/// The control with this code.
pub fn find(code: &str) -> Option<&'static Control> {
    all().iter().copied().find(|control| control.code == code)
}

/// Every control's verdict on one asset, in the order of [`all`].
pub fn evaluate(context: &Context<'_>) -> Vec<Outcome> {
    all().iter().map(|control| control.judge(context)).collect()
}

#[cfg(test)]
mod tests;
