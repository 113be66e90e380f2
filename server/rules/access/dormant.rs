//! ACC-17.

use chrono::TimeDelta;

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// It has not run for weeks and still holds its rights.
    ///
    /// ## Why it matters
    /// Code that nobody runs is code that nobody watches. Its triggers, its identity and its old
    /// packages remain for whoever finds them.
    ///
    /// ## What to do
    /// Ask the owner. Remove what is no longer needed, with its identity and triggers; for what must wait
    /// (a yearly job, a fallback), set its concurrency to zero until then, or accept the finding until the
    /// day it runs.
    pub DORMANT
    code: "ACC-17", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [CisAwsCompute("4.7"), Owasp("S5")],
    function: check(function),
    repository: absent("a repository holds no rights that idle"),
    image: absent("an image holds no rights until it runs"),
    workload: not_yet("services at zero tasks come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    fail function "no call in fourteen days" => r#"{ "identity": { "name": "old" }, "activity": { "invocations": 0 }, "code": { "digest": "a", "changed_at": "2025-03-01T00:00:00Z" } }"#,
    pass function "busy" => r#"{ "identity": { "name": "orders" }, "activity": { "invocations": 1200 } }"#,
    pass function "new" => r#"{ "identity": { "name": "new" }, "activity": { "invocations": 0 }, "code": { "digest": "a", "changed_at": "2026-10-30T00:00:00Z" } }"#,
    unknown function "metrics denied" => r#"{ "identity": { "name": "orders" }, "activity": { "unknown": "cloudwatch:GetMetricData denied", "permission": "cloudwatch:GetMetricData" } }"#,
    not_yet function on FunctionsFlex "metrics of apps" => r#"{ "identity": { "name": "orders" } }"#,
    unknown function "metrics without invocations" => r#"{ "identity": { "name": "orders" }, "activity": {} }"#,
}

/// The days that `activity` covers.
const WATCHED_DAYS: i64 = 14;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() && facts.activity.is_not_read() {
        return Outcome::not_yet("metrics of apps are not read yet");
    }
    let Some(invocations) = known!(facts.activity).invocations else {
        return Outcome::unknown("the number of its runs is not measured");
    };
    if invocations > 0.0 {
        return Outcome::pass("it ran in the last fourteen days").because("invocations", invocations);
    }
    let changed = facts.code.known().and_then(|code| code.changed_at);
    if changed.is_some_and(|moment| context.now - moment < TimeDelta::days(WATCHED_DAYS)) {
        return Outcome::pass("it changed in the last fourteen days, so somebody works on it");
    }
    if let Some(None) = facts.identity.known() {
        return Outcome::pass("it idles, but holds no identity");
    }
    Outcome::fail("it did not run in fourteen days and still holds its identity").because("invocations", 0)
}
