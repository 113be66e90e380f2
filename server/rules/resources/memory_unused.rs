//! RES-02.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform};

control! {
    /// It pays for much more memory than it uses.
    ///
    /// ## Why it matters
    /// Memory is what functions are billed by, for each millisecond. Twice the need is twice the bill, and
    /// the number hides whether the code has grown.
    ///
    /// ## What to do
    /// Lower the memory to about one and a half times the peak and look at duration afterwards: on Lambda
    /// processor share follows memory, so code that computes may need it after all. Containers: set the
    /// limit the same way.
    pub MEMORY_UNUSED
    code: "RES-02", area: Resources, severity: Low, since: "0.1.0",
    frameworks: [AwsConfig("lambda-function-settings-check"), Owasp("DoW"), CisDocker("5.11"), Trivy("KSV-0018")],
    function: check(function),
    repository: absent("a repository uses no memory of yours"),
    image: absent("memory is given where an image runs"),
    workload: not_yet("memory limits come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("memory limits come with the Docker collector"),

    fail function "3 GB for 200 MB" => r#"{ "memory_mb": 3008, "activity": { "peak_memory_mb": 200 } }"#,
    pass function "fits" => r#"{ "memory_mb": 512, "activity": { "peak_memory_mb": 300 } }"#,
    pass function "the smallest" => r#"{ "memory_mb": 128, "activity": {} }"#,
    unknown function "not measured" => r#"{ "memory_mb": 1024, "activity": { "invocations": 10 } }"#,
    not_yet function on FunctionsFlex "metrics of apps" => r#"{ "memory_mb": 2048 }"#,
    provider function on FunctionsConsumption "billed as used" => "{}",
    absent function on FunctionsPremium "the plan's machines" => r#"{ "memory_mb": null }"#,
}

/// Unused memory that is not worth a finding, in MB.
const SLACK_MB: f64 = 256.0;
/// The least memory a function can have, in MB.
const LEAST_MB: i64 = 128;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform() == Platform::FunctionsConsumption {
        return Outcome::provider("the plan bills the memory used, not the memory set");
    }
    let Some(memory) = *known!(facts.memory_mb) else {
        return Outcome::absent("its memory is that of its plan's machines");
    };
    if memory <= LEAST_MB {
        return Outcome::pass("it has the least memory there is").because("memory_mb", memory);
    }
    if !context.platform().is_lambda() && facts.activity.is_not_read() {
        return Outcome::not_yet("metrics of apps are not read yet");
    }
    let Some(peak) = known!(facts.activity).peak_memory_mb else {
        return Outcome::unknown("its memory use is not measured");
    };
    let set = memory as f64;
    let outcome = if set > 2.0 * peak && set - peak >= SLACK_MB {
        Outcome::fail("it never used half of its memory")
    } else {
        Outcome::pass("it uses the memory it has")
    };
    outcome.because("memory_mb", memory).because("peak_memory_mb", peak)
}
