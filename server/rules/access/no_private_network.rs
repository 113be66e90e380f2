//! ACC-10.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, Severity};

control! {
    /// It is not attached to a private network.
    ///
    /// ## Why it matters
    /// Outside a network of yours nothing limits where code may connect, and what it talks to must stand
    /// on a public address too. Inside, security groups and private endpoints draw the line.
    ///
    /// ## What to do
    /// Attach functions that reach databases or internal services to a VPC or virtual network and give
    /// those services private endpoints. A function that only calls public APIs may stay outside: accept
    /// the finding for it and say so. Registries: use private endpoints and switch the public one off.
    pub NO_PRIVATE_NETWORK
    code: "ACC-10", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [
        Nist80019("4.3.3"), SecurityHub("Lambda.3"), Prowler("awslambda_function_inside_vpc"),
        Prowler("app_function_vnet_integration_enabled"), Prowler("containerregistry_uses_private_link"),
        CloudSploit("lambdaVpcConfig"), CloudSploit("vnetIntegrated"), CisKubernetes("5.3.2"), CisDocker("2.2"),
        AzurePolicy("AppService_App_VNetIntegrationEnabled_Audit"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image has no network until it runs"),
    workload: not_yet("network policies come with the Kubernetes collector"),
    cluster: not_yet("network policies come with the Kubernetes collector"),
    host: not_yet("the default bridge comes with the Docker collector"),

    fail function "no VPC" => r#"{ "vpc": null }"#,
    pass function "in a VPC" => r#"{ "vpc": { "id": "vpc-1", "subnets": ["subnet-1", "subnet-2"] } }"#,
    unknown function "configuration denied" => r#"{ "vpc": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    fail function on FunctionsConsumption "no network" => r#"{ "vpc": null }"#,
    fail repository on Acr "public endpoint" => r#"{ "public_network": { "enabled": true, "restricted": true } }"#,
    pass repository on Acr "private endpoints only" => r#"{ "public_network": { "enabled": false } }"#,
    unknown repository on Acr "not read" => r#"{ "public_network": { "unknown": "AuthorizationFailed", "permission": "Microsoft.ContainerRegistry/registries/read" } }"#,
    absent repository "ECR" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    match known!(facts.vpc) {
        Some(vpc) => {
            let pass = Outcome::pass("it is attached to a private network").because("vpc", &vpc.id);
            if context.platform().is_lambda() { pass.at(Severity::Low) } else { pass }
        }
        // A function reaches AWS services by signed calls, so being outside weighs little there.
        None if context.platform().is_lambda() => {
            Outcome::fail("it runs outside any network of yours").because("vpc", "(none)").at(Severity::Low)
        }
        None if context.platform() == Platform::FunctionsConsumption => {
            Outcome::fail("its plan cannot be attached to a network").because("vpc", "(none)")
        }
        None => Outcome::fail("it is attached to no virtual network").because("vpc", "(none)"),
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Acr => {}
        Platform::Ecr => {
            return Outcome::absent("ECR has no address of its own; its VPC endpoint is the network's");
        }
        _ => return Outcome::not_yet("where the registry listens is not read yet"),
    }
    if known!(facts.public_network).enabled {
        Outcome::fail("the registry answers on its public endpoint").because("public_network", "enabled")
    } else {
        Outcome::pass("the registry answers on private endpoints alone").because("public_network", "disabled")
    }
}
