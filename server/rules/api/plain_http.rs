//! API-04.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// It answers over plain HTTP.
    ///
    /// ## Why it matters
    /// Whoever stands on the way reads and changes what passes: keys in headers, tokens in URLs, and, from
    /// a registry, the very layers that are about to run.
    ///
    /// ## What to do
    /// Azure: switch on **HTTPS only**. Registries: serve TLS with a certificate the engines trust, and
    /// drop the registry from their lists of insecure ones. Lambda's endpoints have no plain side.
    pub PLAIN_HTTP
    code: "API-04", area: Api, severity: High, since: "0.1.0",
    frameworks: [
        CisAzure("9.1"), Owasp("S3"), Nist80019("4.2.1"), Prowler("app_function_ensure_http_is_redirected_to_https"),
        AzurePolicy("AppServiceFunctionApp_AuditHTTP_Audit"), Trivy("AZU-0004"), CisDocker("2.5"),
        Kubescape("C-0263"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("listeners and ingresses come with the ECS and Kubernetes collectors"),
    cluster: absent("a cluster's API speaks TLS alone"),
    host: not_yet("the engine's listeners come with the Docker collector"),

    provider function "Lambda" => "{}",
    fail function on FunctionsConsumption "HTTP is let in" => r#"{ "https_only": false }"#,
    pass function on FunctionsFlex "HTTPS only" => r#"{ "https_only": true }"#,
    unknown function on FunctionsPremium "not read" => r#"{ "https_only": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/read" } }"#,
    fail repository on Oci "plain registry" => r#"{ "tls": false }"#,
    pass repository on Oci "TLS" => r#"{ "tls": true }"#,
    unknown repository on Oci "not probed" => r#"{ "tls": { "unknown": "timeout" } }"#,
    provider repository "ECR" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::provider("Lambda's endpoints speak HTTPS alone");
    }
    if *known!(facts.https_only) {
        Outcome::pass("plain HTTP is sent to HTTPS").because("https_only", "true")
    } else {
        Outcome::fail("the app answers over plain HTTP").because("https_only", "false")
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() != Platform::Oci {
        return Outcome::provider("the provider's registry speaks HTTPS alone");
    }
    if *known!(facts.tls) {
        Outcome::pass("the registry speaks TLS").because("tls", "true")
    } else {
        Outcome::fail("the registry speaks plain HTTP").because("tls", "false")
    }
}
