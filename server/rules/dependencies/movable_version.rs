//! DEP-08.

use super::{Context, control, known, listed};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, Severity};

control! {
    /// A name that can move decides which code runs.
    ///
    /// ## Why it matters
    /// A tag or `$LATEST` means whatever it was last pointed at. What was tested is then not what runs,
    /// nobody can say what ran yesterday, and whoever may push may replace a release.
    ///
    /// ## What to do
    /// Repositories: make tags immutable, with exclusions only for tags that move by design. Lambda: publish
    /// versions and let triggers call an alias. Custom containers: refer to the image by digest.
    pub MOVABLE_VERSION
    code: "DEP-08", area: Dependencies, severity: Medium, since: "0.1.0",
    frameworks: [
        Nist80019("4.2.2"), SecurityHub("ECR.2"), Prowler("ecr_repositories_tag_immutability"), Trivy("AWS-0031"),
        CloudSploit("ecrRepositoryTagImmutability"), Kubescape("C-0075"),
    ],
    function: check(function),
    repository: check(repository),
    image: absent("an image is named by its digest; whether tags may move is its repository's setting"),
    workload: not_yet("image references of tasks and pods come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("images on hosts come with the Docker collector"),

    fail function "trigger calls the unpublished latest" => r#"{ "triggers": [{ "kind": "sqs", "source": "arn:aws:sqs:eu-west-1:1:q", "qualifier": null }] }"#,
    pass function "triggers call an alias" => r#"{ "triggers": [{ "kind": "sqs", "source": "arn:aws:sqs:eu-west-1:1:q", "qualifier": "live" }] }"#,
    fail function "triggers call an alias of the unpublished latest" => r#"{ "triggers": [{ "kind": "sqs", "source": "arn:aws:sqs:eu-west-1:1:q", "qualifier": "live" }], "latest_aliases": ["live"] }"#,
    absent function "nothing calls it" => r#"{ "triggers": [] }"#,
    unknown function "denied" => r#"{ "triggers": { "unknown": "lambda:ListEventSourceMappings denied", "permission": "lambda:ListEventSourceMappings" } }"#,
    fail function on FunctionsContainer "image by tag" => r#"{ "package": { "kind": "image", "reference": "registry.example.com/app:1" } }"#,
    pass function on FunctionsContainer "image by digest" => r#"{ "package": { "kind": "image", "reference": "registry.example.com/app@sha256:00" } }"#,
    absent function on FunctionsFlex "one deployed package" => "{}",
    fail repository "mutable" => r#"{ "tag_mutability": { "immutable": false } }"#,
    fail repository "immutable but for everything" => r#"{ "tag_mutability": { "immutable": true, "exclusions": ["*"] } }"#,
    pass repository "immutable but for latest" => r#"{ "tag_mutability": { "immutable": true, "exclusions": ["latest"] } }"#,
    unknown repository "denied" => r#"{ "tag_mutability": { "unknown": "ecr:DescribeRepositories denied", "permission": "ecr:DescribeRepositories" } }"#,
    not_yet repository on Acr "locks of single tags" => "{}",
    absent repository on Oci "no such setting" => "{}",
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    match context.platform() {
        platform if platform.is_lambda() => lambda(facts),
        Platform::FunctionsContainer => match &known!(facts.package).reference {
            Some(reference) if reference.contains("@sha256:") => {
                Outcome::pass("its image is named by digest").because("package", reference)
            }
            Some(reference) => Outcome::fail("its image is named by a tag").because("package", reference),
            None => Outcome::unknown("the image it runs is not known"),
        },
        _ => Outcome::absent("an app runs the one package deployed to it"),
    }
}

fn lambda(facts: &FunctionFacts) -> Outcome {
    let triggers = known!(facts.triggers);
    if triggers.is_empty() {
        return Outcome::absent("no trigger calls it");
    }
    let latest = facts.latest_aliases.known();
    let follows = |name: &str| latest.is_some_and(|all| all.iter().any(|alias| alias == name));
    let loose = |qualifier: Option<&str>| qualifier.is_none_or(|name| name == "$LATEST" || follows(name));
    let loose = triggers.iter().filter(|trigger| loose(trigger.qualifier.as_deref()));
    let loose: Vec<_> = loose.map(|trigger| trigger.source.as_str()).collect();
    if loose.is_empty() {
        Outcome::pass("its triggers call published versions").because("triggers", triggers.len())
    } else {
        Outcome::fail("triggers call its unpublished latest code")
            .because("triggers", listed(&loose, 4))
            .at(Severity::Low)
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if facts.tag_mutability.is_not_read() {
        match context.platform() {
            Platform::Acr => return Outcome::not_yet("locks on single tags are not read yet"),
            Platform::Oci => return Outcome::absent("the distribution API knows no setting for it"),
            _ => {}
        }
    }
    let tags = known!(facts.tag_mutability);
    if !tags.immutable {
        return Outcome::fail("tags may be moved to other images").because("tag_mutability", "mutable");
    }
    match tags.exclusions.iter().find(|pattern| pattern.trim_matches('*').is_empty()) {
        Some(pattern) => Outcome::fail("an exclusion lets every tag be moved").because("exclusions", pattern),
        None if tags.exclusions.is_empty() => {
            Outcome::pass("tags stay where they are").because("tag_mutability", "immutable")
        }
        None => Outcome::pass("tags stay where they are, but for named ones")
            .because("exclusions", listed(&tags.exclusions, 4)),
    }
}
