//! Dynamic baselining: what is normal here is learned, never fixed.

use super::{Context, control, known, listed};
use chrono::{DateTime, TimeDelta, Utc};

mod new_trigger;
mod unusual_change;
mod unusual_count;

pub use new_trigger::NEW_TRIGGER;
pub use unusual_change::UNUSUAL_CHANGE;
pub use unusual_count::UNUSUAL_COUNT;

/// How long something counts as having just happened.
const RECENT_DAYS: i64 = 7;

/// Whether `moment` lies within the last few days before now.
fn recent(moment: DateTime<Utc>, context: &Context<'_>) -> bool {
    context.now - moment <= TimeDelta::days(RECENT_DAYS)
}
