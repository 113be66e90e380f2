//! A function app of the sample estate: what is true of it today.

use serde_json::{Map, Value, json};

use super::plan::{self, SIZES, Size};
use super::{DIRECTORY, environment};
use crate::demo::estate::{Estate, SUBSCRIPTIONS, Thing};
use crate::demo::names::{self, DOMAINS, Service, TEAMS};
use crate::demo::seed::Draw;

/// What a change may touch.
const MOVING: &[&str] = &["tags", "https", "scale", "settings", "tls", "ftp", "cors", "functions"];

/// Where apps are: Resource Graph's spelling, Resource Manager's, and a short word.
const LOCATIONS: [(u32, (&str, &str)); 4] = [
    (50, ("westeurope", "West Europe")),
    (22, ("northeurope", "North Europe")),
    (22, ("eastus", "East US")),
    (6, ("southeastasia", "Southeast Asia")),
];

const STACKS: [(u32, (&str, &str, &str)); 9] = [
    (20, ("python", "Python|3.12", "3.12")),
    (16, ("python", "Python|3.11", "3.11")),
    (5, ("python", "Python|3.8", "3.8")),
    (22, ("node", "Node|22", "22")),
    (6, ("node", "Node|18", "18")),
    (16, ("dotnet-isolated", "DOTNET-ISOLATED|8.0", "8.0")),
    (5, ("dotnet-isolated", "DOTNET-ISOLATED|6.0", "6.0")),
    (7, ("java", "Java|17", "17")),
    (3, ("powershell", "PowerShell|7.4", "7.4")),
];

/// An app.
#[derive(Debug, Clone)]
pub struct App {
    /// Position in [`SUBSCRIPTIONS`].
    pub subscription: usize,
    pub(super) service: Service,
    thing: Thing,
}

impl App {
    /// The app with number `index` of a subscription.
    pub fn new(estate: &Estate, subscription: usize, index: u64) -> Self {
        let place = estate.root().at("app").nth(subscription as u64).nth(index);
        Self { subscription, service: Service::nth(index), thing: estate.thing(place, MOVING) }
    }

    /// Finds an app by its name.
    pub fn find(estate: &Estate, subscription: usize, name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let service = Service::parse(name.strip_prefix("func-")?.strip_suffix(&suffix(subscription))?)?;
        let index = service.index();
        (index < estate.apps(subscription)).then(|| Self::new(estate, subscription, index))
    }

