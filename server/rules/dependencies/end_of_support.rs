//! DEP-04.

use chrono::NaiveDate;

use super::{Context, control, end_of_support, known};
use crate::model::{EndOfLife, FunctionFacts, ImageFacts, Outcome, Platform};

control! {
    /// What it runs on is past the end of its support or near it.
    ///
    /// ## Why it matters
    /// After that day holes are found and published but no longer fixed. A managed runtime still runs, yet
    /// nobody patches it; an old base image keeps every hole of its distribution.
    ///
    /// ## What to do
    /// Functions: move to a supported runtime or stack version; for Lambda `provided.*` and image
    /// functions rebuild on a current base. Azure: host version `~4`. Images: raise the base image in the
    /// Dockerfile and rebuild. Plan the next move for the day the evidence names.
    pub END_OF_SUPPORT
    code: "DEP-04", area: Dependencies, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S9"), CisAwsCompute("4.11"), CisAzure("9.7"), SecurityHub("Lambda.2"), SecurityHub("EKS.2"),
        Prowler("awslambda_function_using_supported_runtimes"), Prowler("app_function_latest_runtime_version"),
        CloudSploit("lambdaOldRuntimes"), AzurePolicy("AppService_FunctionApp_Audit_python_Latest"),
        Steampipe("appservice_function_app_latest_python_version"),
    ],
    function: check(function),
    repository: absent("a repository holds images and each is asked by itself"),
    image: check(image),
    workload: not_yet("platform versions of tasks come with the ECS collector"),
    cluster: not_yet("cluster versions come with the Kubernetes collector"),
    host: not_yet("system and engine versions come with the Docker collector"),

    fail function "runtime past its end" => r#"{ "runtime": { "label": "python3.8", "end_of_life": { "on": "2024-10-14" } } }"#,
    fail function "runtime near its end" => r#"{ "runtime": { "label": "dotnet8", "end_of_life": { "on": "2026-11-10" } } }"#,
    pass function "current runtime" => r#"{ "runtime": { "label": "python3.13", "end_of_life": { "on": "2029-06-30" } } }"#,
    absent function on LambdaImage "image function" => r#"{ "runtime": null, "package": { "kind": "image" } }"#,
    unknown function "runtime not in the table" => r#"{ "runtime": { "label": "cobol85", "end_of_life": "not_listed" } }"#,
    fail function on FunctionsConsumption "host version past its end" => r#"{ "host_version": "~3", "runtime": { "label": "Node|24", "end_of_life": { "on": "2028-04-30" } } }"#,
    fail function on FunctionsPremium "stack past its end" => r#"{ "host_version": "~4", "runtime": { "label": "Node|18", "end_of_life": { "on": "2025-04-30" } } }"#,
    pass function on FunctionsFlex "current stack" => r#"{ "host_version": "~4", "runtime": { "label": "Python|3.13", "end_of_life": { "on": "2029-10-31" } } }"#,
    pass function on FunctionsFlex "a host version that Flex Consumption ignores" => r#"{ "host_version": "~1", "runtime": { "label": "Python|3.13", "end_of_life": { "on": "2029-10-31" } } }"#,
    unknown function on FunctionsPremium "settings denied" => r#"{ "host_version": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/list/action" }, "runtime": { "label": "Python|3.13", "end_of_life": { "on": "2029-10-31" } } }"#,
    absent function on FunctionsContainer "custom container" => r#"{ "host_version": "~4", "runtime": null }"#,
    fail image "old distribution" => r#"{ "base": { "name": "debian:10", "end_of_life": { "on": "2024-06-30" } } }"#,
    pass image "current distribution" => r#"{ "base": { "name": "debian:13", "end_of_life": { "on": "2030-06-30" } } }"#,
    unknown image "does not say" => r#"{ "base": null }"#,
    unknown image "config not readable" => r#"{ "base": { "unknown": "blob not found" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().runs_an_image() {
        return Outcome::absent("its runtime comes with its image, which is asked by itself");
    }
    if !context.platform().is_lambda() {
        return app(facts, context);
    }
    match known!(facts.runtime) {
        Some(runtime) => end_of_support("runtime", &runtime.label, runtime.end_of_life, context),
        None => Outcome::absent("it has no managed runtime"),
    }
}

/// The host and the stack: the worse of the two counts, and both must be known to pass.
fn app(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    use crate::model::Verdict;
    let stack = facts.runtime.known().and_then(Option::as_ref);
    let stack = stack.map(|stack| end_of_support("runtime", &stack.label, stack.end_of_life, context));
    // Flex Consumption runs the current host, whatever the setting says.
    let chooses = context.platform() != Platform::FunctionsFlex;
    let host = facts.host_version.known().and_then(Option::as_ref).filter(|_| chooses);
    let host = host.map(|version| {
        let label = format!("Functions host {version}");
        end_of_support("host_version", &label, host_end(version), context)
    });
    let failing =
        |outcome: &Option<Outcome>| outcome.as_ref().is_some_and(|one| one.verdict == Verdict::Fail);
    if failing(&host) && host.as_ref().is_some_and(|one| one.severity.is_none()) {
        return host.unwrap_or_else(|| Outcome::unknown("the host version is not known"));
    }
    if let (true, Some(stack)) = (failing(&stack), &stack) {
        return stack.clone();
    }
    if let (true, Some(host)) = (failing(&host), host) {
        return host;
    }
    if chooses && known!(facts.host_version).is_none() {
        return Outcome::unknown("the app does not set its host version");
    }
    known!(facts.runtime);
    stack.unwrap_or_else(|| Outcome::unknown("the app does not name its language stack"))
}

/// The end of a host version as set: `~4`, `3.1.5`. Microsoft ended 2 and 3 together.
fn host_end(setting: &str) -> EndOfLife {
    let day =
        |year, month, day| NaiveDate::from_ymd_opt(year, month, day).map_or(EndOfLife::Ended, EndOfLife::On);
    match setting.trim().trim_start_matches('~').split('.').next() {
        Some("1") => day(2026, 9, 14),
        Some("2" | "3") => day(2022, 12, 13),
        Some("4") => EndOfLife::Open,
        _ => EndOfLife::NotListed,
    }
}

fn image(facts: &ImageFacts, context: &Context<'_>) -> Outcome {
    match known!(facts.base) {
        Some(base) => end_of_support("base", &base.name, base.end_of_life, context),
        None => Outcome::unknown("the image does not say what it is built on"),
    }
}
