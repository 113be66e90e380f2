//! API-03.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Severity};

control! {
    /// Scripts of any website may call it.
    ///
    /// ## Why it matters
    /// Cross-origin rules are what keeps a page on another site from using the visitor's session here.
    /// `*` gives that up; with credentials allowed as well, each visitor's login is open to every page.
    ///
    /// ## What to do
    /// List the origins of your own front ends, with scheme and host. Never allow credentials together
    /// with an origin you do not own.
    pub ANY_ORIGIN
    code: "API-03", area: Api, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("S6"), Prowler("awslambda_function_url_cors_policy"), CloudSploit("accessControlAllowCredential"),
        AzurePolicy("AppService_RestrictCORSAccess_FuntionApp_Audit"),
        Steampipe("appservice_function_app_cors_no_star"),
    ],
    function: check(function),
    repository: absent("no browser script talks to a registry's API"),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("ingress annotations come with the Kubernetes collector"),
    cluster: absent("browsers do not talk to a cluster's API"),
    host: absent("browsers do not talk to a host's engine"),

    fail function "any origin" => r#"{ "cors": { "origins": ["*"] } }"#,
    fail function on FunctionsConsumption "any origin with credentials" => r#"{ "cors": { "origins": ["*"], "credentials": true } }"#,
    pass function "own front end" => r#"{ "cors": { "origins": ["https://app.example.com"], "credentials": true } }"#,
    pass function "no rules" => r#"{ "cors": null }"#,
    unknown function "URLs denied" => r#"{ "cors": { "unknown": "lambda:ListFunctionUrlConfigs denied", "permission": "lambda:ListFunctionUrlConfigs" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    let Some(cors) = known!(facts.cors) else {
        return Outcome::pass("it has no cross-origin rules, so browsers refuse other sites");
    };
    let any = cors.origins.iter().find(|origin| {
        matches!(origin.trim(), "*" | "null" | "https://*" | "http://*" | "*://*" | "https://" | "http://")
    });
    let Some(origin) = any else {
        return Outcome::pass("it allows named origins alone").because("origins", cors.origins.len());
    };
    if cors.credentials {
        Outcome::fail("scripts of any website may call it with the visitor's login")
            .because("origins", origin)
            .because("credentials", "true")
            .at(Severity::High)
    } else {
        Outcome::fail("scripts of any website may call it").because("origins", origin)
    }
}
