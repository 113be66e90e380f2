//! The way of the data: collect, store what changed, judge what changed, keep the counts.
//!
//! The only place that joins collectors, rules, scores and the store. No clock of its own.

pub mod assess;
pub mod digest;
pub mod exceptions;
pub mod refresh;
pub mod scan;

mod lives;
mod memory;
