//! A list that is read page by page, as far as it is read: whoever answers decides neither how long
//! that takes nor how much is kept.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

/// Pages of a list read at most.
pub const MOST_PAGES: usize = 20;
/// Bytes of a list's pages, after which no more are read.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// A list as far as it was read.
#[derive(Debug)]
pub struct Listed<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// There is more that was not read.
    pub cut: bool,
    most: usize,
    most_pages: usize,
    pages: usize,
    bytes: usize,
}

impl<T> Listed<T> {
    /// An empty one that takes so many rows from so many pages.
    pub fn of(most: usize, most_pages: usize) -> Self {
        Self { rows: Vec::new(), cut: false, most, most_pages, pages: 0, bytes: 0 }
    }

    /// Takes in the rows of a page of so many bytes; `more` says that another page follows. Returns
    /// whether that one is to be read.
    pub fn page(&mut self, rows: impl IntoIterator<Item = T>, bytes: usize, more: bool) -> bool {
        self.pages += 1;
        self.bytes += bytes;
        // One more than is kept tells that there are more.
        self.rows.extend(rows.into_iter().take(self.most + 1 - self.rows.len()));
        let full = self.rows.len() >= self.most || self.pages >= self.most_pages || self.bytes >= MOST_BYTES;
        self.cut = self.rows.len() > self.most || (more && full);
        self.rows.truncate(self.most);
        more && !full
    }
}

/// The rows of a page; none where it has none.
pub fn rows(page: &Value) -> &[Value] {
    page.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A moment in one of the forms that trackers write.
pub fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    // ServiceNow names no zone, and means UTC.
    if let Ok(read) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
        return Some(read.and_utc());
    }
    // Jira writes its zone without a colon.
    let jira = |_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z");
    let read = DateTime::parse_from_rfc3339(text).or_else(jira).ok()?;
    Some(read.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_ends_by_rows_by_pages_and_by_bytes() {
        let mut short = Listed::of(5, MOST_PAGES);
        assert!(short.page([1, 2], 10, true) && !short.page([3], 10, false) && !short.cut);
        let mut long = Listed::of(3, MOST_PAGES);
        assert!(long.page([1, 2], 10, true) && !long.page([3, 4, 5], 10, false));
        assert!(long.cut && long.rows == [1, 2, 3]);
        let mut whole = Listed::of(3, MOST_PAGES);
        assert!(!whole.page([1, 2, 3], 10, false) && !whole.cut);
        let mut endless = Listed::<u8>::of(3, MOST_PAGES);
        assert_eq!((0..100).take_while(|_| endless.page(None, 10, true)).count(), MOST_PAGES - 1);
        assert!(endless.cut);
        let mut heavy = Listed::<u8>::of(3, MOST_PAGES);
        assert!(!heavy.page(None, MOST_BYTES, true) && heavy.cut);
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let wanted = DateTime::from_timestamp(1_767_225_600, 0);
        for text in ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00.000+0100", "2026-01-01 00:00:00"] {
            assert_eq!(moment(&json!(text)), wanted, "{text}");
        }
        assert_eq!((moment(&json!("soon")), moment(&Value::Null)), (None, None));
    }
}
