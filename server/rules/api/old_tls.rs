//! API-05.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// It accepts TLS versions below 1.2.
    ///
    /// ## Why it matters
    /// TLS 1.0 and 1.1 rest on broken hashes and modes. A client that can be talked down to them can be
    /// listened to; no client of the last decade needs them.
    ///
    /// ## What to do
    /// Set the minimum version of the app, and of its deployment site, to 1.2 or 1.3. Registries run by
    /// yourself set it in the proxy before them.
    pub OLD_TLS
    code: "API-05", area: Api, severity: Medium, since: "0.1.0",
    frameworks: [
        CisAzure("9.4"), Owasp("S3"), AzurePolicy("AppService_RequireLatestTls_FunctionApp_Audit"),
        Steampipe("appservice_function_app_latest_tls_version"), Trivy("AZU-0006"),
        CloudSploit("customDomainTlsVersion"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("listener policies come with the ECS and Kubernetes collectors"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: not_yet("the engine's listeners come with the Docker collector"),

    provider function "Lambda" => "{}",
    fail function on FunctionsConsumption "1.0" => r#"{ "min_tls": "1.0" }"#,
    fail function on FunctionsDedicated "1.1" => r#"{ "min_tls": "1.1" }"#,
    pass function on FunctionsFlex "1.2" => r#"{ "min_tls": "1.2" }"#,
    pass function on FunctionsPremium "1.3" => r#"{ "min_tls": "1.3" }"#,
    unknown function on FunctionsPremium "not read" => r#"{ "min_tls": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/read" } }"#,
    unknown function on FunctionsPremium "a spelling we do not know" => r#"{ "min_tls": "newest" }"#,
    provider repository "ECR" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::provider("AWS ends TLS for Lambda and refuses versions below 1.2");
    }
    let version = known!(facts.min_tls);
    match version.trim() {
        "1.2" | "1.3" => Outcome::pass("the app refuses TLS below 1.2").because("min_tls", version),
        "1.0" | "1.1" => Outcome::fail("the app accepts TLS below 1.2").because("min_tls", version),
        _ => Outcome::unknown("the minimum TLS version is spelled in a way we do not know")
            .because("min_tls", version),
    }
}

fn repository(_: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        Platform::Oci => Outcome::not_yet("the TLS versions a registry accepts are not probed yet"),
        _ => Outcome::provider("the provider ends TLS and refuses versions below 1.2"),
    }
}
