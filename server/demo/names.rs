//! Plausible names, made so that a name leads back to the number of the thing it names: the
//! sample cloud keeps no list of what it holds.

use super::estate::Thing;

/// What a service is about. No hyphens, so that names can be taken apart again.
pub const DOMAINS: [&str; 32] = [
    "orders",
    "invoice",
    "image",
    "payments",
    "customer",
    "catalog",
    "shipping",
    "inventory",
    "pricing",
    "search",
    "newsletter",
    "loyalty",
    "returns",
    "fraud",
    "ledger",
    "booking",
    "checkout",
    "session",
    "report",
    "webhook",
    "partner",
    "tax",
    "warehouse",
    "review",
    "coupon",
    "device",
    "telemetry",
    "document",
    "contract",
    "payroll",
    "audit",
    "gateway",
];

/// What a service does.
pub const ACTIONS: [&str; 24] = [
    "api",
    "render",
    "resize",
    "sync",
    "export",
    "import",
    "worker",
    "notify",
    "validate",
    "index",
    "archive",
    "authorizer",
    "enrich",
    "dispatch",
    "cleanup",
    "router",
    "stream",
    "digest",
    "convert",
    "score",
    "poll",
    "bridge",
    "replay",
    "migrate",
];

/// Who owns services.
pub const TEAMS: [&str; 9] =
    ["storefront", "billing", "logistics", "growth", "platform", "data", "identity", "risk", "backoffice"];

const PAIRS: u64 = (DOMAINS.len() * ACTIONS.len()) as u64;
const TURN: usize = 5;

/// A service's name and what it was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Position in [`DOMAINS`].
    pub domain: usize,
    /// Position in [`ACTIONS`].
    pub action: usize,
    /// 0 for the first of its name, then 1, 2, …
    pub copy: u64,
}

impl Service {
    /// The service with number `index`.
    pub fn nth(index: u64) -> Self {
        let slot = usize::try_from(index % PAIRS).unwrap_or_default();
        let domain = slot % DOMAINS.len();
        let action = (slot / DOMAINS.len() + domain * TURN) % ACTIONS.len();
        Self { domain, action, copy: index / PAIRS }
    }

    /// Reads a name back.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split('-');
        let domain = DOMAINS.iter().position(|word| Some(*word) == parts.clone().next())?;
        parts.next();
        let action = ACTIONS.iter().position(|word| Some(*word) == parts.clone().next())?;
        parts.next();
        let copy = match parts.next() {
            None => 0,
            Some(digits) => digits.parse::<u64>().ok().filter(|copy| (2..1_000_000).contains(copy))? - 1,
        };
        let service = Self { domain, action, copy };
        (parts.next().is_none() && service.to_string() == name).then_some(service)
    }

    /// Its number.
    pub fn index(self) -> u64 {
        let turned =
            (self.action + ACTIONS.len() * TURN * DOMAINS.len() - self.domain * TURN) % ACTIONS.len();
        self.copy * PAIRS + (turned * DOMAINS.len() + self.domain) as u64
    }

    /// The team that owns it.
    pub const fn team(self) -> usize {
        self.domain % TEAMS.len()
    }

    /// How many times likelier than usual its team is to leave a thing undone: some teams are
    /// careful, others are not, so defects gather as they do in life.
    pub const fn carelessness(self) -> f64 {
        [0.5, 0.3, 1.2, 1.8, 0.4, 1.3, 0.6, 0.5, 2.2][self.team()]
    }
}

impl std::fmt::Display for Service {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}-{}", DOMAINS[self.domain], ACTIONS[self.action])?;
        if self.copy > 0 { write!(out, "-{}", self.copy + 1) } else { Ok(()) }
    }
}

/// Tags a service carries: an owner more often than not.
pub fn tags(thing: &Thing, service: Service, environment: &str) -> Vec<(&'static str, String)> {
    let mut draw = thing.draw("tags");
    let team = TEAMS[service.team()];
    let mut tags = vec![("environment", environment.to_string())];
    if !draw.chance(22.0 * service.carelessness().min(2.0)) {
        let key = draw.weighted(&[(5, "owner"), (3, "team"), (1, "Owner")]);
        tags.push((key, if key == "owner" { format!("{team}@example.com") } else { team.to_string() }));
    }
    if draw.chance(55.0) {
        tags.push(("cost-center", format!("cc-{}", 1000 + draw.below(40) * 10)));
    }
    if draw.chance(30.0) {
        tags.push(("data-class", draw.pick(&["public", "internal", "confidential"]).to_string()));
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_leads_back_to_its_number(index in 0_u64..500_000) {
            let service = Service::nth(index);
            prop_assert_eq!(service.index(), index);
            prop_assert_eq!(Service::parse(&service.to_string()), Some(service));
        }

        #[test]
        fn any_text_is_read_without_harm(text in ".{0,40}") {
            if let Some(service) = Service::parse(&text) {
                prop_assert_eq!(service.to_string(), text);
            }
        }
    }

    #[test]
    fn a_copy_below_two_is_no_name_of_ours() {
        assert_eq!(Service::parse("orders-api-1"), None);
        assert_eq!(Service::parse("orders-api-02"), None);
    }
}
