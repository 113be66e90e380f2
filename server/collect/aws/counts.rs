//! How many functions run as each role, as far as they could be counted. What was listed to count them is
//! kept where it is not too much, so that few accounts are listed twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::FunctionConfiguration;

use super::caller::Caller;
use super::lambda::LIST;
use crate::model::{Fact, Unknown};

/// How many functions run as each role.
#[derive(Debug, Default)]
pub struct Counts {
    /// By the role's ARN; at least so many where not all were counted.
    pub by_role: HashMap<String, u32>,
    /// Why not all were counted.
    pub missed: Option<Unknown>,
}

impl Counts {
    /// Takes in what was counted elsewhere.
    pub fn add(&mut self, other: Self) {
        for (role, count) in other.by_role {
            *self.by_role.entry(role).or_default() += count;
        }
        self.missed = self.missed.take().or(other.missed);
    }

    /// How many run as `role`. More than one is more than one, whatever was not counted.
    pub fn users(&self, role: &str) -> Fact<u32> {
        let counted = self.by_role.get(role).copied().unwrap_or(1);
        match &self.missed {
            Some(why) if counted < 2 => Fact::Unknown(why.clone()),
            _ => Fact::Known(counted),
        }
    }
}

/// Functions of an account, in all its regions, that may still be kept.
#[derive(Debug)]
pub struct Room(AtomicUsize);

impl Room {
    /// Room for so many.
    pub const fn of(functions: usize) -> Self {
        Self(AtomicUsize::new(functions))
    }

    fn take(&self, wanted: usize) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(wanted)).is_ok()
    }

    fn give_back(&self, taken: usize) {
        self.0.fetch_add(taken, Ordering::Relaxed);
    }
}

/// Functions that were listed, as far as there is room for them.
struct Listed<'a> {
    room: &'a Room,
    functions: Option<Vec<FunctionConfiguration>>,
}

impl Listed<'_> {
    fn add(&mut self, page: Vec<FunctionConfiguration>) {
        match &mut self.functions {
            Some(kept) if self.room.take(page.len()) => kept.extend(page),
            _ => self.drop_all(),
        }
    }

    fn drop_all(&mut self) {
        self.room.give_back(self.functions.take().map_or(0, |kept| kept.len()));
    }
}

/// Counts the functions of one region, and gives them, if there was `room` for all.
pub async fn region(
    client: Client,
    caller: &Caller,
    room: &Room,
) -> (Counts, Option<Vec<FunctionConfiguration>>) {
    let mut by_role = HashMap::new();
    let mut listed = Listed { room, functions: Some(Vec::new()) };
    let counting = caller.call(LIST, "functions", async {
        let mut pages = client.list_functions().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page?.functions.unwrap_or_default();
            for role in page.iter().filter_map(|one| one.role.as_ref()) {
                *by_role.entry(role.clone()).or_insert(0) += 1;
            }
            listed.add(page);
        }
        Ok::<_, aws_sdk_lambda::error::SdkError<_, _>>(())
    });
    let missed = counting.await.why_unknown().cloned();
    if missed.is_some() {
        listed.drop_all();
    }
    (Counts { by_role, missed }, listed.functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(roles: &[(&str, u32)], missed: Option<&str>) -> Counts {
        let by_role = roles.iter().map(|(role, count)| ((*role).to_owned(), *count)).collect();
        let missed = missed.map(|reason| Unknown { reason: reason.to_owned(), permission: None });
        Counts { by_role, missed }
    }

    #[test]
    fn a_region_that_was_not_counted_leaves_nobody_alone() {
        let mut all = counts(&[("own", 1), ("shared", 2), ("halves", 1)], None);
        assert_eq!(all.users("own"), Fact::Known(1));
        all.add(counts(&[("halves", 1)], Some("lambda:ListFunctions denied")));
        assert_eq!(all.users("shared"), Fact::Known(2));
        assert_eq!(all.users("halves"), Fact::Known(2));
        assert_eq!(all.users("own"), Fact::unknown("lambda:ListFunctions denied"));
        assert_eq!(all.users("new"), Fact::unknown("lambda:ListFunctions denied"));
    }

    #[test]
    fn a_region_is_kept_whole_or_not_at_all() {
        let room = Room::of(5);
        let page = |count| (0..count).map(|_| FunctionConfiguration::builder().build()).collect::<Vec<_>>();
        let mut small = Listed { room: &room, functions: Some(Vec::new()) };
        let mut large = Listed { room: &room, functions: Some(Vec::new()) };
        large.add(page(2));
        small.add(page(2));
        large.add(page(2));
        assert!(large.functions.is_none());
        large.add(page(1));
        small.add(page(3));
        assert_eq!(small.functions.as_ref().map(Vec::len), Some(5), "what was given up made room");
        assert!(large.functions.is_none(), "a part of a region is no region");
    }

    #[test]
    fn the_first_reason_stays() {
        let mut all = Counts::default();
        all.add(counts(&[], Some("first")));
        all.add(counts(&[("own", 1)], None));
        assert_eq!(all.users("own"), Fact::unknown("first"));
    }
}
