//! Container registries: one asset each, since their settings are registry-wide.

use super::AzureCollector;
use super::arm::Miss;
use super::normalise::{group_and_name, key, region, tags};
use super::wire::{self, PolicySwitch, Registry, RegistryEncryption, Resource};
use crate::collect::ledger::Call;
use crate::model::{
    Asset, Encryption, Fact, Facts, Platform, PublicNetwork, RegistryAccess, RepositoryFacts, ResourcePolicy,
};

pub(super) const REPLICAS: Call = Call {
    name: "Microsoft.ContainerRegistry/registries/replications/read",
    permission: "Microsoft.ContainerRegistry/registries/replications/read",
    facet: "regions a registry is replicated to",
    lists: false,
};

const LISTED: Call = Call {
    name: "Microsoft.ContainerRegistry/registries/read",
    permission: "Microsoft.ContainerRegistry/registries/read",
    facet: "registries",
    lists: true,
};

/// Reads a registry. None where its row makes no sense.
pub async fn read(collector: &AzureCollector, subscription: &str, row: Resource) -> Option<Asset> {
    let id = row.id.clone().unwrap_or_default();
    let registry = row.properties.as_ref().and_then(|one| wire::read::<Registry>(one));
    let Some(registry) = registry.filter(|_| group_and_name(&id).is_some()) else {
        let miss = Miss::Unreadable("unreadable-row");
        return collector.arm.missed(LISTED, subscription, &miss).known().cloned();
    };
    let path = format!("{}/replications?api-version=2023-07-01", id.trim_start_matches('/'));
    let replicas = collector.arm.list::<Resource>(REPLICAS, &id, &path).await;
    let facts = RepositoryFacts {
        access: told(registry.anonymous_pull_enabled, "anonymousPullEnabled")
            .map(|anonymous_pull| RegistryAccess { anonymous_pull, policy: ResourcePolicy::default() }),
        public_network: public_network(&registry),
        tls: Fact::Known(true),
        encryption: told(registry.encryption.as_ref(), "encryption").map(encryption),
        admin_user: told(registry.admin_user_enabled, "adminUserEnabled"),
        quarantine: switch(&registry, "quarantinePolicy", |policies| policies.quarantine_policy.as_ref()),
        content_trust: switch(&registry, "trustPolicy", |policies| policies.trust_policy.as_ref()),
        lifecycle: switch(&registry, "retentionPolicy", |policies| policies.retention_policy.as_ref()),
        replicas: replicas
            .map(|rows| rows.iter().filter_map(|row| row.location.as_deref()).map(region).collect()),
        tags: Fact::Known(tags(&row)),
        ..RepositoryFacts::default()
    };
    let facts = Facts::Repository(Box::new(facts));
    Some(Asset {
        key: key(subscription, &row),
        name: row.name.unwrap_or_default(),
        platform: Platform::Acr,
        facts,
    })
}

fn told<T>(value: Option<T>, field: &str) -> Fact<T> {
    value.map_or_else(|| Fact::unknown(format!("{field} is missing in the answer")), Fact::Known)
}

fn public_network(registry: &Registry) -> Fact<PublicNetwork> {
    told(registry.public_network_access.as_deref(), "publicNetworkAccess").map(|access| {
        let action = registry.network_rule_set.as_ref().and_then(|rules| rules.default_action.as_deref());
        PublicNetwork {
            enabled: access.eq_ignore_ascii_case("enabled"),
            restricted: action.is_some_and(|action| action.eq_ignore_ascii_case("deny")),
        }
    })
}

fn encryption(answer: &RegistryEncryption) -> Encryption {
    let own = Some(answer)
        .filter(|one| one.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("enabled")));
    let key =
        own.and_then(|one| one.key_vault_properties.as_ref()).and_then(|key| key.key_identifier.clone());
    Encryption { customer_key: key }
}

fn switch(
    registry: &Registry,
    name: &str,
    pick: fn(&super::wire::RegistryPolicies) -> Option<&PolicySwitch>,
) -> Fact<bool> {
    let status = registry.policies.as_ref().and_then(pick).and_then(|one| one.status.as_deref());
    told(status, name).map(|status| status.eq_ignore_ascii_case("enabled"))
}
