//! AWS policies, read for what they amount to.
//!
//! Pure. Grammar after the IAM user guide, "Grammar of the IAM JSON policy language". What is
//! asked is not "is this one call allowed" but "how far does this go", so resources are told apart
//! only as *every* and *some*, and a condition on an Allow is taken to narrow it.

mod document;
mod identity;
mod invocation;
mod narrowing;
mod resource;

pub use document::{BadPolicy, Document, matches, parse};
pub use identity::{Sources, identity};
pub use invocation::{Url, invoke_policy};
pub use resource::{resource_policy, services};
