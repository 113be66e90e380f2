//! ACC-09.

use super::{Context, account_of, control, known, let_in};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, ResourcePolicy};

control! {
    /// An account that nobody vouched for is let in.
    ///
    /// ## Why it matters
    /// A grant to another account trusts everyone in it, now and later. Old partners, closed projects
    /// and typing errors stay in policies for years, and nothing in your own account shows their use.
    ///
    /// ## What to do
    /// Find out who owns the account in the evidence. Remove the statement, or, where the access is meant,
    /// add the account to the trusted accounts in the settings and narrow the statement to a role.
    pub UNKNOWN_ACCOUNT
    code: "ACC-09", area: Access, severity: High, since: "0.1.0",
    frameworks: [Owasp("S5"), CisAwsCompute("4.10"), CloudSploit("ecrRepositoryPolicy"), Kubescape("C-0222")],
    function: check(function),
    repository: check(repository),
    image: absent("who may pull an image is decided by its repository"),
    workload: absent("a workload has no policy that names accounts"),
    cluster: not_yet("who may join a cluster comes with the Kubernetes collector"),
    host: absent("a host has no policy that names accounts"),

    fail function "unknown account" => r#"{ "invoke_policy": { "accounts": [{ "statement": "partner", "principal": "arn:aws:iam::123412341234:root", "actions": ["lambda:InvokeFunction"] }] } }"#,
    fail function "unknown account beside our own in a condition" => r#"{ "invoke_policy": { "accounts": [{ "statement": "org", "principal": "123412341234", "actions": ["lambda:InvokeFunction"] }] } }"#,
    pass function "trusted account" => r#"{ "invoke_policy": { "accounts": [{ "statement": "build", "principal": "999988887777", "actions": ["lambda:InvokeFunction"] }] } }"#,
    unknown function "policy denied" => r#"{ "invoke_policy": { "unknown": "lambda:GetPolicy denied", "permission": "lambda:GetPolicy" } }"#,
    absent function on FunctionsPremium "no such policy" => "{}",
    fail repository "unknown account pulls" => r#"{ "access": { "policy": { "accounts": [{ "statement": "0", "principal": "123412341234", "actions": ["ecr:BatchGetImage"] }] } } }"#,
    pass repository "nobody else" => r#"{ "access": {} }"#,
    unknown repository "policy denied" => r#"{ "access": { "unknown": "ecr:GetRepositoryPolicy denied", "permission": "ecr:GetRepositoryPolicy" } }"#,
    absent repository on Acr "no such policy" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::absent("an app has no policy that names other accounts");
    }
    judge(known!(facts.invoke_policy), "invoke_policy", context)
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() != Platform::Ecr {
        return Outcome::absent("the registry has no policy that names other accounts");
    }
    judge(&known!(facts.access).policy, "access", context)
}

fn judge(policy: &ResourcePolicy, fact: &'static str, context: &Context<'_>) -> Outcome {
    let trusted = |account: &str| {
        account == context.asset.key.account
            || context.settings.trusted_accounts.iter().any(|one| one == account)
    };
    let strangers: Vec<_> =
        policy.accounts.iter().filter(|grant| !trusted(account_of(&grant.principal))).collect();
    match (strangers.is_empty(), policy.accounts.is_empty()) {
        (false, _) => let_in("its policy lets in an account that is not trusted", fact, &strangers),
        (true, false) => Outcome::pass("its policy lets in trusted accounts alone"),
        (true, true) => Outcome::pass("its policy lets in no other account"),
    }
}
