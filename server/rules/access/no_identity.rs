//! ACC-06.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// It has no identity of its own, so stored secrets carry its access.
    ///
    /// ## Why it matters
    /// Code without an identity logs in with keys kept in its settings. Those keys are copied, leak and
    /// outlive the people who made them; an identity's credentials are short-lived and never seen.
    ///
    /// ## What to do
    /// Switch on a system-assigned managed identity, give it a role on each resource the app uses, and
    /// replace connection strings by identity-based connections. On AWS every function has a role already.
    pub NO_IDENTITY
    code: "ACC-06", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [
        CisAzure("9.5"), Prowler("app_function_identity_is_configured"), CloudSploit("identityEnabled"),
        Steampipe("appservice_function_app_uses_managed_identity"),
    ],
    function: check(function),
    repository: absent("a repository calls nobody and needs no identity"),
    image: absent("an image has no identity until it runs"),
    workload: not_yet("task roles and mounted tokens come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    provider function "Lambda" => r#"{ "identity": { "name": "orders" } }"#,
    fail function on FunctionsConsumption "none" => r#"{ "identity": null }"#,
    pass function on FunctionsFlex "managed identity" => r#"{ "identity": { "name": "orders" } }"#,
    unknown function on FunctionsPremium "site denied" => r#"{ "identity": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::provider("Lambda gives every function a role and short-lived credentials");
    }
    match known!(facts.identity) {
        None => Outcome::fail("the app has no managed identity").because("identity", "(none)"),
        Some(identity) => Outcome::pass("the app has a managed identity").because("identity", &identity.name),
    }
}
