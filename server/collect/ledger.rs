//! What failed during a run, told once for each call and code however often it failed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::Gap;

/// A call as a source names it.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The call: `Microsoft.Web/sites/config/list/action`.
    pub name: &'static str,
    /// The permission it needs.
    pub permission: &'static str,
    /// What stays dark without it.
    pub facet: &'static str,
    /// Whether assets may be missed without it.
    pub lists: bool,
}

#[derive(Debug)]
struct Failure {
    call: Call,
    message: String,
    denied: bool,
    first: String,
    count: u64,
}

/// The failures of a run.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<(&'static str, String), Failure>>);

impl Ledger {
    /// Notes that `call` about `subject` failed with `code`.
    pub fn note(&self, call: Call, subject: &str, code: &str, message: &str, denied: bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = held.entry((call.name, code.to_owned())).or_insert_with(|| Failure {
            call,
            message: message.to_owned(),
            denied,
            first: subject.to_owned(),
            count: 0,
        });
        failure.count += 1;
        // One failure that hid assets makes the whole entry one.
        failure.call.lists |= call.lists;
    }

    /// One gap for each call and code.
    pub fn gaps(&self) -> Vec<Gap> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|((_, code), failure)| gap(code, failure)).collect()
    }
}

fn gap(code: &str, failure: &Failure) -> Gap {
    let where_ = match failure.count {
        1 => failure.first.clone(),
        many => format!("{} and {} more", failure.first, many - 1),
    };
    Gap {
        facet: failure.call.facet.to_owned(),
        call: failure.call.name.to_owned(),
        code: code.to_owned(),
        message: format!("{} ({where_})", failure.message),
        permission: failure.denied.then(|| failure.call.permission.to_owned()),
        asset: (failure.count == 1 && !failure.call.lists).then(|| failure.first.clone()),
        hides_assets: failure.call.lists,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_refusals_are_one_gap() {
        let call = Call { name: "x/read", permission: "x/read", facet: "x", lists: false };
        let ledger = Ledger::default();
        for number in 0..1000 {
            ledger.note(call, &format!("app{number}"), "AuthorizationFailed", "refused", true);
        }
        let gaps = ledger.gaps();
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].message, "refused (app0 and 999 more)");
        assert_eq!(gaps[0].permission.as_deref(), Some("x/read"));
        assert_eq!(gaps[0].asset, None);
    }
}
