//! API-06.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Callers need no certificate of their own.
    ///
    /// ## Why it matters
    /// Where both ends of a connection are yours, a certificate on the caller's side keeps everyone else
    /// from even speaking to the code. Tokens leak in logs; private keys do not.
    ///
    /// ## What to do
    /// Require client certificates on apps that only your own services call. An app that browsers or
    /// partners call without certificates is no place for it: accept the finding there.
    pub NO_CLIENT_CERTIFICATE
    code: "API-06", area: Api, severity: Low, since: "0.1.0",
    frameworks: [AzurePolicy("AppService_ClientCert_FunctionApp_Audit"), Trivy("AZU-0001")],
    function: check(function),
    repository: absent("registries know their callers by tokens"),
    image: absent("an image answers nobody until it runs"),
    workload: not_yet("mutual TLS between services comes with the Kubernetes collector"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: not_yet("the engine's listeners come with the Docker collector"),

    absent function "Lambda" => "{}",
    fail function on FunctionsPremium "not required" => r#"{ "client_certificate": false, "endpoints": [{ "name": "orders", "auth": "key" }] }"#,
    pass function on FunctionsPremium "required" => r#"{ "client_certificate": true }"#,
    absent function on FunctionsFlex "no HTTP trigger" => r#"{ "client_certificate": false, "endpoints": [] }"#,
    unknown function on FunctionsConsumption "not read" => r#"{ "client_certificate": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::absent("function URLs cannot ask for client certificates");
    }
    if *known!(facts.client_certificate) {
        return Outcome::pass("callers need a certificate").because("client_certificate", "required");
    }
    if facts.endpoints.known().is_some_and(Vec::is_empty) {
        return Outcome::absent("it has no way in over HTTP");
    }
    Outcome::fail("callers need no certificate").because("client_certificate", "not required")
}
