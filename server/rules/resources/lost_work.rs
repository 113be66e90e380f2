//! RES-05.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Severity, Trigger};

control! {
    /// Work that fails in the background is lost.
    ///
    /// ## Why it matters
    /// Events handed over asynchronously are retried a few times and then dropped. Nobody learns of the
    /// order that was not shipped, nor of the attack that made the code fail.
    ///
    /// ## What to do
    /// Lambda: name an on-failure destination or a dead-letter queue, and alarm on its depth. Azure: give
    /// queue triggers a retry policy and watch the poison queue. Kubernetes jobs: bound the retries.
    pub LOST_WORK
    code: "RES-05", area: Resources, severity: Medium, since: "0.1.0",
    frameworks: [
        Prowler("awslambda_function_no_dead_letter_queue"), CloudSploit("lambdaDeadLetterQueue"),
        AwsConfig("lambda-dlq-check"), CisDocker("5.15"),
    ],
    function: check(function),
    repository: absent("a repository works on no events"),
    image: absent("an image works on no events until it runs"),
    workload: not_yet("retry limits of jobs come with the Kubernetes collector"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("restart policies come with the Docker collector"),

    fail function "topic without a destination" => r#"{ "async_failure": { "destination": null }, "triggers": [{ "kind": "sns.amazonaws.com", "source": "arn:aws:sns:eu-west-1:1:t" }] }"#,
    fail function "no destination" => r#"{ "async_failure": { "destination": null } }"#,
    pass function "dead-letter queue" => r#"{ "async_failure": { "destination": "arn:aws:sqs:eu-west-1:1:dead" } }"#,
    unknown function "denied" => r#"{ "async_failure": { "unknown": "lambda:GetFunctionEventInvokeConfig denied", "permission": "lambda:GetFunctionEventInvokeConfig" } }"#,
    absent function on FunctionsConsumption "HTTP alone" => r#"{ "triggers": [{ "kind": "httpTrigger", "source": "orders" }] }"#,
    not_yet function on FunctionsPremium "queue trigger" => r#"{ "triggers": [{ "kind": "queueTrigger", "source": "orders" }] }"#,
}

/// Azure triggers that a caller waits for or a clock repeats.
const WAITED_FOR: &[&str] = &["httptrigger", "timertrigger", "warmuptrigger"];

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return app(facts);
    }
    if let Some(destination) = &known!(facts.async_failure).destination {
        return Outcome::pass("failed events are kept").because("async_failure", destination);
    }
    let outcome = Outcome::fail("events that fail are dropped").because("async_failure", "(none)");
    let triggers = facts.triggers.known();
    // Without such a trigger only a direct asynchronous call could lose work.
    if triggers.is_some_and(|list| !list.iter().any(|trigger| Trigger::hands_over(&trigger.kind))) {
        outcome.at(Severity::Low)
    } else {
        outcome
    }
}

fn app(facts: &FunctionFacts) -> Outcome {
    let waited = |kind: &str| WAITED_FOR.iter().any(|one| kind.eq_ignore_ascii_case(one));
    if known!(facts.triggers).iter().all(|trigger| waited(&trigger.kind)) {
        return Outcome::absent("it works on no events in the background");
    }
    if facts.async_failure.is_not_read() {
        return Outcome::not_yet("retries and poison queues are set in host.json, which is not read yet");
    }
    match &known!(facts.async_failure).destination {
        Some(destination) => Outcome::pass("failed events are kept").because("async_failure", destination),
        None => Outcome::fail("events that fail are dropped").because("async_failure", "(none)"),
    }
}
