//! What is inside a function app of the sample estate: settings, authentication, functions.

use serde_json::{Map, Value, json};

use super::app::App;
use super::{DIRECTORY, environment};
use crate::demo::names::TEAMS;
use crate::demo::{secrets, seed::Draw};

impl App {
    /// Its application settings with their values.
    pub fn settings(&self) -> Map<String, Value> {
        let (mut draw, mut found) = (self.draw("settings"), Map::new());
        let mut add = |name: &str, value: String| found.insert(name.into(), value.into());
        let account = format!("st{}{}", TEAMS[self.service.team()], environment(self.subscription));
        let vault = format!("kv-{}", TEAMS[self.service.team()]);
        let reference = |secret: &str| {
            format!("@Microsoft.KeyVault(SecretUri=https://{vault}.vault.azure.net/secrets/{secret}/)")
        };
        let old_host = draw.chance(5.0 * self.careless());
        add("FUNCTIONS_EXTENSION_VERSION", if old_host { "~3" } else { "~4" }.into());
        add("FUNCTIONS_WORKER_RUNTIME", self.stack().0.into());
        match draw.weighted(&[(4, 0), (5, 1), (3, 2)]) {
            0 => add("AzureWebJobsStorage__accountName", account.clone()),
            1 => add("AzureWebJobsStorage", reference("storage")),
            _ => add("AzureWebJobsStorage", secrets::storage_connection(&mut draw, &account)),
        };
        if !draw.chance(24.0 * self.careless().min(2.0)) {
            add(
                "APPLICATIONINSIGHTS_CONNECTION_STRING",
                format!(
                    "InstrumentationKey={};IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/",
                    draw.uuid()
                ),
            );
        }
        if draw.chance(45.0) {
            add(
                "WEBSITE_RUN_FROM_PACKAGE",
                match draw.below(9) {
                    0 => format!("https://releases.partner-builds.net/{}.zip", self.name()),
                    1 | 2 => format!("https://{account}.blob.core.windows.net/releases/{}.zip", self.name()),
                    _ => "1".into(),
                },
            );
        }
        if draw.chance(40.0) {
            add("DB_PASSWORD", reference("db-password"));
        }
        if draw.chance(30.0) {
            add("FEATURE_TOKEN_REFRESH", "true".into());
        }
        if draw.chance(6.0 * self.careless()) {
            let (name, value) = secrets::variable(&mut draw);
            add(name, value);
        }
        found
    }

    /// Its authentication settings.
    pub fn authentication(&self) -> Value {
        let on = self.draw("authentication").chance(38.0);
        let id = format!("{}/config/authsettingsV2", self.id());
        json!({ "id": id, "name": "authsettingsV2", "type": "Microsoft.Web/sites/config", "properties": {
            "platform": { "enabled": on, "runtimeVersion": "~1" },
            "globalValidation": { "requireAuthentication": on,
                "unauthenticatedClientAction": if on { "RedirectToLoginPage" } else { "AllowAnonymous" } },
            "identityProviders": { "azureActiveDirectory": { "enabled": on,
                "registration": { "openIdIssuer": format!("https://sts.windows.net/{DIRECTORY}/v2.0") } } },
            "login": {}, "httpSettings": { "requireHttps": true } } })
    }

    /// Its functions and their bindings.
    pub fn functions(&self) -> Vec<Value> {
        let mut draw = self.draw("functions");
        let count = 1 + draw.below(4);
        (0..count).map(|number| self.function(number, &mut draw)).collect()
    }

    fn function(&self, number: u64, draw: &mut Draw) -> Value {
        let name = format!(
            "{}{}",
            ["Handle", "Process", "Sync", "Report"][usize::try_from(number % 4).unwrap_or(0)],
            number + 1
        );
        let level = if draw.chance(26.0 * self.careless().min(2.0)) {
            "anonymous"
        } else {
            *draw.pick(&["function", "function", "admin"])
        };
        let binding = match draw.below(5) {
            0 | 1 => {
                json!({ "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level, "methods": ["get", "post"] })
            }
            2 => {
                json!({ "type": "queueTrigger", "direction": "in", "name": "item", "queueName": "jobs", "connection": "AzureWebJobsStorage" })
            }
            3 => {
                json!({ "type": "timerTrigger", "direction": "in", "name": "timer", "schedule": "0 */5 * * * *" })
            }
            _ => {
                json!({ "type": "serviceBusTrigger", "direction": "in", "name": "message", "queueName": "events", "connection": "ServiceBus" })
            }
        };
        json!({ "id": format!("{}/functions/{name}", self.id()), "name": format!("{}/{name}", self.name()),
            "type": "Microsoft.Web/sites/functions", "location": "West Europe",
            "properties": { "name": name, "isDisabled": false, "language": self.stack().0, "config": { "bindings": [binding] } } })
    }
}
