//! ACC-01.

use super::{Context, control, known, let_in};
use crate::model::{
    FunctionFacts, Outcome, Platform, PublicNetwork, RepositoryFacts, ResourcePolicy, Severity,
};

control! {
    /// Anyone can reach it without being let in.
    ///
    /// ## Why it matters
    /// What everyone may call or pull is found within hours by those who scan for it. A function then
    /// runs for strangers at your cost and with your rights; a repository gives away code, and with it
    /// the map of everything it talks to.
    ///
    /// ## What to do
    /// Functions: on AWS, remove statements for `*` from the resource policy or narrow them with
    /// `aws:SourceArn`, `aws:SourceAccount` or `aws:PrincipalOrgID`; on Azure, switch public network access
    /// off or add access restrictions that deny by default. Repositories: name the accounts that pull in
    /// the repository policy, switch anonymous pull off, and close the registry's public endpoint.
    pub PUBLIC_ACCESS
    code: "ACC-01", area: Access, severity: Critical, since: "0.1.0",
    frameworks: [
        Owasp("S5"), Nist80019("4.2.3"), CisAwsCompute("4.6"), SecurityHub("Lambda.1"),
        Prowler("awslambda_function_not_publicly_accessible"), Prowler("app_function_not_publicly_accessible"),
        Prowler("ecr_repositories_not_publicly_accessible"), Prowler("containerregistry_not_publicly_accessible"),
        CloudSploit("lambdaPublicAccess"), CloudSploit("acrAnonymousPullAccessEnabled"),
        AzurePolicy("AppService_FunctionApp_PublicNetworkAccess_Audit"), Trivy("AWS-0067"), Trivy("AWS-0032"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("who may pull an image is decided by its repository"),
    workload: not_yet("public addresses of services come with the ECS and Kubernetes collectors"),
    cluster: absent("the cluster's own endpoint is asked of under host environment"),
    host: not_yet("published ports come with the Docker collector"),

    fail function "resource policy lets everyone invoke" => r#"{ "invoke_policy": { "public": [{ "statement": "open", "principal": "*", "actions": ["lambda:InvokeFunction"] }] } }"#,
    fail function "the policy of an alias lets everyone invoke" => r#"{ "invoke_policy": { "public": [{ "statement": "open (alias live)", "principal": "*", "actions": ["lambda:InvokeFunctionUrl"] }] } }"#,
    pass function "resource policy names a service with its source" => r#"{ "invoke_policy": {} }"#,
    unknown function "aliases denied" => r#"{ "invoke_policy": { "unknown": "lambda:ListAliases denied", "permission": "lambda:ListAliases" } }"#,
    unknown function "resource policy denied" => r#"{ "invoke_policy": { "unknown": "lambda:GetPolicy denied", "permission": "lambda:GetPolicy" } }"#,
    fail function on FunctionsConsumption "open to the internet" => r#"{ "public_network": { "enabled": true, "restricted": false } }"#,
    pass function on FunctionsPremium "open to listed addresses" => r#"{ "public_network": { "enabled": true, "restricted": true } }"#,
    pass function on FunctionsPremium "private only" => r#"{ "public_network": { "enabled": false, "restricted": false } }"#,
    unknown function on FunctionsFlex "site config denied" => r#"{ "public_network": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/read" } }"#,
    fail repository "policy lets everyone pull" => r#"{ "access": { "policy": { "public": [{ "statement": "0", "principal": "*", "actions": ["ecr:BatchGetImage"] }] } } }"#,
    fail repository on Acr "anonymous pull" => r#"{ "access": { "anonymous_pull": true }, "public_network": { "enabled": true, "restricted": true } }"#,
    fail repository on Acr "public endpoint for everyone" => r#"{ "access": {}, "public_network": { "enabled": true, "restricted": false } }"#,
    pass repository on Acr "closed" => r#"{ "access": {}, "public_network": { "enabled": false } }"#,
    fail repository on Oci "open registry" => r#"{ "access": { "anonymous_pull": true } }"#,
    pass repository "policy names one account" => r#"{ "access": { "policy": { "accounts": [{ "statement": "0", "principal": "999988887777", "actions": ["ecr:BatchGetImage"] }] } } }"#,
    unknown repository "policy denied" => r#"{ "access": { "unknown": "ecr:GetRepositoryPolicy denied", "permission": "ecr:GetRepositoryPolicy" } }"#,
    unknown repository on Acr "network rules not read" => r#"{ "access": {} }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        let policy = known!(facts.invoke_policy);
        return public_grants(policy, "invoke_policy", "its resource policy lets everyone invoke it")
            .unwrap_or_else(|| Outcome::pass("its resource policy lets nobody in unnamed"));
    }
    network(known!(facts.public_network), "the app answers everyone on the internet")
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    let access = known!(facts.access);
    if access.anonymous_pull {
        return Outcome::fail("anyone may pull without logging in").because("anonymous_pull", "true");
    }
    if let Some(open) = public_grants(&access.policy, "access", "its policy lets everyone in") {
        return open;
    }
    if context.platform() == Platform::Acr {
        return network(known!(facts.public_network), "the registry answers everyone on the internet");
    }
    Outcome::pass("only named callers may pull")
}

fn public_grants(policy: &ResourcePolicy, fact: &'static str, reason: &'static str) -> Option<Outcome> {
    let grants: Vec<_> = policy.public.iter().collect();
    (!grants.is_empty()).then(|| let_in(reason, fact, &grants))
}

fn network(network: &PublicNetwork, open: &'static str) -> Outcome {
    match (network.enabled, network.restricted) {
        (false, _) => Outcome::pass("its public address does not answer"),
        (true, true) => Outcome::pass("its public address answers listed callers alone"),
        (true, false) => Outcome::fail(open)
            .because("public_network", "enabled, no access restrictions")
            .at(Severity::High),
    }
}
