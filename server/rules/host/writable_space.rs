//! HST-05.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Severity};

control! {
    /// It can write more than its work needs.
    ///
    /// ## Why it matters
    /// What can be written can be left behind: a tool for the next request, data of the last one. Warm
    /// functions keep their scratch space between calls, and containers keep their whole file system.
    ///
    /// ## What to do
    /// Functions: keep scratch space at the platform's default unless the work needs more, and clean it
    /// after each call. Containers: mount the root file system read-only and name the folders to write to.
    pub WRITABLE_SPACE
    code: "HST-05", area: Host, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("shared space"), CisDocker("5.13"), SecurityHub("ECS.5"), Trivy("KSV-0014"), Kubescape("C-0017"),
        Prowler("ecs_task_definitions_containers_readonly_access"),
    ],
    function: check(function),
    repository: absent("a repository runs nothing"),
    image: absent("what may be written is chosen where an image runs"),
    workload: not_yet("task and pod definitions come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running containers come with the Docker collector"),

    fail function "ten gigabytes" => r#"{ "scratch_mb": 10240 }"#,
    pass function "default" => r#"{ "scratch_mb": 512 }"#,
    unknown function "not read" => r#"{ "scratch_mb": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    provider function on FunctionsConsumption "fixed by the plan" => "{}",
}

/// Scratch space every Lambda function gets, in MB.
const DEFAULT_MB: i64 = 512;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::provider(
            "Azure mounts the package read-only where it can and fixes the scratch space",
        );
    }
    let size = *known!(facts.scratch_mb);
    if size > DEFAULT_MB {
        Outcome::fail("its scratch space was raised above the default")
            .because("scratch_mb", size)
            .at(Severity::Info)
    } else {
        Outcome::pass("its code is read-only and its scratch space the default")
            .because("scratch_mb", size)
            .at(Severity::Info)
    }
}
