//! Host environment: what the provider carries for functions, and what is yours for containers.

use super::{Context, control, known};

mod runs_as_root;

pub use runs_as_root::RUNS_AS_ROOT;
