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

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

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

/// A digest of the set of controls: it changes when a control comes or goes and with each version
/// of the program, so that whoever stores verdicts knows what to judge again.
pub fn control_set() -> [u8; 32] {
    static SET: LazyLock<[u8; 32]> = LazyLock::new(|| {
        let mut digest = Sha256::new();
        digest.update(env!("CARGO_PKG_VERSION"));
        for control in all() {
            digest.update([0]);
            digest.update(control.code);
        }
        digest.finalize().into()
    });
    *SET
}

#[cfg(test)]
mod tests;
