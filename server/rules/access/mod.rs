//! Access control and blast radius: what each side may reach, and who may reach it.

use super::{Context, control, known};

mod admin_identity;

pub use admin_identity::ADMIN_IDENTITY;
