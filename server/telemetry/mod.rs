//! What this process tells of itself: its numbers, and the id of the request it works on.
//!
//! Layer 0, like `tracing`: everybody may count, nobody is asked. A label is a word of a closed
//! list (a route's template, a state, a source): no tenant, person, id or address ever becomes one,
//! so two tenants cannot meet in the numbers.

pub mod meter;
mod process;
pub mod request;
