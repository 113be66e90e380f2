//! RES-07.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// It is allowed to call itself in a loop.
    ///
    /// ## Why it matters
    /// A function that writes to what triggers it runs until the money or somebody's sleep ends. The
    /// platform can see such loops and stop them, unless it was told not to.
    ///
    /// ## What to do
    /// Set recursive loop detection back to `Terminate`. Where a loop is meant, bound it in the event
    /// itself (a counter, a deadline) and reserve a small concurrency.
    pub LOOP_ALLOWED
    code: "RES-07", area: Resources, severity: Medium, since: "0.1.0",
    frameworks: [Owasp("DoW"), Owasp("DoS")],
    function: check(function),
    repository: absent("a repository calls nobody"),
    image: absent("an image calls nobody until it runs"),
    workload: absent("nothing starts a container by its own events"),
    cluster: absent("nothing starts a container by its own events"),
    host: absent("nothing starts a container by its own events"),

    fail function "allowed" => r#"{ "recursion": "Allow" }"#,
    pass function "terminated" => r#"{ "recursion": "Terminate" }"#,
    unknown function "denied" => r#"{ "recursion": { "unknown": "lambda:GetFunctionRecursionConfig denied", "permission": "lambda:GetFunctionRecursionConfig" } }"#,
    absent function on FunctionsFlex "no such setting" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::absent("Azure Functions has no loop detection to switch off");
    }
    let mode = known!(facts.recursion);
    match mode.as_str() {
        "Terminate" => Outcome::pass("the platform stops loops").because("recursion", mode),
        "Allow" => Outcome::fail("loops through its own triggers are allowed").because("recursion", mode),
        _ => Outcome::unknown("its loop setting is one we do not know").because("recursion", mode),
    }
}
