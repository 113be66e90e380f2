//! How lists become evidence: a few members, and how many more there are.

use std::fmt::Write;

/// At most `most` items, joined, and the number of those left out.
pub(super) fn listed<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown = items.len().min(most);
    let mut text = String::new();
    for item in &items[..shown] {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(item.as_ref());
    }
    if items.len() > shown {
        // Writing to a string cannot fail.
        let _ = write!(text, " and {} more", items.len() - shown);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_long_list_says_how_much_is_left_out() {
        assert_eq!(listed::<&str>(&[], 2), "");
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }
}
