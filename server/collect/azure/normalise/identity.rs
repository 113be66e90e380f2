//! What an app runs as, and with whom it shares that.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::app::Context;
use super::super::wire::Resource;
use crate::model::{Fact, FunctionFacts, SharedIdentity};

/// Reads what an app runs as.
pub fn of_identity(context: &Context<'_>, row: &Resource, facts: &mut FunctionFacts) {
    let identity = row.identity.clone().unwrap_or_default();
    let assigned = identity.user_assigned_identities.unwrap_or_default();
    facts.shared_identity = shared(context, &assigned);
    let system = identity.principal_id.filter(|id| !id.is_empty());
    let mut ids: Vec<String> = system.into_iter().collect();
    let own = ids.len();
    let principal = |one: &Value| one.get("principalId")?.as_str().map(str::to_owned);
    ids.extend(assigned.values().filter_map(principal).filter(|id| !id.is_empty()));
    let all = ids.len() - own == assigned.len();
    let name = assigned.keys().next().and_then(|id| id.rsplit('/').next()).or(row.name.as_deref());
    let found = match ids.first() {
        None => Fact::Known(None),
        Some(first) => context.roles.identity(first, name.unwrap_or(first), &ids).map(Some),
    };
    let admin = found.known().and_then(Option::as_ref).is_some_and(|one| one.admin);
    facts.identity = if all || admin {
        found
    } else {
        Fact::unknown("the principal of a user-assigned identity was not in the answer")
    };
}

/// The most used of the identities an app has been given.
fn shared(context: &Context<'_>, assigned: &BTreeMap<String, Value>) -> Fact<Option<SharedIdentity>> {
    if assigned.is_empty() {
        return Fact::Known(None);
    }
    let uses = match context.uses {
        Fact::Known(uses) => uses,
        Fact::Unknown(why) => return Fact::Unknown(why.clone()),
    };
    let count = |id: &String| uses.get(&id.to_lowercase()).copied().unwrap_or(1);
    let busiest = assigned.keys().max_by_key(|id| count(id));
    Fact::Known(busiest.map(|id| SharedIdentity { id: id.clone(), users: count(id) }))
}
