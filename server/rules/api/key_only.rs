//! API-02.

use super::{Context, control, known, listed};
use crate::model::{EndpointAuth, FunctionFacts, Outcome};

control! {
    /// Only a shared key stands before its endpoint.
    ///
    /// ## Why it matters
    /// A key in a URL or header is the same for every caller, lands in logs and histories, and says
    /// nothing of who called. Nobody notices its copy, and nothing makes it expire.
    ///
    /// ## What to do
    /// Switch on App Service authentication with an identity provider, or put API Management in front and
    /// keep the function's key for that one caller. Until then rotate host and function keys on a schedule.
    pub KEY_ONLY
    code: "API-02", area: Api, severity: Medium, since: "0.1.0",
    frameworks: [Owasp("S2"), Prowler("app_function_access_keys_configured")],
    function: check(function),
    repository: absent("logins of registries are asked of under access control"),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("listeners and ingresses come with the ECS and Kubernetes collectors"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: absent("the engine's own endpoint is asked of under host environment"),

    absent function "Lambda" => "{}",
    fail function on FunctionsConsumption "function key alone" => r#"{ "endpoints": [{ "name": "orders", "auth": "key" }], "platform_authentication": false }"#,
    pass function on FunctionsPremium "login behind it" => r#"{ "endpoints": [{ "name": "orders", "auth": "key" }], "platform_authentication": true }"#,
    absent function on FunctionsFlex "no key in use" => r#"{ "endpoints": [] }"#,
    unknown function on FunctionsPremium "login not read" => r#"{ "endpoints": [{ "name": "orders", "auth": "key" }], "platform_authentication": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::absent("Lambda knows no shared keys; its endpoints are open or signed");
    }
    let endpoints = known!(facts.endpoints).iter().filter(|one| one.auth == EndpointAuth::Key);
    let keyed: Vec<_> = endpoints.map(|one| one.name.as_str()).collect();
    if keyed.is_empty() {
        return Outcome::absent("no endpoint of it relies on a key");
    }
    if *known!(facts.platform_authentication) {
        return Outcome::pass("behind the key the platform asks callers who they are");
    }
    Outcome::fail("a shared key is all that callers need").because("endpoints", listed(&keyed, 6))
}
