//! The sample cloud and `parallax demo`: an estate made up from a seed, behind a server on loopback
//! that answers as Lambda, IAM, STS, CloudWatch, ECR, Azure Resource Manager and an OCI registry do.
//!
//! The real collectors read it as they would read the real services. Nothing here writes to the
//! database, and nothing is kept in memory per asset.

mod aws;
mod azure;
mod cloud;
mod estate;
mod image;
mod json;
mod names;
mod oci;
mod secrets;
mod seed;

pub use cloud::SampleCloud;
pub use estate::{ACCOUNTS, SUBSCRIPTIONS, Shape};
