//! DEP-06.

use super::{Context, control, known, listed, registry_of};
use crate::model::{FunctionFacts, Layer, Outcome, PackageKind, Platform};

control! {
    /// Code of an unknown publisher runs in it.
    ///
    /// ## Why it matters
    /// A layer, an archive or an image from somebody else runs with all of the asset's rights. Its
    /// publisher can change or withdraw it, and whoever takes over the publisher takes over you.
    ///
    /// ## What to do
    /// Copy what you need into your own account or registry and review it there. Where a publisher is
    /// trusted, add the account or registry to the trusted ones in the settings. Azure: let
    /// `WEBSITE_RUN_FROM_PACKAGE` point at storage of your own, read with the app's identity.
    pub FOREIGN_CODE
    code: "DEP-06", area: Dependencies, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S9"), Nist80019("4.1.5"), Prowler("awslambda_function_using_cross_account_layers"), CisDocker("4.2"),
        Kubescape("C-0078"), Trivy("KSV-0125"),
    ],
    function: check(function),
    repository: absent("where images may come from is asked where they run"),
    image: absent("where images may come from is asked where they run"),
    workload: not_yet("image references of tasks and pods come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("images on hosts come with the Docker collector"),

    fail function "layer of a stranger" => r#"{ "layers": [{ "id": "arn:aws:lambda:eu-west-1:123412341234:layer:x:1", "account": "123412341234" }] }"#,
    pass function "own layer" => r#"{ "layers": [{ "id": "arn:aws:lambda:eu-west-1:111122223333:layer:x:1", "account": "111122223333", "own": true }] }"#,
    pass function "trusted layer" => r#"{ "layers": [{ "id": "arn:aws:lambda:eu-west-1:999988887777:layer:x:1", "account": "999988887777" }] }"#,
    pass function "no layers" => r#"{ "layers": [] }"#,
    unknown function "not read" => r#"{ "layers": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" } }"#,
    fail function on LambdaImage "image of another account" => r#"{ "package": { "kind": "image", "reference": "123412341234.dkr.ecr.eu-west-1.amazonaws.com/x:1" } }"#,
    pass function on LambdaImage "own image" => r#"{ "package": { "kind": "image", "reference": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:1" } }"#,
    fail function on FunctionsContainer "image of a stranger" => r#"{ "package": { "kind": "image", "reference": "docker.io/someone/app:1" } }"#,
    pass function on FunctionsContainer "trusted registry" => r#"{ "package": { "kind": "image", "reference": "registry.example.com/app:1" } }"#,
    fail function on FunctionsConsumption "package from elsewhere" => r#"{ "package": { "kind": "url", "reference": "files.example.net" } }"#,
    pass function on FunctionsConsumption "package in own storage" => r#"{ "package": { "kind": "url", "reference": "own.blob.core.windows.net", "own_host": true } }"#,
    pass function on FunctionsFlex "deployed archive" => r#"{ "package": { "kind": "zip" } }"#,
    unknown function on FunctionsPremium "settings denied" => r#"{ "package": { "unknown": "AuthorizationFailed", "permission": "Microsoft.Web/sites/config/list/action" } }"#,
}

/// Accounts from which AWS itself publishes layers: Powertools, Lambda Insights, its OpenTelemetry
/// distribution, its pandas SDK.
const PUBLISHED_BY_AWS: &[&str] = &["017000801446", "580247275435", "901920570463", "336392948345"];

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform() == Platform::LambdaZip {
        return layers(known!(facts.layers), context);
    }
    let package = known!(facts.package);
    let reference = package.reference.as_deref();
    match (package.kind, reference) {
        (PackageKind::Zip, _) => Outcome::pass("its code was deployed to the platform itself"),
        (PackageKind::Url, reference) if package.own_host => {
            Outcome::pass("its package lies in storage of its own")
                .because("package", reference.unwrap_or("own"))
        }
        (PackageKind::Url, reference) => Outcome::fail("its package is fetched from elsewhere at each start")
            .because("package", reference.unwrap_or("(host not known)")),
        (PackageKind::Image, Some(reference)) => image(reference, context),
        (PackageKind::Image, None) => Outcome::unknown("the image it runs is not known"),
    }
}

fn layers(layers: &[Layer], context: &Context<'_>) -> Outcome {
    let trusted = |layer: &Layer| {
        layer.own
            || PUBLISHED_BY_AWS.contains(&layer.account.as_str())
            || context.settings.trusted_accounts.contains(&layer.account)
    };
    let foreign: Vec<_> = layers.iter().filter(|layer| !trusted(layer)).map(|layer| &layer.id).collect();
    match (layers.is_empty(), foreign.is_empty()) {
        (true, _) => Outcome::pass("it loads no layers"),
        (false, true) => {
            Outcome::pass("its layers come from known publishers").because("layers", layers.len())
        }
        (false, false) => {
            Outcome::fail("it loads layers of an unknown publisher").because("layers", listed(&foreign, 4))
        }
    }
}

fn image(reference: &str, context: &Context<'_>) -> Outcome {
    let host = registry_of(reference);
    let account = host.split_once(".dkr.ecr.").map(|(account, _)| account);
    let own = account.is_some_and(|account| {
        account == context.asset.key.account
            || context.settings.trusted_accounts.iter().any(|one| one == account)
    });
    let trusted = &context.settings.trusted_registries;
    if own || trusted.iter().any(|one| one.eq_ignore_ascii_case(host)) {
        return Outcome::pass("its image comes from a known registry").because("package", host);
    }
    if account.is_none() && trusted.is_empty() {
        return Outcome::absent("no list of trusted registries is set");
    }
    Outcome::fail("its image comes from a registry that is not trusted").because("package", reference)
}
