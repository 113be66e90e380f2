//! Role assignments of a subscription, read once, by the principal they are given to.

use std::collections::{HashMap, HashSet};

use super::arm::Arm;
use super::escalation;
use super::wire::{RoleAssignment, RoleDefinition};
use crate::collect::ledger::Call;
use crate::model::{Fact, Identity};

pub(super) const ASSIGNMENTS: Call = Call {
    name: "Microsoft.Authorization/roleAssignments/read",
    permission: "Microsoft.Authorization/roleAssignments/read",
    facet: "what identities may do",
    lists: false,
};
pub(super) const DEFINITIONS: Call = Call {
    name: "Microsoft.Authorization/roleDefinitions/read",
    permission: "Microsoft.Authorization/roleDefinitions/read",
    facet: "what roles allow",
    lists: false,
};

/// Built-in roles that administer: Owner, Contributor, User Access Administrator, Role Based Access
/// Control Administrator. Their ids are the same everywhere.
const ADMINISTER: [(&str, &str); 4] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
];

struct Assigned {
    role: String,
    scope: String,
}

/// Role assignments of a subscription.
pub struct Roles(Fact<Known>);

struct Known {
    by_principal: HashMap<String, Vec<Assigned>>,
    names: HashMap<String, String>,
    all_actions: HashSet<String>,
    /// Roles whose actions could be read, and the ways up they open.
    defined: HashMap<String, Vec<&'static str>>,
}

impl Roles {
    /// Reads assignments and what roles allow.
    pub async fn read(arm: &Arm, subscription: &str) -> Self {
        let base = format!("subscriptions/{subscription}/providers/Microsoft.Authorization");
        let assignments_path = format!("{base}/roleAssignments?api-version=2022-04-01");
        let definitions_path = format!("{base}/roleDefinitions?api-version=2022-04-01");
        let (assignments, definitions) = tokio::join!(
            arm.list::<RoleAssignment>(ASSIGNMENTS, subscription, &assignments_path),
            arm.list::<RoleDefinition>(DEFINITIONS, subscription, &definitions_path),
        );
        Self(match (assignments, definitions) {
            (Fact::Known(assignments), Fact::Known(definitions)) => known(assignments, definitions),
            (Fact::Unknown(why), _) | (_, Fact::Unknown(why)) => Fact::Unknown(why),
        })
    }

    /// What principals (an app's own and its user-assigned ones) amount to together.
    pub fn identity(&self, id: &str, name: &str, principals: &[String]) -> Fact<Identity> {
        let known = match &self.0 {
            Fact::Known(known) => known,
            Fact::Unknown(why) => return Fact::Unknown(why.clone()),
        };
        let assigned: Vec<&Assigned> = principals
            .iter()
            .filter_map(|principal| known.by_principal.get(&principal.to_lowercase()))
            .flatten()
            .collect();
        let admin_because: Vec<String> = assigned
            .iter()
            .filter(|one| is_wide(&one.scope) && known.administers(&one.role))
            .map(|one| format!("{} on {}", known.name(&one.role), one.scope))
            .collect();
        let mut broad_scopes: Vec<String> = assigned
            .iter()
            .filter(|one| is_broad(&one.scope))
            .map(|one| format!("{} on {}", known.name(&one.role), one.scope))
            .collect();
        broad_scopes.sort();
        broad_scopes.dedup();
        let dark = assigned.iter().find(|one| is_wide(&one.scope) && !known.is_defined(&one.role));
        if let (Some(one), true) = (dark, admin_because.is_empty()) {
            return Fact::unknown(format!(
                "what role {} on {} allows was not in the answer",
                one.role, one.scope
            ));
        }
        let mut escalations: Vec<String> = assigned
            .iter()
            .filter(|one| is_wide(&one.scope))
            .flat_map(|one| known.defined.get(&one.role).into_iter().flatten())
            .map(|way| (*way).to_owned())
            .collect();
        escalations.sort();
        escalations.dedup();
        Fact::Known(Identity {
            id: id.to_owned(),
            name: name.to_owned(),
            admin: !admin_because.is_empty(),
            admin_because,
            broad_scopes,
            escalations,
            ..Identity::default()
        })
    }
}

impl Known {
    fn administers(&self, role: &str) -> bool {
        ADMINISTER.iter().any(|(id, _)| *id == role) || self.all_actions.contains(role)
    }

    fn is_defined(&self, role: &str) -> bool {
        self.defined.contains_key(role) || ADMINISTER.iter().any(|(id, _)| *id == role)
    }

