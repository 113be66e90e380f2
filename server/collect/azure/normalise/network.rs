//! Who reaches an app over the network.

use super::super::wire::{AddressRule, Site, SiteConfig};
use crate::model::PublicNetwork;

/// Network access under a list of address rules.
pub fn network(
    site: &Site,
    config: &SiteConfig,
    rules: Option<&[AddressRule]>,
    default: Option<&str>,
) -> PublicNetwork {
    let access = site.public_network_access.as_ref().or(config.public_network_access.as_ref());
    let enabled = !access.is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    PublicNetwork { enabled, restricted: turns_away(rules.unwrap_or_default(), default) }
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
            network(&Site::default(), &SiteConfig::default(), Some(rules), default).restricted
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
}
