//! ACC-05.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Several assets run as the same identity.
    ///
    /// ## Why it matters
    /// A shared identity holds the sum of what its users need, so each of them can do what any of them
    /// may. In the audit trail they are one, and nobody dares to narrow it.
    ///
    /// ## What to do
    /// Give each function its own role or managed identity, made in the same template as the function,
    /// and narrow it to that function's calls. Two versions of one service may share; two services may not.
    pub SHARED_IDENTITY
    code: "ACC-05", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [Owasp("S5"), CisAwsCompute("4.5"), CloudSploit("lambdaUniqueExecutionRole"), CisKubernetes("5.1.5")],
    function: check(function),
    repository: absent("a repository holds images and runs nothing, so it has no identity"),
    image: absent("an image has no identity until it runs"),
    workload: not_yet("task roles and service accounts come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    fail function "role of nine functions" => r#"{ "shared_identity": { "id": "arn:aws:iam::1:role/shared", "users": 9 } }"#,
    pass function "role of its own" => r#"{ "shared_identity": { "id": "arn:aws:iam::1:role/own", "users": 1 } }"#,
    pass function "no identity" => r#"{ "shared_identity": null }"#,
    unknown function "functions of a region not counted" => r#"{ "shared_identity": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    unknown function "identity not read" => r#"{ "shared_identity": { "unknown": "the function's configuration was not read" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    match known!(facts.shared_identity) {
        Some(shared) if shared.users > 1 => Outcome::fail("its identity is shared with others")
            .because("identity", &shared.id)
            .because("users", shared.users),
        Some(shared) => Outcome::pass("nothing else runs as its identity").because("identity", &shared.id),
        None => Outcome::pass("it shares no identity"),
    }
}
