//! `Microsoft.ContainerRegistry`: registries of the sample subscriptions.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value, json};

use super::{Call, DIRECTORY, at, environment, not_found, ok, plan, same};
use crate::demo::estate::{Estate, SUBSCRIPTIONS, Thing, before};
use crate::demo::names::{self, Service, TEAMS};
use crate::demo::seed::Draw;

/// What a change may touch.
const MOVING: &[&str] = &["admin", "retention", "network", "tags"];
const PAGE: u64 = 50;

/// A registry.
pub struct Registry {
    subscription: usize,
    index: u64,
    thing: Thing,
}

impl Registry {
    /// The registry with number `index` of a subscription.
    pub fn new(estate: &Estate, subscription: usize, index: u64) -> Self {
        let place = estate.root().at("acr").nth(subscription as u64).nth(index);
        Self { subscription, index, thing: estate.thing(place, MOVING) }
    }

    fn find(estate: &Estate, subscription: usize, name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("acr")?.strip_suffix(suffix(subscription))?;
        let team = TEAMS.iter().position(|team| name.starts_with(team))?;
        let number = name.get(TEAMS[team].len()..)?.parse::<u64>().ok()?.checked_sub(1)?;
        let index = number.checked_mul(TEAMS.len() as u64)? + team as u64;
        (index < estate.registries(subscription)).then(|| Self::new(estate, subscription, index))
    }

    fn draw(&self, facet: &str) -> Draw {
        self.thing.draw(facet)
    }

    fn team(&self) -> usize {
        at(self.index) % TEAMS.len()
    }

    fn name(&self) -> String {
        let number = self.index / TEAMS.len() as u64 + 1;
        format!("acr{}{number}{}", TEAMS[self.team()], suffix(self.subscription))
    }

    fn group(&self) -> String {
        plan::group(self.subscription, self.team())
    }

    fn id(&self) -> String {
        let (subscription, group) = (SUBSCRIPTIONS[self.subscription].0, self.group());
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ContainerRegistry/registries/{}",
            self.name()
        )
    }

    fn premium(&self) -> bool {
        self.draw("sku").chance(55.0)
    }

    /// The registry as the service shows it; `graph` chooses Resource Graph's spelling.
    pub fn show(&self, graph: bool) -> Value {
        let service = Service { domain: self.team(), action: 0, copy: 0 };
        let tags: Map<String, Value> = names::tags(&self.thing, service, environment(self.subscription))
            .into_iter()
            .map(|(key, value)| (key.to_string(), value.into()))
            .collect();
        let tier = if self.premium() { "Premium" } else { "Standard" };
        let kind = "Microsoft.ContainerRegistry/registries";
        let mut shown = json!({
            "id": self.id(), "name": self.name(), "location": "westeurope", "tags": tags, "sku": { "name": tier, "tier": tier },
            "type": if graph { kind.to_ascii_lowercase() } else { kind.to_string() }, "properties": self.properties(),
        });
        if graph {
            shown["subscriptionId"] = SUBSCRIPTIONS[self.subscription].0.into();
            shown["resourceGroup"] = self.group().into();
            shown["tenantId"] = DIRECTORY.into();
        }
        shown
    }

    fn properties(&self) -> Value {
        let mut network = self.draw("network");
        let closed = self.premium() && network.chance(45.0);
        let own_key = self.premium() && self.draw("key").chance(40.0);
        let on = |yes: bool| if yes { "enabled" } else { "disabled" };
        let links = if closed {
            json!([{ "id": format!("{}/privateEndpointConnections/pe1", self.id()),
            "properties": { "privateLinkServiceConnectionState": { "status": "Approved" } } }])
        } else {
            json!([])
        };
        let mut encryption = json!({ "status": on(own_key) });
        if own_key {
            encryption["keyVaultProperties"] = json!({ "keyIdentifier":
                format!("https://kv-{}.vault.azure.net/keys/acr", TEAMS[self.team()]), "identity": self.draw("key").uuid() });
        }
        json!({
            "loginServer": format!("{}.azurecr.io", self.name()), "provisioningState": "Succeeded",
            "creationDate": before(&mut self.draw("created"), 800).to_rfc3339(),
            "adminUserEnabled": self.draw("admin").chance(30.0),
            "anonymousPullEnabled": self.draw("anonymous").chance(9.0),
            "publicNetworkAccess": if closed { "Disabled" } else { "Enabled" },
            "networkRuleSet": { "defaultAction": if network.chance(30.0) { "Deny" } else { "Allow" }, "ipRules": [] },
            "networkRuleBypassOptions": "AzureServices", "zoneRedundancy": "Disabled", "dataEndpointEnabled": false,
            "privateEndpointConnections": links, "encryption": encryption,
            "policies": {
                "quarantinePolicy": { "status": on(self.draw("quarantine").chance(15.0)) },
                "trustPolicy": { "type": "Notary", "status": on(self.draw("trust").chance(25.0)) },
                "retentionPolicy": { "days": 30, "status": on(self.draw("retention").chance(60.0)) },
                "exportPolicy": { "status": "enabled" }, "softDeletePolicy": { "retentionDays": 7, "status": "disabled" },
            },
        })
    }

    fn replications(&self) -> Vec<Value> {
        let mut draw = self.draw("replicas");
        let mut regions = vec!["westeurope"];
        if self.premium() && draw.chance(40.0) {
            regions.push(draw.weighted(&[(3, "northeurope"), (1, "eastus")]));
        }
        regions
            .into_iter()
            .map(|region| {
                json!({ "id": format!("{}/replications/{region}", self.id()), "name": region, "location": region,
                    "type": "Microsoft.ContainerRegistry/registries/replications", "tags": {},
                    "properties": { "provisioningState": "Succeeded", "regionEndpointEnabled": true, "zoneRedundancy": "Disabled" } })
            })
            .collect()
    }
}

const fn suffix(subscription: usize) -> &'static str {
    if subscription == 0 { "" } else { "dev" }
}

/// Answers one call on `rest`, the path after the provider's name.
pub fn answer(call: &Call<'_>, subscription: usize, group: Option<&str>, rest: &[&str]) -> Response<Body> {
    let lowered: Vec<String> = rest.iter().map(|part| part.to_ascii_lowercase()).collect();
    match lowered.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["registries"] => call.listed(call.estate.registries(subscription), PAGE, |index| {
            let one = Registry::new(call.estate, subscription, index);
            if group.is_none_or(|group| same(group, &one.group())) {
                vec![one.show(false)]
            } else {
                Vec::new()
            }
        }),
        ["registries", name, rest @ ..] => match (Registry::find(call.estate, subscription, name), rest) {
            (Some(one), []) => ok(&one.show(false)),
            (Some(one), ["replications"]) => ok(&json!({ "value": one.replications() })),
            (Some(_), ["webhooks" | "privateendpointconnections" | "tokens"]) => ok(&json!({ "value": [] })),
            _ => not_found(call.path),
        },
        _ => not_found(call.path),
    }
}
