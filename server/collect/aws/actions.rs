//! Every action the collector takes on AWS. One list: the policy to paste, the template to deploy and
//! the README are made of it, and no call is made that it does not name.

/// Every action, in the order policies show them.
pub const ACTIONS: &[&str] = &[
    "sts:GetCallerIdentity",
    "account:ListRegions",
    "lambda:ListFunctions",
    "lambda:GetFunction",
    "lambda:ListTags",
    "lambda:ListAliases",
    "lambda:GetPolicy",
    "lambda:ListFunctionUrlConfigs",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetFunctionEventInvokeConfig",
    "lambda:ListEventSourceMappings",
    "lambda:ListCodeSigningConfigs",
    "lambda:ListFunctionsByCodeSigningConfig",
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetCodeSigningConfig",
    "lambda:GetRuntimeManagementConfig",
    "lambda:GetFunctionRecursionConfig",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "cloudwatch:GetMetricData",
    "cloudtrail:LookupEvents",
    "ecr:DescribeRepositories",
    "ecr:DescribeImages",
    "ecr:GetRepositoryPolicy",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRegistryScanningConfiguration",
    "ecr:ListTagsForResource",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
];

/// What listing the accounts of an organisation takes, in its management account alone.
pub const LIST_ACCOUNTS: &str = "organizations:ListAccounts";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The operations that the sources beside this file, and below, name.
    fn named(folder: &Path) -> BTreeSet<String> {
        let services = ["sts:", "account:", "lambda:", "iam:", "cloudwatch:", "cloudtrail:", "ecr:"];
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.extend(named(&path));
                continue;
            }
            if path.file_name().is_some_and(|name| name == "actions.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            let product = text.split("#[cfg(test)]").next().unwrap_or("");
            for word in product.split('"').skip(1).step_by(2) {
                let action = services.iter().any(|service| word.starts_with(service));
                if action && word.chars().all(|c| c.is_ascii_alphanumeric() || c == ':') {
                    found.insert(word.to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn no_call_is_made_that_the_list_does_not_name_and_none_is_named_for_nothing() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("server/collect/aws");
        let mut called = named(&folder);
        // What lets us in is allowed by the role's trust, not by its policy.
        called.remove("sts:AssumeRole");
        called.remove("sts:ExternalId");
        let listed: BTreeSet<String> = ACTIONS.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(called, listed);
    }

    #[test]
    fn the_readme_shows_this_list() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
        let readme = readme.expect("the README");
        let block = readme.split("```json").nth(1).and_then(|rest| rest.split("```").next());
        let policy: serde_json::Value = serde_json::from_str(block.expect("a policy")).expect("JSON");
        let shown: Vec<&str> = policy["Statement"][0]["Action"]
            .as_array()
            .expect("actions")
            .iter()
            .filter_map(serde_json::Value::as_str)
            .collect();
        assert_eq!(shown, ACTIONS);
    }
}
