//! Operations: logs, traces, owners, and how well we see at all.

use super::{Context, control, known, listed};

mod missing_permission;
mod no_logs;
mod no_owner;
mod no_tracing;
mod stale;

pub use missing_permission::MISSING_PERMISSION;
pub use no_logs::NO_LOGS;
pub use no_owner::NO_OWNER;
pub use no_tracing::NO_TRACING;
pub use stale::STALE;