    /// What a change touched on `day`, if one did.
    pub fn touched(&self, day: u32) -> Option<&'static str> {
        self.thing.touched(day)
    }

    pub(super) fn draw(&self, facet: &str) -> Draw {
        self.thing.draw(facet)
    }

    pub(super) fn careless(&self) -> f64 {
        self.service.carelessness()
    }

    /// Its name.
    pub fn name(&self) -> String {
        format!("func-{}{}", self.service, suffix(self.subscription))
    }

    /// Its resource group.
    pub fn group(&self) -> String {
        plan::group(self.subscription, self.service.team())
    }

    /// Its full id.
    pub fn id(&self) -> String {
        let (subscription, group) = (SUBSCRIPTIONS[self.subscription].0, self.group());
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{}",
            self.name()
        )
    }

    pub(super) fn size(&self) -> Size {
        SIZES[self.draw("plan").weighted(&[(40, 0), (18, 1), (24, 2), (18, 3)])]
    }

    /// Its code is a container image.
    pub fn runs_image(&self) -> bool {
        self.size().most > 0 && self.draw("container").chance(28.0)
    }

    pub(super) fn stack(&self) -> (&'static str, &'static str, &'static str) {
        self.draw("stack").weighted(&STACKS)
    }

    fn linux(&self) -> bool {
        self.size().sku == "FC1"
            || self.runs_image()
            || self.stack().0 == "python"
            || self.draw("os").chance(60.0)
    }

    fn kind(&self) -> &'static str {
        match (self.runs_image(), self.linux()) {
            (true, _) => "functionapp,linux,container",
            (false, true) => "functionapp,linux",
            (false, false) => "functionapp",
        }
    }

    /// Reading its settings is refused to us.
    pub fn hides_settings(&self) -> bool {
        self.thing.place.draw("hides-settings").chance(3.0)
    }

    /// The principal of its own identity, where it has one.
    pub fn principal(&self) -> Option<String> {
        (!self.draw("identity").chance(24.0 * self.careless().min(2.0))).then(|| {
            format!(
                "{:08x}-5a3e-4{:03x}-9c1d-{:012x}",
                self.service.domain * 7919 + 0x1000_0000,
                self.subscription,
                self.service.index()
            )
        })
    }

    /// The number and subscription of the app whose own principal this is.
    pub fn of_principal(estate: &Estate, principal: &str) -> Option<Self> {
        let mut parts = principal.split('-').skip(2);
        let subscription = usize::from_str_radix(parts.next()?.get(1..)?, 16).ok()?;
        let index = u64::from_str_radix(parts.nth(1)?, 16).ok()?;
        (subscription < SUBSCRIPTIONS.len() && index < estate.apps(subscription))
            .then(|| Self::new(estate, subscription, index))
            .filter(|app| app.principal().as_deref() == Some(principal))
    }

    /// The team whose shared identity it uses, if it uses one.
    pub fn shared_identity(&self) -> Option<usize> {
        self.draw("shared-identity").chance(15.0 * self.careless()).then(|| self.service.team())
    }

    fn identity(&self) -> Value {
        let mut identity = Map::new();
        let (own, shared) = (self.principal(), self.shared_identity());
        let kind = match (&own, shared) {
            (Some(_), Some(_)) => "SystemAssigned, UserAssigned",
            (Some(_), None) => "SystemAssigned",
            (None, Some(_)) => "UserAssigned",
            (None, None) => return Value::Null,
        };
        identity.insert("type".into(), kind.into());
        identity.insert("tenantId".into(), DIRECTORY.into());
        if let Some(own) = own {
            identity.insert("principalId".into(), own.into());
        }
        if let Some(team) = shared {
            let id = shared_id(self.subscription, team);
            let ids = json!({ "principalId": shared_principal(self.subscription, team), "clientId": self.draw("client").uuid() });
            identity.insert("userAssignedIdentities".into(), json!({ id: ids }));
        }
        identity.into()
    }

    /// The app as the service shows it; `graph` chooses Resource Graph's spelling.
    pub fn site(&self, graph: bool) -> Value {
        let (name, size) = (self.name(), self.size());
        let (short, long) = self.draw("location").weighted(&LOCATIONS);
        let tags: Map<String, Value> = names::tags(&self.thing, self.service, environment(self.subscription))
            .into_iter()
            .map(|(key, value)| (key.to_string(), value.into()))
            .collect();
        let kind = if graph { "microsoft.web/sites" } else { "Microsoft.Web/sites" };
        let mut shown = json!({
            "id": self.id(), "name": name, "type": kind, "kind": self.kind(), "tags": tags,
            "location": if graph { short } else { long }, "identity": self.identity(),
            "properties": self.properties(&name, size),
        });
        if graph {
            shown["subscriptionId"] = SUBSCRIPTIONS[self.subscription].0.into();
            shown["resourceGroup"] = self.group().into();
            shown["tenantId"] = DIRECTORY.into();
        }
        shown
    }

    fn properties(&self, name: &str, size: Size) -> Value {
        let mut network = self.draw("network");
        let public = if network.chance(22.0) { "Disabled" } else { "Enabled" };
        let joined = size.most > 0 && network.chance(62.0);
        let subnet = joined.then(|| {
            format!("/subscriptions/{}/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks/vnet-apps/subnets/functions",
                SUBSCRIPTIONS[self.subscription].0)
        });
        let host = format!("{name}.azurewebsites.net");
        let mut properties = json!({
            "name": name, "state": "Running", "enabled": true, "hostNames": [host], "defaultHostName": host,
            "httpsOnly": !self.draw("https").chance(19.0 * self.careless()), "reserved": self.linux(),
            "serverFarmId": plan::id(self.subscription, self.service.team(), size), "sku": size.tier,
            "resourceGroup": self.group(), "publicNetworkAccess": public, "virtualNetworkSubnetId": subnet,
            "outboundVnetRouting": null, "vnetRouteAllEnabled": joined, "siteConfig": null, "hostingEnvironmentProfile": null,
            "clientCertEnabled": self.draw("certificate").chance(64.0), "clientCertMode": "Required",
            "lastModifiedTimeUtc": self.thing.changed_at(600).format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
            "functionAppConfig": null,
        });
        if size.sku == "FC1" {
            let (language, _, version) = self.stack();
            let most = self.scale_limit().unwrap_or(100);
            properties["functionAppConfig"] = json!({
                "runtime": { "name": language, "version": version },
                "scaleAndConcurrency": { "maximumInstanceCount": most, "instanceMemoryMB": 2048 } });
        }
        properties
    }

    fn scale_limit(&self) -> Option<u64> {
        let mut draw = self.draw("scale");
        (!draw.chance(33.0 * self.careless().min(2.0))).then(|| *draw.pick(&[5, 10, 20, 40]))
    }

    /// Its site configuration.
    pub fn config(&self) -> Value {
        let stack = self.stack();
        let linux = if self.runs_image() {
            format!(
                "DOCKER|acr{}1.azurecr.io/{}:1.{}",
                TEAMS[self.service.team()],
                self.service,
                self.draw("tag").below(30)
            )
        } else if self.linux() {
            stack.1.to_string()
        } else {
            String::new()
        };
        let dotnet = if stack.0.starts_with("dotnet") && !self.linux() {
            format!("v{}", stack.2)
        } else {
            "v4.0".into()
        };
        let mut network = self.draw("restrictions");
        let rules = if network.chance(62.0) {
            json!([{ "ipAddress": "203.0.113.0/24", "action": "Allow", "priority": 100, "name": "office" },
                { "ipAddress": "Any", "action": "Deny", "priority": 2_147_483_647, "name": "Deny all" }])
        } else {
            json!([{ "ipAddress": "Any", "action": "Allow", "priority": 2_147_483_647, "name": "Allow all" }])
        };
        let open = json!([{ "ipAddress": "Any", "action": "Allow", "priority": 2_147_483_647, "name": "Allow all" }]);
        json!({
            "id": format!("{}/config/web", self.id()), "name": "web", "type": "Microsoft.Web/sites/config",
            "location": "West Europe",
            "properties": {
                "linuxFxVersion": linux, "windowsFxVersion": null, "netFrameworkVersion": dotnet,
                "nodeVersion": "", "phpVersion": "", "javaVersion": null, "powerShellVersion": "",
                "ftpsState": self.draw("ftp").weighted(&[(40, "FtpsOnly"), (42, "Disabled"), (18, "AllAllowed")]),
                "minTlsVersion": self.tls(), "scmMinTlsVersion": "1.2", "http20Enabled": true, "cors": self.cors(),
                "ipSecurityRestrictions": rules, "ipSecurityRestrictionsDefaultAction": null,
                "scmIpSecurityRestrictions": open, "scmIpSecurityRestrictionsUseMain": network.chance(76.0),
                "remoteDebuggingEnabled": self.draw("debug").chance(4.0 * self.careless()),
                "functionAppScaleLimit": self.scale_limit().unwrap_or(0), "minimumElasticInstanceCount": 0,
                "numberOfWorkers": 1, "alwaysOn": self.size().sku == "P1v3", "httpLoggingEnabled": false,
                "publicNetworkAccess": null, "vnetRouteAllEnabled": false, "appSettings": null,
            },
        })
    }

    fn tls(&self) -> &'static str {
        if self.draw("tls").chance(14.0 * self.careless()) {
            return self.draw("tls-version").weighted(&[(1, "1.0"), (2, "1.1")]);
        }
        self.draw("tls-version").weighted(&[(5, "1.2"), (2, "1.3")])
    }

    fn cors(&self) -> Value {
        let mut draw = self.draw("cors");
        if draw.chance(13.0 * self.careless()) {
            return json!({ "allowedOrigins": ["*"], "supportCredentials": false });
        }
        if draw.chance(50.0) {
            let origin = format!("https://{}.example.com", DOMAINS[self.service.domain]);
            return json!({ "allowedOrigins": [origin], "supportCredentials": draw.chance(30.0) });
        }
        Value::Null
    }

    /// Whether user name and password work for publishing: over FTP, over the deployment site.
    pub fn basic_publishing(&self) -> (bool, bool) {
        let on = self.draw("publishing").chance(24.0 * self.careless());
        (on, on)
    }
}

fn suffix(subscription: usize) -> String {
    format!("-{}", ["weu", "dev"][subscription.min(1)])
}

/// Full id of a team's shared identity.
pub fn shared_id(subscription: usize, team: usize) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-{}",
        SUBSCRIPTIONS[subscription].0,
        plan::group(subscription, team),
        TEAMS[team]
    )
}

/// Principal of a team's shared identity.
pub fn shared_principal(subscription: usize, team: usize) -> String {
    format!("{:08x}-77aa-4{subscription:03x}-b0b0-{team:012x}", 0x5ead_0000_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::eol;
    use crate::model::EndOfLife;

    #[test]
    fn the_end_of_every_stack_is_in_our_table() {
        for (_, (_, stack, _)) in STACKS {
            let end = eol::azure_stack(stack).map(|runtime| runtime.end_of_life);
            assert!(end.is_some_and(|end| end != EndOfLife::NotListed), "{stack}");
        }
    }
}
