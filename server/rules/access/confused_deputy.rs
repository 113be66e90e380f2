//! ACC-16.

use super::{Context, control, known, let_in};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, ResourcePolicy};

control! {
    /// A service is let in on behalf of anyone.
    ///
    /// ## Why it matters
    /// A policy that trusts a service without saying whose resource may ask trusts every customer of that
    /// service: somebody else's bucket or rule can make it call yours.
    ///
    /// ## What to do
    /// Add `aws:SourceArn` with the one resource that calls, and `aws:SourceAccount` with your account, to
    /// each statement whose principal is a service.
    pub CONFUSED_DEPUTY
    code: "ACC-16", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [Owasp("S5"), Prowler("iam_role_cross_service_confused_deputy_prevention"), Trivy("AWS-0067")],
    function: check(function),
    repository: check(repository),
    image: absent("who may pull an image is decided by its repository"),
    workload: not_yet("trust policies of task roles come with the ECS collector"),
    cluster: absent("a cluster has no policy that names services"),
    host: absent("a host has no policy that names services"),

    fail function "any bucket may invoke" => r#"{ "invoke_policy": { "open_services": [{ "statement": "s3", "principal": "s3.amazonaws.com", "actions": ["lambda:InvokeFunction"] }] } }"#,
    pass function "bucket is named" => r#"{ "invoke_policy": {} }"#,
    unknown function "policy denied" => r#"{ "invoke_policy": { "unknown": "lambda:GetPolicy denied", "permission": "lambda:GetPolicy" } }"#,
    absent function on FunctionsFlex "no such policy" => "{}",
    fail repository "any function service may pull" => r#"{ "access": { "policy": { "open_services": [{ "statement": "0", "principal": "lambda.amazonaws.com", "actions": ["ecr:BatchGetImage"] }] } } }"#,
    pass repository "no service" => r#"{ "access": {} }"#,
    unknown repository "policy denied" => r#"{ "access": { "unknown": "ecr:GetRepositoryPolicy denied", "permission": "ecr:GetRepositoryPolicy" } }"#,
    absent repository on Acr "no such policy" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::absent("an app has no policy that names services");
    }
    judge(known!(facts.invoke_policy), "invoke_policy")
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() != Platform::Ecr {
        return Outcome::absent("the registry has no policy that names services");
    }
    judge(&known!(facts.access).policy, "access")
}

fn judge(policy: &ResourcePolicy, fact: &'static str) -> Outcome {
    let open: Vec<_> = policy.open_services.iter().collect();
    if open.is_empty() {
        Outcome::pass("no service is let in without its source")
    } else {
        let_in("its policy lets a service in on behalf of anyone", fact, &open)
    }
}
