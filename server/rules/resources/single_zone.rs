//! RES-06.

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Platform, RepositoryFacts, Severity};

control! {
    /// One failed zone or stuck process stops it.
    ///
    /// ## Why it matters
    /// A function tied to one subnet stops with that zone. A container whose health nobody asks for keeps
    /// its place while it answers nothing.
    ///
    /// ## What to do
    /// Lambda in a VPC: name subnets in at least two zones. Images: add a `HEALTHCHECK`, or a probe where
    /// an orchestrator runs them.
    pub SINGLE_ZONE
    code: "RES-06", area: Resources, severity: Low, since: "0.1.0",
    frameworks: [
        SecurityHub("Lambda.5"), Prowler("awslambda_function_vpc_multi_az"), CisDocker("4.6"), Trivy("DS-0026"),
        Kubescape("C-0018"),
    ],
    function: check(function),
    repository: check(repository),
    image: check(image),
    workload: not_yet("probes come with the ECS and Kubernetes collectors"),
    cluster: not_yet("zones of nodes come with the Kubernetes collector"),
    host: absent("a host is one machine by nature"),

    provider function "no VPC" => r#"{ "vpc": null }"#,
    fail function "one subnet" => r#"{ "vpc": { "id": "vpc-1", "subnets": ["subnet-1"] } }"#,
    not_yet function "two subnets, zones not read" => r#"{ "vpc": { "id": "vpc-1", "subnets": ["subnet-1", "subnet-2"] } }"#,
    unknown function "not read" => r#"{ "vpc": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    not_yet function on FunctionsPremium "the plan's setting" => "{}",
    provider repository on Ecr "kept by AWS" => "{}",
    provider repository on Acr "kept by Azure" => "{}",
    not_yet repository on Oci "run by whoever runs it" => "{}",
    fail image "no health check" => r#"{ "healthcheck": false }"#,
    pass image "health check" => r#"{ "healthcheck": true }"#,
    unknown image "config not readable" => r#"{ "healthcheck": { "unknown": "blob not found" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::not_yet("whether its plan spans zones is not read yet");
    }
    let Some(vpc) = known!(facts.vpc) else {
        return Outcome::provider("AWS runs functions outside a VPC in several zones");
    };
    if let [] | [_] = vpc.subnets.as_slice() {
        return Outcome::fail("it is tied to a single subnet, and so to one zone")
            .because("subnets", vpc.subnets.len());
    }
    Outcome::not_yet("the zones of its subnets are not read yet").because("subnets", vpc.subnets.len())
}

fn repository(_: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Ecr => Outcome::provider("AWS keeps its registries in several zones"),
        Platform::Acr => {
            Outcome::provider("Azure keeps its registries in several zones where a region has them")
        }
        _ => Outcome::not_yet("the registry does not tell on how many machines it runs"),
    }
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    if *known!(facts.healthcheck) {
        Outcome::pass("the image says how to tell that it is healthy").because("healthcheck", "true")
    } else {
        Outcome::fail("the image does not say how to tell that it is healthy")
            .because("healthcheck", "(none)")
            .at(Severity::Info)
    }
}
