//! FRM-07.

use super::{Context, control, known, listed};
use crate::model::{FunctionFacts, ImageFacts, Outcome};

control! {
    /// It is bound to one kind of processor.
    ///
    /// ## Why it matters
    /// What runs on one architecture alone cannot follow price, capacity or a provider's plans. Arm machines
    /// usually cost less for the same work, and images for both run anywhere.
    ///
    /// ## What to do
    /// Lambda: try `arm64`; interpreted code moves without a change. Images: build for both with one index
    /// (`docker buildx build --platform linux/amd64,linux/arm64`).
    pub ONE_ARCHITECTURE
    code: "FRM-07", area: Frameworks, severity: Info, since: "0.1.0",
    frameworks: [],
    function: check(function),
    repository: absent("a repository runs nothing"),
    image: check(image),
    workload: not_yet("architectures of tasks and pods come with the ECS and Kubernetes collectors"),
    cluster: not_yet("architectures of nodes come with the Kubernetes collector"),
    host: absent("a host has the processor it has"),

    fail function "x86 alone" => r#"{ "architectures": ["x86_64"] }"#,
    pass function "arm" => r#"{ "architectures": ["arm64"] }"#,
    unknown function "not read" => r#"{ "architectures": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    provider function on FunctionsFlex "Azure chooses" => "{}",
    fail image "amd64 alone" => r#"{ "architectures": ["linux/amd64"] }"#,
    pass image "both" => r#"{ "architectures": ["linux/amd64", "linux/arm64"] }"#,
    unknown image "not read" => r#"{ "architectures": { "unknown": "manifest not readable" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::provider("Azure chooses the processors of its plans");
    }
    let architectures = known!(facts.architectures);
    let arm = architectures.iter().any(|one| one.contains("arm64"));
    match (architectures.is_empty(), arm) {
        (true, _) => Outcome::unknown("its architecture is not told"),
        (false, true) => Outcome::pass("it runs on Arm").because("architectures", listed(architectures, 4)),
        (false, false) => {
            Outcome::fail("it runs on x86 alone").because("architectures", listed(architectures, 4))
        }
    }
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    let architectures = known!(facts.architectures);
    match architectures.as_slice() {
        [] => Outcome::unknown("its architectures are not told"),
        [one] => Outcome::fail("it is built for one architecture alone").because("architectures", one),
        several => Outcome::pass("it is built for several architectures")
            .because("architectures", listed(several, 6)),
    }
}
