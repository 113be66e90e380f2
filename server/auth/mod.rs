//! Who is asking, and whether they may: passwords, second factors, sessions, tokens, sealed secrets.
//!
//! Decides; shows nothing. Pages and the API ask here and tell people what came of it. A secret
//! leaves this module at most once, towards the person it was made for.

pub mod actor;
pub mod audit;
pub mod bearer;
pub mod login;
pub mod oidc;
pub mod password;
pub mod rotate;
pub mod secrets;
pub mod session;
pub mod setup;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod vault;
pub mod whence;

pub use actor::{Actor, Means};
pub use token::Secret;
pub use vault::Vault;

use crate::store::StoreError;

/// Why somebody is not let in, or a secret not kept. What a stranger is told says less.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Address or password or code: which one is not told.
    #[error("that did not match")]
    Mismatch,
    /// Too many attempts.
    #[error("too many attempts; try again in {0} seconds")]
    TooMany(i64),
    /// The link is used, over, or was never made.
    #[error("this link does not work any more")]
    DeadLink,
    /// The person belongs to no tenant.
    #[error("nobody has given you access yet")]
    NoPlace,
    /// What was entered cannot be taken.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A sealed secret cannot be opened.
    #[error("a secret cannot be opened: {0}")]
    Sealed(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}
