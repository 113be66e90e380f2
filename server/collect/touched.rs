//! Which things of a source may have been touched since a whole reading, by the source's own record of
//! changes. It reads no record itself: each source's does.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

/// What may have been touched: anything, where the record does not tell.
#[derive(Debug, Default)]
pub struct Touched(Option<HashSet<String>>);

impl Touched {
    /// These and nothing else; anything where there is no telling.
    pub fn of(names: Option<HashSet<String>>) -> Self {
        Self(names)
    }

    /// Whether the thing of this name may have been.
    pub fn may_hold(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|names| names.contains(name))
    }
}

/// From when a record is asked: what happened shortly before a whole reading began may not have been seen by
/// it.
pub fn asked_from(since: DateTime<Utc>) -> DateTime<Utc> {
    since - TimeDelta::minutes(30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_telling_anything_may_have_been_touched() {
        assert!(Touched::default().may_hold("orders") && Touched::of(None).may_hold("orders"));
        assert!(!Touched::of(Some(HashSet::new())).may_hold("orders"));
        let one = Touched::of(Some(HashSet::from(["orders".to_owned()])));
        assert!(one.may_hold("orders") && !one.may_hold("billing"));
    }
}
