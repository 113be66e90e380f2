//! FRM-02.

use super::{Context, control};
use crate::model::{FunctionFacts, Outcome, Platform};

control! {
    /// Its platform leaves you more than functions need.
    ///
    /// ## Why it matters
    /// The same code can run where the provider carries nearly everything, or where you size, patch and pay
    /// for machines that wait. The platform decides the split of duties more than any setting does.
    ///
    /// ## What to do
    /// Look at the compare page for what each side carries. A dedicated plan is worth it for steady load or
    /// for a network that consumption plans cannot join; otherwise move to Flex Consumption or Premium.
    pub SPLIT
    code: "FRM-02", area: Frameworks, severity: Info, since: "0.1.0",
    frameworks: [Nist80019("4.5")],
    function: check(function),
    repository: absent("a repository runs nothing"),
    image: absent("the split is decided where an image runs"),
    workload: not_yet("launch types come with the ECS and Kubernetes collectors"),
    cluster: not_yet("node types come with the Kubernetes collector"),
    host: not_yet("hosts come with the Docker collector"),

    pass function "Lambda" => "{}",
    pass function on LambdaImage "Lambda with an image" => "{}",
    pass function on FunctionsFlex "Flex Consumption" => "{}",
    fail function on FunctionsDedicated "dedicated plan" => r#"{ "plan": { "sku": "P1v3", "tier": "PremiumV3" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let platform = context.platform();
    let outcome = match platform {
        Platform::FunctionsDedicated => Outcome::fail("its plan's machines are yours to size and pay for"),
        Platform::LambdaImage | Platform::FunctionsContainer => {
            Outcome::pass("the provider carries the machine and you carry the image")
        }
        _ => Outcome::pass("the provider carries all below the code"),
    };
    let outcome = outcome.because("platform", platform.label());
    match facts.plan.known().and_then(Option::as_ref) {
        Some(plan) => outcome.because("plan", &plan.sku),
        None => outcome,
    }
}
