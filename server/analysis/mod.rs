//! Pure and heavy reading of what collectors found: secrets, policies, ends of support, history.
//!
//! No I/O and no clock; collectors call in while they normalise, before facts reach the store.

pub mod eol;
pub mod history;
pub mod iam;
pub mod secrets;
