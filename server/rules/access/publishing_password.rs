//! ACC-13.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome};

control! {
    /// Code can be published with a user name and a password.
    ///
    /// ## Why it matters
    /// Publishing credentials replace the running code, bypass sign-in policies and second factors, and
    /// are rarely rotated. Over plain FTP they cross the network readable.
    ///
    /// ## What to do
    /// Set the FTP state to `Disabled` (or `FtpsOnly` where FTP is still needed), switch basic
    /// authentication off for FTP and SCM, and publish with an identity: a federated credential from the
    /// pipeline needs no stored secret.
    pub PUBLISHING_PASSWORD
    code: "ACC-13", area: Access, severity: Medium, since: "0.1.0",
    frameworks: [
        Owasp("S6"), CisAzure("9.3"), Prowler("app_function_ftps_deployment_disabled"), Trivy("AZU-0071"),
        AzurePolicy("AppService_AuditFTPS_FunctionApp_Audit"),
        AzurePolicy("AppService_FTP_BasicAuthEnabled_AuditIfNotExists"),
    ],
    function: check(function),
    repository: absent("pushing to a repository is asked of under its own access"),
    image: absent("an image is published through its repository"),
    workload: absent("a workload's code comes with its image"),
    cluster: absent("a cluster holds no code of its own"),
    host: absent("a host's code comes with its images"),

    absent function "Lambda" => "{}",
    fail function on FunctionsConsumption "plain FTP" => r#"{ "ftp": "AllAllowed", "basic_publishing": false }"#,
    fail function on FunctionsPremium "basic authentication" => r#"{ "ftp": "FtpsOnly", "basic_publishing": true }"#,
    pass function on FunctionsPremium "neither" => r#"{ "ftp": "Disabled", "basic_publishing": false }"#,
    pass function on FunctionsDedicated "FTPS without passwords" => r#"{ "ftp": "FtpsOnly", "basic_publishing": false }"#,
    unknown function on FunctionsFlex "policy denied" => r#"{ "ftp": "Disabled", "basic_publishing": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/basicPublishingCredentialsPolicies/read" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::absent("Lambda takes code through signed API calls alone");
    }
    if let Some(state) = facts.ftp.known().filter(|state| state.eq_ignore_ascii_case("AllAllowed")) {
        return Outcome::fail("the app takes code over plain FTP").because("ftp", state);
    }
    if facts.basic_publishing.known() == Some(&true) {
        return Outcome::fail("the app takes code for a user name and a password")
            .because("basic_publishing", "allowed");
    }
    let ftp = known!(facts.ftp);
    known!(facts.basic_publishing);
    Outcome::pass("the app takes no code for a password").because("ftp", ftp)
}
