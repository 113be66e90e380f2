//! ACC-08.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// What it stores is not encrypted with a key of yours.
    ///
    /// ## Why it matters
    /// The provider's own key keeps disks safe from thieves, but whoever may call the service reads what
    /// it holds. A key of yours adds a second lock: its policy says who may open it, its log says who did,
    /// and switching it off closes everything at once.
    ///
    /// ## What to do
    /// Lambda: name a KMS key for the environment and give the execution role `kms:Decrypt` on it.
    /// Repositories: choose the key when the repository is made (ECR cannot change it later); on Azure,
    /// a Premium registry takes a key from Key Vault.
    pub NO_CUSTOMER_KEY
    code: "ACC-08", area: Access, severity: Low, since: "0.1.0",
    frameworks: [
        CisAwsCompute("4.12"), SecurityHub("ECR.5"), Prowler("awslambda_function_env_vars_not_encrypted_with_cmk"),
        CloudSploit("envVarsClientSideEncryption"), CloudSploit("ecrRepositoryEncrypted"), CloudSploit("acrCMKEncryption"),
        Trivy("AWS-0033"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image is encrypted as its repository is"),
    workload: absent("a workload stores nothing of its own"),
    cluster: not_yet("encryption of cluster secrets comes with the Kubernetes collector"),
    host: not_yet("disk encryption comes with the Docker collector"),

    fail function "provider's key" => r#"{ "environment": [{ "name": "MODE" }], "environment_key": null }"#,
    pass function "own key" => r#"{ "environment": [{ "name": "MODE" }], "environment_key": "arn:aws:kms:eu-west-1:1:key/k" }"#,
    absent function "nothing to encrypt" => r#"{ "environment": [], "environment_key": null }"#,
    unknown function "configuration denied" => r#"{ "environment_key": { "unknown": "lambda:GetFunctionConfiguration denied", "permission": "lambda:GetFunctionConfiguration" } }"#,
    provider function on FunctionsFlex "app settings" => "{}",
    fail repository "AES256" => r#"{ "encryption": { "customer_key": null } }"#,
    pass repository on Acr "key in a vault" => r#"{ "encryption": { "customer_key": "https://v.vault.azure.net/keys/k" } }"#,
    unknown repository "not described" => r#"{ "encryption": { "unknown": "ecr:DescribeRepositories denied", "permission": "ecr:DescribeRepositories" } }"#,
    not_yet repository on Oci "self-run" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if !context.platform().is_lambda() {
        return Outcome::provider("Azure encrypts app settings at rest and takes no key of yours for them");
    }
    match known!(facts.environment_key) {
        Some(key) => Outcome::pass("a key of yours encrypts its environment").because("environment_key", key),
        None if facts.environment.known().is_some_and(Vec::is_empty) => {
            Outcome::absent("it has no variables to encrypt")
        }
        None => Outcome::fail("the provider's key encrypts its environment")
            .because("environment_key", "(the provider's)"),
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() == Platform::Oci {
        return Outcome::not_yet("the registry's API does not say how its storage is encrypted");
    }
    match &known!(facts.encryption).customer_key {
        Some(key) => Outcome::pass("a key of yours encrypts its images").because("customer_key", key),
        None => Outcome::fail("the provider's key encrypts its images")
            .because("customer_key", "(the provider's)"),
    }
}
