//! OPS-03.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Its requests are not traced.
    ///
    /// ## Why it matters
    /// Between a dozen functions and services a single log says little. A trace shows which call was slow,
    /// which failed first, and who called whom at all.
    ///
    /// ## What to do
    /// Lambda: set tracing to `Active` and give the role the two X-Ray actions. Azure: connect Application
    /// Insights. Containers: send OpenTelemetry from the code, and switch Container Insights on.
    pub NO_TRACING
    code: "OPS-03", area: Operations, severity: Low, since: "0.1.0",
    frameworks: [
        CisAwsCompute("4.2"), Owasp("S10"), SecurityHub("Lambda.7"), CloudSploit("lambdaTracingEnabled"),
        Trivy("AWS-0066"), Prowler("ecs_cluster_container_insights_enabled"),
    ],
    function: check(function),
    repository: absent("a repository serves no requests of your users"),
    image: absent("an image serves no requests until it runs"),
    workload: not_yet("tracing of services comes with the ECS and Kubernetes collectors"),
    cluster: not_yet("Container Insights and metrics come with the ECS and Kubernetes collectors"),
    host: absent("the question is asked of each workload"),

    fail function "off" => r#"{ "tracing": false }"#,
    pass function on FunctionsFlex "on" => r#"{ "tracing": true }"#,
    unknown function "not read" => r#"{ "tracing": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    if *known!(facts.tracing) {
        Outcome::pass("its requests are traced").because("tracing", "on")
    } else {
        Outcome::fail("its requests are not traced").because("tracing", "off")
    }
}
