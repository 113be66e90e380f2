//! RES-03.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// It may run far longer than its work takes.
    ///
    /// ## Why it matters
    /// The timeout bounds what one stuck call costs. At the platform's maximum, a dependency that hangs
    /// turns each request into a quarter of an hour of billed waiting, and concurrency fills up behind it.
    ///
    /// ## What to do
    /// Set the timeout to a few times the longest usual run, and time out calls to others earlier than
    /// that. Azure: give `functionTimeout` in `host.json` a value; never `-1`.
    pub LONG_TIMEOUT
    code: "RES-03", area: Resources, severity: Medium, since: "0.1.0",
    frameworks: [AwsConfig("lambda-function-settings-check"), Owasp("DoW"), Owasp("DoS")],
    function: check(function),
    repository: absent("a repository runs nothing"),
    image: absent("an image runs until it is stopped; deadlines are set where it runs"),
    workload: not_yet("deadlines of jobs come with the Kubernetes collector"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    fail function "maximum for a two-second job" => r#"{ "timeout_seconds": 900, "activity": { "longest_seconds": 2 } }"#,
    fail function "maximum, need not known" => r#"{ "timeout_seconds": 900 }"#,
    fail function "five minutes for a second" => r#"{ "timeout_seconds": 300, "activity": { "longest_seconds": 1 } }"#,
    pass function "maximum that is needed" => r#"{ "timeout_seconds": 900, "activity": { "longest_seconds": 700 } }"#,
    pass function "half a minute" => r#"{ "timeout_seconds": 30 }"#,
    unknown function "five minutes, need not known" => r#"{ "timeout_seconds": 300 }"#,
    unknown function "not read" => r#"{ "timeout_seconds": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    not_yet function on FunctionsFlex "host.json" => "{}",
    fail function on FunctionsPremium "without end" => r#"{ "timeout_seconds": null }"#,
}

/// Timeouts up to this cost little when hit, in seconds.
const SHORT_SECONDS: i64 = 60;
/// From here on a timeout is near the platforms' maximum, in seconds.
const NEAR_MAXIMUM_SECONDS: i64 = 840;
/// How many times the longest run a timeout may be.
const GENEROUS: f64 = 10.0;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() && facts.timeout_seconds.is_not_read() {
        return Outcome::not_yet("its timeout is set in host.json, which is not read yet");
    }
    let Some(timeout) = *known!(facts.timeout_seconds) else {
        return Outcome::fail("it may run without end").because("timeout_seconds", "(none)");
    };
    if timeout <= SHORT_SECONDS {
        return Outcome::pass("its timeout is a minute or less").because("timeout_seconds", timeout);
    }
    let longest = facts.activity.known().and_then(|activity| activity.longest_seconds);
    let seconds = timeout as f64;
    match longest {
        Some(longest) if seconds > GENEROUS * longest => {
            Outcome::fail("its timeout is more than ten times its longest run")
                .because("timeout_seconds", timeout)
                .because("longest_seconds", longest)
        }
        Some(longest) => Outcome::pass("its timeout fits its longest run")
            .because("timeout_seconds", timeout)
            .because("longest_seconds", longest),
        None if timeout >= NEAR_MAXIMUM_SECONDS => {
            Outcome::fail("its timeout is the platform's maximum or near it")
                .because("timeout_seconds", timeout)
        }
        None => {
            Outcome::unknown("how long its runs take is not measured").because("timeout_seconds", timeout)
        }
    }
}
