//! DEP-05.

use chrono::{Datelike, TimeDelta};

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Platform, Severity};

control! {
    /// Patches of its runtime do not arrive by themselves.
    ///
    /// ## Why it matters
    /// Fixes for the language and the system below the code help only when they arrive. A pinned runtime
    /// version, or an image built once and never again, stays as vulnerable as on its first day.
    ///
    /// ## What to do
    /// Lambda: leave the runtime update mode on `Auto`; pin for a rollback only, and for days. Azure:
    /// set the host version to `~4`, not to one build. Images: rebuild on a schedule even without a change of
    /// your own code, pulling the base afresh.
    pub UNPATCHED
    code: "DEP-05", area: Dependencies, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("S9"), Nist80019("4.1.1"), Defender("Automatic runtime version updates"),
        Prowler("aks_cluster_auto_upgrade_enabled"),
    ],
    function: check(function),
    repository: absent("a repository holds images and each is asked by itself"),
    image: check(image),
    workload: absent("a workload is as old as its images"),
    cluster: not_yet("upgrade channels come with the Kubernetes collector"),
    host: not_yet("pending updates of hosts come with the Docker collector"),

    fail function "pinned" => r#"{ "runtime_updates": "Manual" }"#,
    fail function "at deployment alone" => r#"{ "runtime_updates": "FunctionUpdate" }"#,
    pass function "automatic" => r#"{ "runtime_updates": "Auto" }"#,
    unknown function "denied" => r#"{ "runtime_updates": { "unknown": "lambda:GetRuntimeManagementConfig denied", "permission": "lambda:GetRuntimeManagementConfig" } }"#,
    absent function on LambdaImage "image function" => "{}",
    provider function on FunctionsFlex "managed stack" => "{}",
    provider function on FunctionsPremium "a host version that moves" => r#"{ "host_version": "~4" }"#,
    fail function on FunctionsPremium "a host pinned to one build" => r#"{ "host_version": "4.1037.0" }"#,
    fail image "built two years ago" => r#"{ "image_tags": ["1.0"], "created": "2024-10-01T00:00:00Z" }"#,
    pass image "built last month" => r#"{ "image_tags": ["1.0"], "created": "2026-10-01T00:00:00Z" }"#,
    absent image "no tag points to it" => r#"{ "image_tags": [], "created": "2020-10-01T00:00:00Z" }"#,
    unknown image "built without a date" => r#"{ "image_tags": ["1.0"], "created": "1970-01-01T00:00:00Z" }"#,
    unknown image "config not readable" => r#"{ "image_tags": ["1.0"], "created": { "unknown": "blob not found" } }"#,
}

/// After how many days an image without a rebuild has missed patches.
const OLD_DAYS: i64 = 180;
/// Builds that hide their date write one from before containers.
const FIRST_REAL_YEAR: i32 = 2000;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().runs_an_image() {
        return Outcome::absent("its runtime comes with its image, which is asked by itself");
    }
    if !context.platform().is_lambda() {
        return app(facts, context);
    }
    let mode = known!(facts.runtime_updates);
    match mode.as_str() {
        "Auto" => Outcome::pass("the platform patches its runtime").because("runtime_updates", mode),
        "FunctionUpdate" => Outcome::fail("runtime patches wait for its next deployment")
            .because("runtime_updates", mode)
            .at(Severity::Low),
        "Manual" => Outcome::fail("its runtime is pinned and not patched").because("runtime_updates", mode),
        _ => Outcome::unknown("its update mode is one we do not know").because("runtime_updates", mode),
    }
}

/// Only a version that begins with `~` moves; Flex Consumption ignores the setting.
fn app(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let set = facts.host_version.known().and_then(Option::as_ref);
    let pinned = set.filter(|version| !version.trim().starts_with('~') && version.contains('.'));
    match pinned.filter(|_| context.platform() != Platform::FunctionsFlex) {
        Some(version) => {
            Outcome::fail("its host is pinned to one build and not patched").because("host_version", version)
        }
        None => Outcome::provider("Azure patches the managed stacks of its apps"),
    }
}

fn image(facts: &ImageFacts, context: &Context<'_>) -> Outcome {
    if facts.image_tags.known().is_some_and(Vec::is_empty) {
        return Outcome::absent("no tag points to it, so nothing new will run it");
    }
    let built = known!(facts.created).filter(|built| built.year() >= FIRST_REAL_YEAR);
    let Some(built) = built else {
        return Outcome::unknown("the image does not say when it was built");
    };
    let day = built.date_naive();
    if context.now - built > TimeDelta::days(OLD_DAYS) {
        Outcome::fail("it was not rebuilt in half a year").because("created", day)
    } else {
        Outcome::pass("it was built in the last half year").because("created", day)
    }
}
