//! BAS-04.

use chrono::TimeDelta;

use super::{Context, control, known, listed, recent};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Something new starts it.
    ///
    /// ## Why it matters
    /// A new event source is a new way in, for users and attackers alike: it feeds the code input it was
    /// perhaps never written for. Who wants to stay unseen adds a trigger, not code.
    ///
    /// ## What to do
    /// Check that a deployment of yours added it. If so, the finding resolves by itself within a week;
    /// if not, remove the trigger and look at who made it in the audit trail.
    pub NEW_TRIGGER
    code: "BAS-04", area: Baseline, severity: Medium, since: "0.1.0",
    frameworks: [Owasp("S1"), Nist80019("4.4")],
    function: check(function),
    repository: absent("nothing starts a repository"),
    image: absent("nothing starts an image until it is deployed"),
    workload: not_yet("listeners, services and ingresses come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    fail function "a queue since Thursday" => r#"{ "triggers": [{ "kind": "sqs", "source": "arn:aws:sqs:eu-west-1:1:q", "first_seen": "2026-10-29T10:00:00Z" }] }"#,
    pass function on FunctionsFlex "known for long" => r#"{ "triggers": [{ "kind": "httpTrigger", "source": "orders", "first_seen": "2026-09-02T10:00:00Z" }] }"#,
    pass function "no triggers" => r#"{ "triggers": [] }"#,
    unknown function "denied" => r#"{ "triggers": { "unknown": "lambda:ListEventSourceMappings denied", "permission": "lambda:ListEventSourceMappings" } }"#,
    unknown function "age not known" => r#"{ "triggers": [{ "kind": "sqs", "source": "arn:aws:sqs:eu-west-1:1:q" }] }"#,
}

/// How long an asset must have been watched before something on it can be new.
const LEARNING_DAYS: i64 = 14;

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let triggers = known!(facts.triggers);
    let Some(since) = context.watched_since else {
        return Outcome::unknown("there is no history to compare with");
    };
    let learned = since + TimeDelta::days(LEARNING_DAYS);
    if context.now < learned {
        return Outcome::unknown("it is watched for less than fourteen days")
            .because("watched_since", since.date_naive());
    }
    let fresh = triggers.iter().filter(|trigger| {
        trigger.first_seen.is_some_and(|moment| moment >= learned && recent(moment, context))
    });
    let fresh: Vec<_> = fresh.map(|trigger| format!("{}: {}", trigger.kind, trigger.source)).collect();
    if !fresh.is_empty() {
        return Outcome::fail("it has a trigger that it did not have before")
            .because("triggers", listed(&fresh, 4));
    }
    if triggers.iter().any(|trigger| trigger.first_seen.is_none()) {
        return Outcome::unknown("the age of its triggers is not known");
    }
    Outcome::pass("its triggers are those it had before")
}
