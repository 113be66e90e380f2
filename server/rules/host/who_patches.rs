//! HST-00.

use super::{Context, control};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// Nobody is named who patches the machine below it.
    ///
    /// ## Why it matters
    /// Below every function and container lie a kernel, a sandbox and a host. For functions the provider
    /// patches all three; the further an asset moves towards your own machines, the more of them is yours.
    ///
    /// ## What to do
    /// Nothing for functions and managed registries: this row shows what the provider takes off your
    /// hands. Before you move a function to containers, plan who will do it then.
    pub WHO_PATCHES
    code: "HST-00", area: Host, severity: Info, since: "0.1.0",
    frameworks: [Nist80019("4.5"), Owasp("shared space")],
    function: check(function),
    repository: check(repository),
    image: absent("an image brings no kernel; its own packages are asked of under dependencies"),
    workload: not_yet("launch types come with the ECS and Kubernetes collectors"),
    cluster: not_yet("node types come with the Kubernetes collector"),
    host: not_yet("kernel and engine versions come with the Docker collector"),

    provider function "Lambda" => "{}",
    provider function on FunctionsConsumption "shared workers" => "{}",
    provider function on FunctionsContainer "custom container" => "{}",
    provider repository "ECR" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn function(_: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let reason = match context.platform() {
        Platform::LambdaZip => "AWS patches kernel, sandbox, system and runtime",
        Platform::LambdaImage => "AWS patches kernel and sandbox; system and runtime come with your image",
        Platform::FunctionsContainer => {
            "Azure patches kernel and host; system and runtime come with your image"
        }
        _ => "Azure patches kernel, host, system and runtime",
    };
    Outcome::provider(reason).because("platform", context.platform().label())
}

fn repository(_: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Oci => Outcome::not_yet("who patches the registry's host is not read"),
        platform => {
            Outcome::provider("the provider patches the registry").because("platform", platform.label())
        }
    }
}
