//! What pages read: counts kept in advance, bounded lists, one thing by its id.
//!
//! Read only. No statement here counts a large table or skips rows; lists go on from a key.

pub mod asset;
pub mod connections;
pub mod digest;
pub mod exceptions;
pub mod findings;
pub mod inventory;
pub mod tickets;
pub mod totals;

use super::{StoreError, Tx, parsed};

/// A page of a list, and whether there is more behind it.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// More follow.
    pub more: bool,
}

impl<T> Page<T> {
    /// From one row more than a page holds.
    pub(in crate::store) fn of(mut rows: Vec<T>, size: i64) -> Self {
        let size = usize::try_from(size).unwrap_or(0);
        let more = rows.len() > size;
        rows.truncate(size);
        Self { rows, more }
    }
}
