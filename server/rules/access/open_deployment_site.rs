//! ACC-14.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Severity};

control! {
    /// The deployment site is open to every address.
    ///
    /// ## Why it matters
    /// Next to each app stands a second site that replaces its code, shows its files and environment and
    /// opens a console. Restrictions put on the app do not hold for it unless somebody said so.
    ///
    /// ## What to do
    /// Let the deployment (SCM) site use the app's access restrictions, or give it a list of its own: the
    /// pipeline's addresses and the operators' network.
    pub OPEN_DEPLOYMENT_SITE
    code: "ACC-14", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [CloudSploit("scmSiteAccessRestriction"), Owasp("S6")],
    function: check(function),
    repository: absent("a repository has no second site"),
    image: absent("an image has no site"),
    workload: absent("a workload has no deployment site"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: absent("the engine's own endpoint is asked of under host environment"),

    absent function "Lambda" => "{}",
    fail function on FunctionsPremium "app closed, deployment open" => r#"{ "public_network": { "enabled": true, "restricted": true }, "deployment_network": { "enabled": true, "restricted": false } }"#,
    fail function on FunctionsConsumption "both open" => r#"{ "public_network": { "enabled": true, "restricted": false }, "deployment_network": { "enabled": true, "restricted": false } }"#,
    pass function on FunctionsPremium "restricted" => r#"{ "deployment_network": { "enabled": true, "restricted": true } }"#,
    unknown function on FunctionsFlex "not read" => r#"{ "deployment_network": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::absent("Lambda has no deployment site");
    }
    let site = known!(facts.deployment_network);
    if !site.enabled || site.restricted {
        return Outcome::pass("the deployment site answers listed callers alone");
    }
    let app_open = facts.public_network.known().is_some_and(|app| app.enabled && !app.restricted);
    if app_open {
        Outcome::fail("the deployment site is as open as the app")
            .because("deployment_network", "enabled, no access restrictions")
            .at(Severity::Low)
    } else {
        Outcome::fail("the deployment site is open although the app is not")
            .because("deployment_network", "enabled, no access restrictions")
    }
}
