//! Who calls an app, and whom it asks who they are: its functions, the platform's log-in, its publishing.

use super::super::wire::{AuthenticationSettings, Binding, Function, PublishingPolicy};
use crate::model::{Endpoint, EndpointAuth, Fact, FunctionFacts, Trigger};

/// Functions that could be read, and whether those are all.
pub fn of_functions((functions, whole): &(Vec<Function>, Fact<()>), facts: &mut FunctionFacts) {
    let (mut endpoints, mut triggers, mut whole) = (Vec::new(), Vec::new(), whole.clone());
    for function in functions {
        let properties = function.properties.as_ref();
        if properties.is_some_and(|one| one.is_disabled == Some(true)) {
            continue;
        }
        let name = properties.and_then(|one| one.name.clone()).unwrap_or_default();
        let config = properties.and_then(|one| one.config.as_ref());
        let Some(bindings) = config.and_then(|one| one.bindings.as_ref()) else {
            let why = format!("the bindings of function {name:?} were not in the answer");
            if whole.known().is_some() {
                whole = Fact::unknown(why);
            }
            continue;
        };
        for binding in bindings {
            let kind = binding.r#type.clone().unwrap_or_default();
            if kind.eq_ignore_ascii_case("httpTrigger") {
                endpoints.push(Endpoint { name: name.clone(), auth: auth(binding) });
            }
            if kind.to_lowercase().ends_with("trigger") {
                triggers.push(Trigger { kind, source: name.clone(), qualifier: None, first_seen: None });
            }
        }
    }
    // An open way in is open whatever could not be read beside it.
    let open = endpoints.iter().any(|one| one.auth == EndpointAuth::None);
    facts.endpoints = if open { Fact::Known(endpoints) } else { whole.clone().map(|()| endpoints) };
    facts.triggers = whole.map(|()| triggers);
}

/// Without a level the runtime asks for a function key.
fn auth(binding: &Binding) -> EndpointAuth {
    let level = binding.auth_level.as_deref().unwrap_or("function");
    if level.eq_ignore_ascii_case("anonymous") { EndpointAuth::None } else { EndpointAuth::Key }
}

/// Whether the platform asks callers who they are before the code sees them.
pub fn demands_login(settings: &AuthenticationSettings) -> bool {
    let enabled = settings.platform.as_ref().and_then(|one| one.enabled).unwrap_or(false);
    let validation = settings.global_validation.clone().unwrap_or_default();
    let anonymous = validation
        .unauthenticated_client_action
        .is_some_and(|action| action.eq_ignore_ascii_case("AllowAnonymous"));
    enabled && validation.require_authentication.unwrap_or(!anonymous) && !anonymous
}

/// The paths that its log-in leaves out.
pub fn open_paths(settings: &AuthenticationSettings) -> Vec<String> {
    let validation = settings.global_validation.as_ref();
    validation.and_then(|one| one.excluded_paths.clone()).unwrap_or_default()
}

/// A password works if it works for FTP or SCM; that it does not needs the word of both.
pub fn either(policies: Fact<Vec<PublishingPolicy>>) -> Fact<bool> {
    let policies = match policies {
        Fact::Known(policies) => policies,
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    let said = |name: &str| {
        let named = |one: &&PublishingPolicy| {
            one.name.as_deref().is_some_and(|found| {
                found.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
            })
        };
        policies.iter().find(named)?.properties.as_ref()?.allow
    };
    match (said("ftp"), said("scm")) {
        (Some(true), _) | (_, Some(true)) => Fact::Known(true),
        (Some(false), Some(false)) => Fact::Known(false),
        _ => Fact::unknown("not both publishing policies were in the answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_is_off_only_when_both_are_read_and_off() {
        let said = |rows: &[(&str, bool)]| {
            let rows = rows
                .iter()
                .map(|(name, allow)| serde_json::json!({ "name": name, "properties": { "allow": allow } }));
            let read = |row| serde_json::from_value(row).expect("a policy");
            either(Fact::Known(rows.map(read).collect()))
        };
        assert_eq!(said(&[("ftp", false), ("scm", false)]), Fact::Known(false));
        assert_eq!(said(&[("site/ftp", false), ("site/SCM", true)]), Fact::Known(true));
        assert!(said(&[("ftp", false)]).known().is_none());
        assert!(said(&[]).known().is_none());
        assert!(either(Fact::unknown("denied")).known().is_none());
    }
}
