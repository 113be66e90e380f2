//! What hangs on a sample function beside its configuration: signing, runtime updates, loops, aliases.

use serde_json::{Value, json};

use super::Function;
use crate::demo::aws::policy;

impl Function<'_> {
    /// The code signing configuration it uses, where it uses one.
    pub fn code_signing(&self) -> Option<String> {
        let mut draw = self.draw("signing");
        draw.chance(66.0).then(|| Self::signing_rule(self.account_id(), self.region, draw.chance(80.0)))
    }

    /// The code signing configuration of a region that refuses unsigned code, or only warns of it.
    pub fn signing_rule(account: &str, region: &str, enforces: bool) -> String {
        let (id, number) = if enforces { ("enforce", 1) } else { ("warn", 2) };
        format!("arn:aws:lambda:{region}:{account}:code-signing-config:csc-0{number}{id:0>15}")
    }

    /// When the service moves it to a newer runtime patch.
    pub fn runtime_updates(&self) -> &'static str {
        self.draw("runtime-updates").weighted(&[(88, "Auto"), (7, "FunctionUpdate"), (5, "Manual")])
    }

    /// Whether the service stops loops through its own triggers.
    pub fn recursion(&self) -> &'static str {
        self.draw("recursion").weighted(&[(95, "Terminate"), (5, "Allow")])
    }

    /// Its aliases; where it has one, callers go through it.
    pub fn aliases(&self) -> Vec<Value> {
        let mut draw = self.draw("aliases");
        if !draw.chance(30.0) {
            return Vec::new();
        }
        let version = if draw.chance(25.0) { "$LATEST".into() } else { (1 + draw.below(60)).to_string() };
        vec![json!({ "AliasArn": format!("{}:live", self.arn()), "Name": "live", "FunctionVersion": version,
            "Description": "", "RevisionId": draw.uuid() })]
    }

    /// The resource policy of an alias.
    pub fn alias_policy(&self, alias: &str) -> Option<Value> {
        let named = self.aliases().iter().any(|one| one["Name"] == alias);
        let arn = format!("{}:{alias}", self.arn());
        named
            .then(|| policy::invoke(&mut self.draw("policy"), self.careless(), self.account_id(), &arn))
            .flatten()
    }

    /// Its settings for asynchronous calls by this alias, or past any.
    pub fn async_settings_of(&self, alias: Option<&str>) -> Option<Value> {
        let names: Vec<Value> = self.aliases().iter().map(|one| one["Name"].clone()).collect();
        let set = match alias {
            Some(alias) => names.iter().any(|name| name == alias),
            None => names.is_empty(),
        };
        self.async_settings().filter(|_| set).map(|mut settings| {
            settings["FunctionArn"] = format!("{}:{}", self.arn(), alias.unwrap_or("$LATEST")).into();
            settings
        })
    }
}
