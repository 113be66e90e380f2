//! Resource consumption: nothing unbounded, nothing lost, nothing paid for in vain.

use super::{Context, control, known};

mod long_timeout;
mod loop_allowed;
mod lost_work;
mod memory_unused;
mod no_ceiling;
mod single_zone;

pub use long_timeout::LONG_TIMEOUT;
pub use loop_allowed::LOOP_ALLOWED;
pub use lost_work::LOST_WORK;
pub use memory_unused::MEMORY_UNUSED;
pub use no_ceiling::NO_CEILING;
pub use single_zone::SINGLE_ZONE;
