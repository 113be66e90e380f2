//! What people and programs do here, the same from a page and from the API: checked, done, and put
//! on record in one transaction. Who may do it was decided at the door. No HTML, no JSON, no SQL.

pub mod connections;
pub mod digests;
pub mod exceptions;
pub mod export;
pub mod providers;
pub mod tickets;
pub mod trackers;
pub mod webhooks;

use crate::error::AppError;
use crate::store::StoreError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It was asked wrongly, or cannot be done now.
    #[error(transparent)]
    App(#[from] AppError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn invalid(field: &str, problem: impl Into<String>) -> Refusal {
    AppError::Invalid { field: field.to_owned(), problem: problem.into() }.into()
}
