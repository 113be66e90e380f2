//! When something is due: schedules as people say them. Pure; the clock is the caller's.

mod schedule;

pub use schedule::{Every, Schedule};
