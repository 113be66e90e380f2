//! ACC-04.

use super::{Context, control, known, listed};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Its identity can raise its own rights or silence the audit trail.
    ///
    /// ## Why it matters
    /// An identity that may attach policies, pass powerful roles or stop the trail is an administrator
    /// with one step between. Who takes it over takes that step first.
    ///
    /// ## What to do
    /// Remove the actions named in the evidence. Where a deployment function truly needs
    /// `iam:PassRole`, name the roles it may pass and the service it may pass them to; put a permissions
    /// boundary on everything it creates.
    pub ESCALATION
    code: "ACC-04", area: Access, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S5"), Prowler("iam_policy_allows_privilege_escalation"),
        Prowler("iam_inline_policy_no_full_access_to_cloudtrail"), CisKubernetes("5.1.10"),
    ],
    function: check(function),
    repository: absent("a repository holds images and runs nothing, so it has no identity"),
    image: absent("an image has no identity until it runs"),
    workload: not_yet("what service accounts may create or approve comes with the Kubernetes collector"),
    cluster: not_yet("cluster roles come with the Kubernetes collector"),
    host: absent("a host's own rights are asked of under host environment"),

    fail function "passes any role" => r#"{ "identity": { "name": "deploy", "escalations": ["iam:PassRole + lambda:CreateFunction"] } }"#,
    fail function "administrator" => r#"{ "identity": { "name": "ops", "admin": true } }"#,
    pass function "reads one table" => r#"{ "identity": { "name": "orders" } }"#,
    pass function "no identity" => r#"{ "identity": null }"#,
    unknown function "role denied" => r#"{ "identity": { "unknown": "iam:ListRolePolicies denied", "permission": "iam:ListRolePolicies" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    match known!(facts.identity) {
        None => Outcome::pass("it runs without an identity"),
        Some(identity) if !identity.escalations.is_empty() => {
            Outcome::fail("its identity has a way to raise its own rights or hide its traces")
                .because("identity", &identity.name)
                .because("escalations", listed(&identity.escalations, 6))
        }
        Some(identity) if identity.admin => {
            Outcome::fail("its identity is an administrator and needs no way to raise its rights")
                .because("identity", &identity.name)
        }
        Some(identity) => Outcome::pass("its identity has no known way to raise its own rights")
            .because("identity", &identity.name),
    }
}
