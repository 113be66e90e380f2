//! ACC-07.

use super::{Context, control, known, listed};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Severity, Variable};

control! {
    /// A secret stands in clear in its environment.
    ///
    /// ## Why it matters
    /// Whoever may read the configuration reads the secret: every developer with console access, every
    /// tool with a reader role, every crash report that prints its environment. In an image it travels
    /// with each copy and cannot be taken back.
    ///
    /// ## What to do
    /// Move the value to a vault and **change it**, since it has been readable. Lambda: fetch it from
    /// Secrets Manager or Parameter Store at start. Azure: a Key Vault reference
    /// (`@Microsoft.KeyVault(…)`), or an identity-based connection instead of a storage key. Images:
    /// build secrets (`--mount=type=secret`), and pass the rest at run time.
    pub SECRET_IN_ENVIRONMENT
    code: "ACC-07", area: Access, severity: Critical, since: "0.1.0",
    frameworks: [
        Owasp("S3"), Owasp("secrets"), Nist80019("4.1.4"), CisAwsCompute("4.3"), CisDocker("4.10"), CisKubernetes("5.4.1"),
        Prowler("awslambda_function_no_secrets_in_variables"), SecurityHub("ECS.8"), Trivy("AWS-0036"),
        Kubescape("C-0012"),
    ],
    function: check(function),
    repository: absent("a repository has no environment"),
    image: check(image),
    workload: not_yet("the environment of tasks and pods comes with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("the environment of running containers comes with the Docker collector"),

    fail function "token in a variable" => r#"{ "environment": [{ "name": "GITHUB_TOKEN", "secret": { "rule": "github-token", "masked": "ghp_… (40 characters)" } }] }"#,
    fail function on FunctionsConsumption "storage key" => r#"{ "environment": [{ "name": "AzureWebJobsStorage", "secret": { "rule": "azure-storage-key", "masked": "… (88 characters)" } }] }"#,
    pass function on FunctionsFlex "vault reference" => r#"{ "environment": [{ "name": "DB_PASSWORD", "kind": "reference" }] }"#,
    pass function "no variables" => r#"{ "environment": [] }"#,
    unknown function on FunctionsPremium "settings denied" => r#"{ "environment": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/list/action" } }"#,
    fail image "ENV with a password" => r#"{ "environment": [{ "name": "DB_PASSWORD", "secret": { "rule": "password-like-name", "masked": "… (9 characters)" } }] }"#,
    pass image "plain settings" => r#"{ "environment": [{ "name": "PATH" }] }"#,
    unknown image "config not readable" => r#"{ "environment": { "unknown": "blob not found" } }"#,
}

/// Settings that Azure itself writes with a storage key in them when an app is made.
const HOST_SETTINGS: &[&str] = &[
    "AzureWebJobsStorage",
    "AzureWebJobsDashboard",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "DEPLOYMENT_STORAGE_CONNECTION_STRING",
];

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    judge(known!(facts.environment), "no variable holds a secret in clear")
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    judge(known!(facts.environment), "no variable baked into the image holds a secret")
}

fn judge(variables: &[Variable], clean: &'static str) -> Outcome {
    let secret = |variable: &&Variable| variable.secret.is_some();
    let own = |variable: &Variable| !HOST_SETTINGS.contains(&variable.name.as_str());
    let Some(_) = variables.iter().find(secret) else {
        return Outcome::pass(clean);
    };
    let told = variables.iter().filter_map(|variable| {
        let hit = variable.secret.as_ref()?;
        Some(format!("{}: {}, {}", variable.name, hit.rule, hit.masked))
    });
    let told: Vec<_> = told.collect();
    let outcome = if told.len() == 1 {
        Outcome::fail("a variable holds a secret in clear")
    } else {
        Outcome::fail(format!("{} variables hold secrets in clear", told.len()))
    };
    let outcome = outcome.because("environment", listed(&told, 8));
    // The platform's own storage key is one step from the code, not a login to something else.
    if variables.iter().filter(secret).any(own) { outcome } else { outcome.at(Severity::High) }
}
