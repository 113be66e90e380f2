//! What can go wrong towards a user: one error type, rendered as a page by `web` and as problem
//! JSON by `api`. Internal causes are logged once with an incident id and never shown.

/// An answer that is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No such thing, or not yours.
    #[error("{0} was not found")]
    NotFound(&'static str),
    /// The request makes no sense; names the field and the problem.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which part of the request.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It cannot be done in the present state.
    #[error("{0}")]
    Conflict(String),
    /// They may not do this; names the permission that is missing.
    #[error("this needs the permission to {0}")]
    Forbidden(String),
    /// Too often; how many seconds to wait.
    #[error("too many attempts; try again in {0} seconds")]
    TooMany(i64),
    /// Something we need is away; trying again later may help.
    #[error("{0} is not available right now")]
    Unavailable(&'static str),
    /// Our fault.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
