//! ACC-02.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// The identity can administer its account.
    ///
    /// ## Why it matters
    /// Code that runs with administrator rights turns one bug, one poisoned package or one leaked
    /// credential into control of the whole account or subscription.
    ///
    /// ## What to do
    /// Give the asset an identity of its own and allow only the calls its code makes, on the
    /// resources it uses. On AWS, replace `AdministratorAccess` or `"Action": "*"` by named actions;
    /// on Azure, replace Owner, Contributor or User Access Administrator by a role for the one
    /// resource.
    pub ADMIN_IDENTITY
    code: "ACC-02", area: Access, severity: Critical, since: "0.1.0",
    frameworks: [
        Owasp("S5"), Nist80019("4.4"), CisAwsCompute("4.9"),
        Prowler("iam_role_administratoraccess_policy"), Prowler("app_function_identity_without_admin_privileges"),
        CloudSploit("lambdaAdminPrivileges"),
    ],
    function: check(function_identity),
    repository: absent("a repository holds images and runs nothing, so it has no identity"),
    image: absent("an image has no identity until it runs"),
    workload: not_yet("task roles and service accounts come with the ECS and Kubernetes collectors"),
    cluster: not_yet("cluster roles come with the Kubernetes collector"),
    host: not_yet("the engine socket comes with the Docker collector"),

    fail function "role allows every action" => r#"{ "identity": { "name": "ops", "admin": true, "admin_because": ["AdministratorAccess"] } }"#,
    pass function "role reads one table" => r#"{ "identity": { "name": "reader", "admin": false } }"#,
    pass function "no identity at all" => r#"{ "identity": null }"#,
    unknown function "role could not be read" => r#"{ "identity": { "unknown": "iam:GetRolePolicy denied", "permission": "iam:GetRolePolicy" } }"#,
}

fn function_identity(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    match known!(facts.identity) {
        None => Outcome::pass("it runs without an identity"),
        Some(identity) if identity.admin => Outcome::fail("its identity can administer the account")
            .because("identity", &identity.name)
            .because("admin_because", identity.admin_because.join(", ")),
        Some(identity) => {
            Outcome::pass("its identity cannot administer the account").because("identity", &identity.name)
        }
    }
}
