//! RES-01.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform};

control! {
    /// Nothing bounds how far it scales out.
    ///
    /// ## Why it matters
    /// What scales without end bills without end: a loop, a retry storm or a stranger with a script spends
    /// your money. On the way it takes the account's shared capacity from everything else.
    ///
    /// ## What to do
    /// Lambda: reserve concurrency at a few times the usual peak. Azure: set the scale-out limit of the app,
    /// or the plan's maximum. Containers: a maximum on the autoscaler and a quota on the namespace.
    pub NO_CEILING
    code: "RES-01", area: Resources, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("DoW"), AwsConfig("lambda-concurrency-check"), Defender("Reserved concurrency"),
        Steampipe("lambda_function_concurrent_execution_limit_configured"), Trivy("KSV-0040"),
    ],
    function: check(function),
    repository: absent("a repository does not scale"),
    image: absent("an image does not scale until it runs"),
    workload: not_yet("autoscaling limits come with the ECS and Kubernetes collectors"),
    cluster: not_yet("quotas come with the Kubernetes collector"),
    host: absent("a host is its own ceiling"),

    fail function "no reserved concurrency" => r#"{ "scale": { "limit": null } }"#,
    pass function "reserved concurrency" => r#"{ "scale": { "limit": 50 } }"#,
    unknown function "denied" => r#"{ "scale": { "unknown": "lambda:GetFunctionConcurrency denied", "permission": "lambda:GetFunctionConcurrency" } }"#,
    fail function on FunctionsConsumption "no limit" => r#"{ "scale": { "limit": null }, "plan": { "sku": "Y1", "tier": "Dynamic" } }"#,
    pass function on FunctionsPremium "the plan's maximum holds" => r#"{ "scale": { "limit": null }, "plan": { "sku": "EP1", "tier": "ElasticPremium", "max_workers": 10 } }"#,
    unknown function on FunctionsDedicated "plan denied" => r#"{ "scale": { "limit": null }, "plan": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/serverfarms/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let limit = known!(facts.scale).limit;
    match limit {
        Some(limit) if limit > 0 => {
            return Outcome::pass("its scale has a ceiling").because("scale", limit);
        }
        Some(limit) if context.platform().is_lambda() => {
            return Outcome::pass("its concurrency is set to zero, so it cannot run").because("scale", limit);
        }
        _ => {}
    }
    // On plans of fixed or bounded size the plan is the ceiling of all its apps.
    let dedicated = [Platform::FunctionsPremium, Platform::FunctionsDedicated, Platform::FunctionsContainer];
    if dedicated.contains(&context.platform()) {
        let workers = known!(facts.plan).as_ref().and_then(|plan| plan.max_workers);
        if let Some(workers) = workers.filter(|workers| *workers > 0) {
            return Outcome::pass("its plan's ceiling holds for it").because("max_workers", workers);
        }
    }
    Outcome::fail("it has no ceiling of its own").because("scale", "(no limit)")
}
