//! What there is to connect: the subscriptions our credentials see, and those under a management
//! group.

use serde::Deserialize;

use super::AzureCollector;
use super::arm::Arm;
use crate::collect::ledger::Call;
use crate::collect::{Access, CollectError};
use crate::model::{AzureSpec, Fact};

/// Subscriptions and groups told of at most.
const MOST: usize = 5_000;

const SUBSCRIPTIONS: Call = Call {
    name: "Microsoft.Resources/subscriptions/read",
    permission: "Reader",
    facet: "subscriptions",
    lists: true,
};
const GROUPS: Call = Call {
    name: "Microsoft.Management/managementGroups/read",
    permission: "Management Group Reader",
    facet: "management groups",
    lists: true,
};
const DESCENDANTS: Call = Call {
    name: "Microsoft.Management/managementGroups/descendants/read",
    permission: "Management Group Reader",
    facet: "subscriptions under a management group",
    lists: true,
};

/// Something with an id and a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// What people call it.
    pub name: String,
    /// Its id.
    pub id: String,
}

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Subscriptions, by name.
    pub subscriptions: Vec<Named>,
    /// Management groups, by name.
    pub groups: Vec<Named>,
    /// Why that may not be all.
    pub gaps: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Subscription {
    #[serde(rename = "subscriptionId")]
    id: String,
    display_name: String,
    state: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Group {
    name: String,
    r#type: String,
    properties: GroupProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupProperties {
    display_name: Option<String>,
}

impl Group {
    fn named(self) -> Named {
        let name = self.properties.display_name.unwrap_or_else(|| self.name.clone());
        Named { name, id: self.name }
    }
}

/// What these credentials see; under one management group, where `group` names it.
pub async fn discover(spec: &AzureSpec, access: Access, group: &str) -> Result<Found, CollectError> {
    let collector = AzureCollector::build(spec, access)?;
    collector.has_token().await?;
    let arm = &collector.arm;
    let mut found = Found { subscriptions: subscriptions(arm, group).await, ..Found::default() };
    found.groups = groups(arm).await;
    found.gaps = arm.ledger.gaps().into_iter().map(|gap| format!("{}: {}", gap.call, gap.message)).collect();
    found.subscriptions.sort();
    found.groups.sort();
    Ok(found)
}

async fn subscriptions(arm: &Arm, group: &str) -> Vec<Named> {
    if group.is_empty() {
        let path = "subscriptions?api-version=2022-12-01";
        let (rows, _) = arm.rows::<Subscription>(SUBSCRIPTIONS, "", path).await;
        let usable = |one: &Subscription| !matches!(one.state.as_str(), "Disabled" | "Deleted");
        return rows
            .into_iter()
            .filter(usable)
            .map(|one| Named { name: one.display_name, id: one.id })
            .take(MOST)
            .collect();
    }
    let id = percent_encoding::utf8_percent_encode(group, percent_encoding::NON_ALPHANUMERIC);
    let path =
        format!("providers/Microsoft.Management/managementGroups/{id}/descendants?api-version=2020-05-01");
    let (rows, _) = arm.rows::<Group>(DESCENDANTS, group, &path).await;
    let under = |one: &Group| one.r#type.to_lowercase().ends_with("/subscriptions");
    rows.into_iter().filter(under).map(Group::named).take(MOST).collect()
}

/// Whoever may not list groups can still choose among subscriptions.
async fn groups(arm: &Arm) -> Vec<Named> {
    let path = "providers/Microsoft.Management/managementGroups?api-version=2020-05-01";
    match arm.list::<Group>(GROUPS, "", path).await {
        Fact::Known(rows) => rows.into_iter().map(Group::named).take(MOST).collect(),
        Fact::Unknown(_) => Vec::new(),
    }
}
