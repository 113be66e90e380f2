//! Hosting plans of the sample subscriptions: one a team, a size and an operating system.

use serde_json::{Value, json};

use super::{at, environment};
use crate::demo::estate::SUBSCRIPTIONS;
use crate::demo::names::TEAMS;

/// A size of plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// `Y1`
    pub sku: &'static str,
    /// `Dynamic`
    pub tier: &'static str,
    /// Most workers.
    pub most: u32,
}

/// The sizes teams choose from.
pub const SIZES: [Size; 4] = [
    Size { sku: "Y1", tier: "Dynamic", most: 0 },
    Size { sku: "FC1", tier: "FlexConsumption", most: 0 },
    Size { sku: "EP1", tier: "ElasticPremium", most: 20 },
    Size { sku: "P1v3", tier: "PremiumV3", most: 30 },
];

/// How many plans a subscription has.
pub const COUNT: u64 = (TEAMS.len() * SIZES.len()) as u64;

/// Name of a team's resource group.
pub fn group(subscription: usize, team: usize) -> String {
    format!("rg-{}-{}", TEAMS[team], environment(subscription))
}

/// Full id of a plan.
pub fn id(subscription: usize, team: usize, size: Size) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Web/serverfarms/{}",
        SUBSCRIPTIONS[subscription].0,
        group(subscription, team),
        name(team, size)
    )
}

fn name(team: usize, size: Size) -> String {
    format!("plan-{}-{}", TEAMS[team], size.sku.to_ascii_lowercase())
}

/// Finds a plan by its name: its number.
pub fn find(wanted: &str) -> Option<u64> {
    (0..COUNT).find(|index| {
        let (team, size) = parts(*index);
        name(team, size).eq_ignore_ascii_case(wanted)
    })
}

fn parts(index: u64) -> (usize, Size) {
    (at(index) / SIZES.len(), SIZES[at(index) % SIZES.len()])
}

/// A plan as the service shows it.
pub fn show(subscription: usize, index: u64) -> Value {
    let (team, size) = parts(index);
    let kind = if size.tier == "ElasticPremium" { "elastic" } else { "functionapp" };
    json!({
        "id": id(subscription, team, size), "name": name(team, size), "type": "Microsoft.Web/serverfarms",
        "kind": kind, "location": "West Europe", "tags": null,
        "sku": { "name": size.sku, "tier": size.tier, "size": size.sku, "family": &size.sku[..1], "capacity": 1 },
        "properties": { "maximumElasticWorkerCount": size.most.max(1), "elasticScaleEnabled": size.most == 20,
            "maximumNumberOfWorkers": size.most, "numberOfWorkers": 1, "reserved": true, "status": "Ready",
            "zoneRedundant": false, "perSiteScaling": false, "resourceGroup": group(subscription, team) },
    })
}