    fn name<'a>(&'a self, role: &'a str) -> &'a str {
        let builtin = ADMINISTER.iter().find(|(id, _)| *id == role).map(|(_, name)| *name);
        self.names.get(role).map(String::as_str).or(builtin).unwrap_or(role)
    }
}

fn known(assignments: Vec<RoleAssignment>, definitions: Vec<RoleDefinition>) -> Fact<Known> {
    let mut by_principal: HashMap<String, Vec<Assigned>> = HashMap::new();
    for one in assignments {
        let one = one.properties.unwrap_or_default();
        // Whose it is could be anybody.
        let (Some(principal), Some(role)) = (one.principal_id, one.role_definition_id) else {
            return Fact::unknown("a role assignment came without its principal or its role");
        };
        let scope = one.scope.unwrap_or_default();
        by_principal.entry(principal.to_lowercase()).or_default().push(Assigned { role: last(&role), scope });
    }
    let (mut names, mut all_actions, mut defined) = (HashMap::new(), HashSet::new(), HashMap::new());
    for one in definitions {
        let (Some(id), Some(properties)) = (one.id, one.properties) else { continue };
        let told = properties.permissions.filter(|all| all.iter().all(|one| one.actions.is_some()));
        if let Some(permissions) = told {
            if permissions.iter().filter_map(|one| one.actions.as_ref()).flatten().any(|action| action == "*")
            {
                all_actions.insert(last(&id));
            }
            defined.insert(last(&id), escalation::ways(&permissions));
        }
        if let Some(name) = properties.role_name {
            names.insert(last(&id), name);
        }
    }
    Fact::Known(Known { by_principal, names, all_actions, defined })
}

fn last(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_lowercase()
}

/// Parts of a scope: `/subscriptions/x` has two, a resource group four, a resource more.
fn depth(scope: &str) -> usize {
    scope.split('/').filter(|part| !part.is_empty()).count()
}

fn is_management(scope: &str) -> bool {
    scope.to_lowercase().starts_with("/providers/microsoft.management")
}

/// A subscription, a management group or everything.
fn is_broad(scope: &str) -> bool {
    depth(scope) <= 2 || is_management(scope)
}

/// A resource group or wider: an administrator of one resource administers no account.
fn is_wide(scope: &str) -> bool {
    depth(scope) <= 4 || is_management(scope)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles(assignments: &serde_json::Value, definitions: &serde_json::Value) -> Roles {
        let read = serde_json::from_value(assignments.clone()).expect("assignments");
        Roles(known(read, serde_json::from_value(definitions.clone()).expect("definitions")))
    }

    #[test]
    fn a_role_that_grants_roles_is_a_way_up_where_it_reaches_far() {
        let definitions = json!([{ "id": "/x/roleDefinitions/R", "properties": { "roleName": "granter",
            "permissions": [{ "actions": ["Microsoft.Authorization/roleAssignments/*"], "notActions": [] }] } }]);
        let at = |scope: &str| {
            let assigned = json!([{ "properties": { "principalId": "P", "scope": scope,
                "roleDefinitionId": "/x/roleDefinitions/r" } }]);
            let found = roles(&assigned, &definitions).identity("p", "p", &["p".to_owned()]);
            found.known().expect("known").escalations.clone()
        };
        assert_eq!(
            at("/subscriptions/x/resourceGroups/g"),
            ["Microsoft.Authorization/roleAssignments/write"]
        );
        assert!(at("/subscriptions/x/resourceGroups/g/providers/Microsoft.Web/sites/s").is_empty());
    }

    #[test]
    fn an_assignment_that_could_be_anybodys_makes_nobody_harmless() {
        for hollow in [json!([{}]), json!([{ "properties": { "roleDefinitionId": "/x/r" } }])] {
            let found = roles(&hollow, &json!([])).identity("p", "p", &["p".to_owned()]);
            assert!(found.known().is_none(), "{hollow}");
        }
    }

    #[test]
    fn width_is_told_from_the_scope() {
        assert!(
            is_broad("/subscriptions/x")
                && is_broad("/")
                && is_broad("/providers/Microsoft.Management/managementGroups/m")
        );
        assert!(
            !is_broad("/subscriptions/x/resourceGroups/g") && is_wide("/subscriptions/x/resourceGroups/g")
        );
        assert!(!is_wide("/subscriptions/x/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/s"));
    }
}
