//! OPS-01.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, Severity};

control! {
    /// Its logs go nowhere.
    ///
    /// ## Why it matters
    /// Without logs nobody sees the attempt that failed yesterday, and nobody can say afterwards what was
    /// taken. For short-lived code the log is all that remains.
    ///
    /// ## What to do
    /// Lambda: keep the log group and let the execution role write to it. Azure: set the Application Insights
    /// connection string, or send platform logs to a workspace. Registries: add a diagnostic setting for
    /// pulls, pushes and logins.
    pub NO_LOGS
    code: "OPS-01", area: Operations, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("S10"), Prowler("app_function_application_insights_enabled"), CloudSploit("lambdaLogGroups"),
        CloudSploit("appInsightsEnabled"), CloudSploit("acrLogAnalyticsEnabled"), SecurityHub("ECS.9"),
        CisDocker("2.13"), Kubescape("C-0067"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image writes no logs until it runs"),
    workload: not_yet("log drivers come with the ECS and Kubernetes collectors"),
    cluster: not_yet("audit logs come with the Kubernetes collector"),
    host: not_yet("log drivers come with the Docker collector"),

    fail function "none" => r#"{ "logging": { "destination": null } }"#,
    pass function "log group" => r#"{ "logging": { "destination": "/aws/lambda/orders" } }"#,
    unknown function on FunctionsPremium "settings denied" => r#"{ "logging": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/list/action" } }"#,
    fail repository on Acr "no diagnostic setting" => r#"{ "diagnostics": false }"#,
    pass repository on Acr "workspace" => r#"{ "diagnostics": true }"#,
    unknown repository on Acr "denied" => r#"{ "diagnostics": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Insights/diagnosticSettings/read" } }"#,
    provider repository "ECR" => "{}",
    not_yet repository on Acr "settings not read" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    match &known!(facts.logging).destination {
        Some(destination) => Outcome::pass("its logs are kept").because("logging", destination),
        None => Outcome::fail("its logs go nowhere").because("logging", "(none)"),
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Acr if facts.diagnostics.is_not_read() => {
            return Outcome::not_yet("diagnostic settings are not read yet");
        }
        Platform::Acr => {}
        Platform::Ecr => return Outcome::provider("AWS records each call in the account's event history"),
        _ => return Outcome::not_yet("where the registry logs to is not read"),
    }
    if *known!(facts.diagnostics) {
        Outcome::pass("access is logged somewhere of yours").because("diagnostics", "set").at(Severity::Low)
    } else {
        Outcome::fail("pulls, pushes and logins are not kept")
            .because("diagnostics", "(none)")
            .at(Severity::Low)
    }
}
