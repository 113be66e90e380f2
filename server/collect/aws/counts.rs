//! How many functions run as each role, as far as they could be counted.

use std::collections::HashMap;

use aws_sdk_lambda::Client;

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

/// Counts the functions of one region.
pub async fn region(client: Client, caller: &Caller) -> Counts {
    let mut by_role = HashMap::new();
    let counting = caller.call(LIST, "functions", async {
        let mut pages = client.list_functions().into_paginator().send();
        while let Some(page) = pages.next().await {
            for role in page?.functions.unwrap_or_default().into_iter().filter_map(|one| one.role) {
                *by_role.entry(role).or_insert(0) += 1;
            }
        }
        Ok::<_, aws_sdk_lambda::error::SdkError<_, _>>(())
    });
    let missed = counting.await.why_unknown().cloned();
    Counts { by_role, missed }
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
    fn the_first_reason_stays() {
        let mut all = Counts::default();
        all.add(counts(&[], Some("first")));
        all.add(counts(&[("own", 1)], None));
        assert_eq!(all.users("own"), Fact::unknown("first"));
    }
}
