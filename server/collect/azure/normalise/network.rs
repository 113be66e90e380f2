//! Who reaches an app over the network.

use super::super::wire::{AddressRule, Site, SiteConfig};
use crate::model::{Fact, PublicNetwork};

/// Network access under a list of address rules. After
/// <https://learn.microsoft.com/azure/app-service/overview-access-restrictions>.
pub fn network(
    site: &Site,
    config: &SiteConfig,
    rules: Option<&[AddressRule]>,
    default: Option<&str>,
) -> Fact<PublicNetwork> {
    let set = |access: &Option<String>| access.clone().filter(|value| !value.is_empty());
    let enabled = match set(&site.public_network_access).or(set(&config.public_network_access)) {
        Some(access) => !access.eq_ignore_ascii_case("disabled"),
        // Never set, it is on unless there is a private way in.
        None => site.private_endpoint_connections.as_ref().is_none_or(Vec::is_empty),
    };
    let found = PublicNetwork { enabled, restricted: turns_away(rules.unwrap_or_default(), default) };
    if is_open(&found) && site.hosting_environment_profile.as_ref().is_some_and(|one| one.id.is_some()) {
        return Fact::unknown("it runs in an App Service Environment, whose own address is not read");
    }
    Fact::Known(found)
}

const fn is_open(network: &PublicNetwork) -> bool {
    network.enabled && !network.restricted
}

/// Whether a caller whom no rule names is turned away. Rules are looked at by priority, and the first
/// one about any address decides. Where none is, the default does; it is to deny once there are rules.
fn turns_away(rules: &[AddressRule], default: Option<&str>) -> bool {
    let mut rules: Vec<&AddressRule> = rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority.unwrap_or(i64::MAX));
    match rules.iter().find(|rule| is_about_everyone(rule)) {
        Some(rule) => rule.action.as_deref().is_some_and(is_deny),
        None => default.map_or(!rules.is_empty(), is_deny),
    }
}

fn is_about_everyone(rule: &AddressRule) -> bool {
    let any = rule
        .ip_address
        .as_deref()
        .is_none_or(|address| address.eq_ignore_ascii_case("any") || matches!(address, "0.0.0.0/0" | "::/0"));
    any && rule.vnet_subnet_resource_id.is_none()
}

fn is_deny(action: &str) -> bool {
    action.eq_ignore_ascii_case("deny")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_rules_restrict_once_they_name_somebody() {
        let rule = |action: &str, address: &str| AddressRule {
            action: Some(action.into()),
            ip_address: Some(address.into()),
            ..AddressRule::default()
        };
        let at = |priority: i64, rule: AddressRule| AddressRule { priority: Some(priority), ..rule };
        let look = |rules: &[AddressRule], default: Option<&str>| {
            let found = network(&Site::default(), &SiteConfig::default(), Some(rules), default);
            found.known().is_some_and(|found| found.restricted)
        };
        assert!(!look(&[], None));
        assert!(!look(&[rule("Allow", "Any")], None));
        assert!(look(&[rule("Allow", "192.0.2.0/24"), rule("Deny", "Any")], None));
        assert!(!look(&[rule("Allow", "Any")], Some("Deny")), "the default is never reached");
        assert!(look(&[], Some("Deny")));
        assert!(!look(&[rule("Allow", "192.0.2.0/24")], Some("Allow")), "everybody else is let in");
        assert!(!look(&[rule("Deny", "192.0.2.0/24")], Some("Allow")));
        assert!(!look(&[at(200, rule("Deny", "Any")), at(100, rule("Allow", "0.0.0.0/0"))], None));
        assert!(look(&[at(100, rule("Deny", "Any")), at(200, rule("Allow", "Any"))], None));
    }

    fn seen(site: &str) -> Fact<PublicNetwork> {
        let site: Site = serde_json::from_str(site).expect("a site");
        network(&site, &SiteConfig::default(), None, None)
    }

    #[test]
    fn what_was_never_set_is_on_unless_there_is_a_private_way_in() {
        let enabled = |site: &str| seen(site).known().map(|found| found.enabled);
        assert_eq!(enabled("{}"), Some(true));
        assert_eq!(enabled(r#"{ "privateEndpointConnections": [{ "id": "x" }] }"#), Some(false));
        let set = r#"{ "publicNetworkAccess": "Enabled", "privateEndpointConnections": [{ "id": "x" }] }"#;
        assert_eq!(enabled(set), Some(true));
        assert_eq!(enabled(r#"{ "publicNetworkAccess": "" }"#), Some(true));
    }

    #[test]
    fn in_an_environment_of_its_own_only_what_is_closed_is_known() {
        let own = r#"{ "hostingEnvironmentProfile": { "id": "/subscriptions/x" } }"#;
        assert!(seen(own).known().is_none());
        let off = r#"{ "publicNetworkAccess": "Disabled", "hostingEnvironmentProfile": { "id": "x" } }"#;
        assert!(seen(off).known().is_some_and(|found| !found.enabled));
    }
}
