//! API-01.

use super::{Context, control, known, listed};
use crate::model::{EndpointAuth, FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// Its endpoint asks nobody who they are.
    ///
    /// ## Why it matters
    /// An endpoint without authentication leaves every check to the code behind it, on every route, for
    /// ever. Each request runs and is billed before the code can refuse it.
    ///
    /// ## What to do
    /// AWS: set the function URL to `AWS_IAM`, or put an API with an authorizer in front and remove the
    /// URL. Azure: raise `authLevel`, or switch on App Service authentication for the app. Registries:
    /// require a login, with a token service or at least with passwords over TLS. Endpoints that must be
    /// open (webhooks, health) verify a signature themselves: accept the finding and say which.
    pub OPEN_ENDPOINT
    code: "API-01", area: Api, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S2"), CisAzure("9.2"), Prowler("awslambda_function_url_public"), CloudSploit("secureHttptriggerFunction"),
        CloudSploit("authEnabled"), AzurePolicy("AppService_Authentication_functionapp_Audit"),
        Steampipe("appservice_function_app_authentication_on"), Defender("Authentication on function endpoints"),
        Nist80019("4.2.3"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("listeners and ingresses come with the ECS and Kubernetes collectors"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: absent("the engine's own endpoint is asked of under host environment"),

    fail function "function URL without authentication" => r#"{ "endpoints": [{ "name": "$LATEST", "auth": "none" }] }"#,
    fail function "URL of an alias without authentication" => r#"{ "endpoints": [{ "name": "function URL", "auth": "iam" }, { "name": "function URL of live", "auth": "none" }] }"#,
    pass function "function URL with IAM" => r#"{ "endpoints": [{ "name": "$LATEST", "auth": "iam" }] }"#,
    absent function "no function URL" => r#"{ "endpoints": [] }"#,
    unknown function "URLs denied" => r#"{ "endpoints": { "unknown": "lambda:ListFunctionUrlConfigs denied", "permission": "lambda:ListFunctionUrlConfigs" } }"#,
    fail function on FunctionsConsumption "anonymous trigger" => r#"{ "endpoints": [{ "name": "orders", "auth": "none" }], "platform_authentication": false }"#,
    pass function on FunctionsPremium "anonymous trigger behind the platform's login" => r#"{ "endpoints": [{ "name": "orders", "auth": "none" }], "platform_authentication": true }"#,
    unknown function on FunctionsPremium "anonymous trigger, paths left out of the platform's login" => r#"{ "endpoints": [{ "name": "orders", "auth": "none" }], "platform_authentication": true, "open_paths": ["/api/orders"] }"#,
    pass function on FunctionsPremium "key required" => r#"{ "endpoints": [{ "name": "orders", "auth": "key" }] }"#,
    unknown function on FunctionsFlex "anonymous trigger, login not read" => r#"{ "endpoints": [{ "name": "orders", "auth": "none" }] }"#,
    fail repository on Oci "open registry" => r#"{ "open_api": true }"#,
    pass repository on Oci "login required" => r#"{ "open_api": false }"#,
    unknown repository on Oci "not probed" => r#"{ "open_api": { "unknown": "timeout" } }"#,
    provider repository "ECR" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let endpoints = known!(facts.endpoints);
    if endpoints.is_empty() {
        return Outcome::absent("it has no way in over HTTP of its own");
    }
    let open = endpoints.iter().filter(|one| one.auth == EndpointAuth::None);
    let open: Vec<_> = open.map(|one| one.name.as_str()).collect();
    if open.is_empty() {
        return Outcome::pass("each of its endpoints asks callers who they are");
    }
    if !context.platform().is_lambda() && *known!(facts.platform_authentication) {
        if let Some(paths) = facts.open_paths.known().filter(|paths| !paths.is_empty()) {
            return Outcome::unknown("the platform's login leaves out paths, which may lead there")
                .because("endpoints", listed(&open, 6))
                .because("open_paths", listed(paths, 6));
        }
        return Outcome::pass("the platform asks callers who they are before the code sees them");
    }
    Outcome::fail("anyone may call it without saying who they are").because("endpoints", listed(&open, 6))
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() != Platform::Oci {
        return Outcome::provider("the provider's registry asks each request for a token");
    }
    if *known!(facts.open_api) {
        Outcome::fail("the registry answers without a login").because("open_api", "true")
    } else {
        Outcome::pass("the registry asks for a login").because("open_api", "false")
    }
}
