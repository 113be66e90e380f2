//! ACC-03.

use super::{Context, control, known, listed};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Its identity may do far more than one job needs.
    ///
    /// ## Why it matters
    /// Rights on a whole service or on every resource decide how far a breach reaches. One injected
    /// request then reads every table, not the one the code was written for.
    ///
    /// ## What to do
    /// Replace `service:*` by the calls the code makes and `*` by the resources it uses; on Azure, move
    /// role assignments from the subscription down to the resource. The calls actually made are in the
    /// audit trail and in the provider's access advisor.
    pub BROAD_RIGHTS
    code: "ACC-03", area: Access, severity: High, since: "0.1.0",
    frameworks: [Owasp("S5"), Nist80019("4.4"), CisAwsCompute("4.4"), Defender("Overly permissive function identity")],
    function: check(function),
    repository: absent("a repository holds images and runs nothing, so it has no identity"),
    image: absent("an image has no identity until it runs"),
    workload: not_yet("task roles and service accounts come with the ECS and Kubernetes collectors"),
    cluster: not_yet("cluster roles come with the Kubernetes collector"),
    host: absent("a host's own rights are asked of under host environment"),

    fail function "everything on one service" => r#"{ "identity": { "name": "orders", "full_services": ["dynamodb"] } }"#,
    fail function "deletes on every resource" => r#"{ "identity": { "name": "orders", "unscoped_actions": ["s3:DeleteObject"] } }"#,
    fail function "deletes whatever there is of a service" => r#"{ "identity": { "name": "orders", "unscoped_actions": ["ec2:Delete*"] } }"#,
    fail function on FunctionsPremium "role on the subscription" => r#"{ "identity": { "name": "orders", "broad_scopes": ["/subscriptions/0000"] } }"#,
    fail function "administrator" => r#"{ "identity": { "name": "ops", "admin": true } }"#,
    pass function "one table" => r#"{ "identity": { "name": "orders" } }"#,
    pass function "no identity" => r#"{ "identity": null }"#,
    unknown function "role denied" => r#"{ "identity": { "unknown": "iam:GetRolePolicy denied", "permission": "iam:GetRolePolicy" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    let Some(identity) = known!(facts.identity) else {
        return Outcome::pass("it runs without an identity");
    };
    if identity.admin {
        return Outcome::fail("its identity may do everything").because("identity", &identity.name);
    }
    if !identity.full_services.is_empty() {
        return Outcome::fail("its identity may do everything on whole services")
            .because("identity", &identity.name)
            .because("full_services", listed(&identity.full_services, 8));
    }
    if !identity.broad_scopes.is_empty() {
        return Outcome::fail("its identity holds roles on more than a resource group")
            .because("identity", &identity.name)
            .because("broad_scopes", listed(&identity.broad_scopes, 4));
    }
    if identity.unscoped_actions.is_empty() {
        return Outcome::pass("its identity is narrowed to services and resources")
            .because("identity", &identity.name);
    }
    Outcome::fail("its identity may read or change every resource of a kind")
        .because("identity", &identity.name)
        .because("unscoped_actions", listed(&identity.unscoped_actions, 8))
}
