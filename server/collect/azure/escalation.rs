//! Which actions of a role let its holder raise his own rights or silence the audit trail. Pure.

use super::wire::Permission;

/// The actions that do, in the spellings under which roles allow them, and their name for people.
const WAYS: [(&str, &[&str]); 4] = [
    ("Microsoft.Authorization/roleAssignments/write", &["microsoft.authorization/roleassignments/write"]),
    ("Microsoft.Authorization/roleDefinitions/write", &["microsoft.authorization/roledefinitions/write"]),
    (
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        &[
            "microsoft.managedidentity/userassignedidentities/assign/action",
            // The built-in operator role names the identity between the two.
            "microsoft.managedidentity/userassignedidentities/any/assign/action",
        ],
    ),
    ("Microsoft.Insights/diagnosticSettings/delete", &["microsoft.insights/diagnosticsettings/delete"]),
];

/// The ways that permissions of one role open: what one allows and takes not back itself.
pub fn ways(permissions: &[Permission]) -> Vec<&'static str> {
    let opens =
        |spellings: &[&str]| spellings.iter().any(|action| permissions.iter().any(|one| allows(one, action)));
    WAYS.iter().filter(|(_, spellings)| opens(spellings)).map(|(name, _)| *name).collect()
}

fn allows(permission: &Permission, action: &str) -> bool {
    let named = |list: &Option<Vec<String>>| list.iter().flatten().any(|pattern| covers(pattern, action));
    named(&permission.actions) && !named(&permission.not_actions)
}

/// Whether a pattern covers an action, which is in lower case. `*` stands for any text.
fn covers(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_lowercase();
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == action };
    let Some(mut left) = action.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    // What lies between two stars is taken where it comes first, which leaves most for the others.
    for part in middle.split('*') {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn role(actions: &[&str], not_actions: &[&str]) -> Vec<Permission> {
        let list = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect());
        vec![Permission { actions: list(actions), not_actions: list(not_actions) }]
    }

    #[test]
    fn roles_that_grant_roles_raise_themselves() {
        let all: Vec<&str> = WAYS.iter().map(|(name, _)| *name).collect();
        assert_eq!(ways(&role(&["*"], &[])), all);
        let contributor =
            role(&["*"], &["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]);
        assert_eq!(ways(&contributor), all[2..]);
        assert_eq!(ways(&role(&["*/read", "Microsoft.Authorization/*"], &[])), all[..2]);
        let operator = role(&["Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action"], &[]);
        assert_eq!(ways(&operator), [all[2]]);
        let harmless = role(&["*/read", "Microsoft.Storage/*", "Microsoft.Authorization/*/read"], &[]);
        assert_eq!(ways(&harmless), [""; 0]);
        assert_eq!(ways(&[]), [""; 0]);
    }

    #[test]
    fn what_one_permission_takes_back_another_may_give() {
        let mut both = role(&["*"], &["Microsoft.Authorization/*"]);
        both.extend(role(&["Microsoft.Authorization/roleAssignments/*"], &[]));
        assert!(ways(&both).contains(&"Microsoft.Authorization/roleAssignments/write"));
    }

    proptest! {
        #[test]
        fn a_pattern_covers_what_fills_its_gaps(parts in proptest::collection::vec("[a-c/.]{0,4}", 1..5), fill in "[a-c/]{0,6}") {
            prop_assert!(covers(&parts.join("*"), &parts.join(&fill)));
        }

        #[test]
        fn a_pattern_without_a_star_covers_itself_alone(one in "[a-c/]{1,5}", other in "[a-c/]{1,5}") {
            prop_assert_eq!(covers(&one, &other), one == other);
        }
    }
}
