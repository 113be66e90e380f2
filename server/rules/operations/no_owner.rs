//! OPS-05.

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Platform, RepositoryFacts, Tag};

control! {
    /// Nobody is named as its owner.
    ///
    /// ## Why it matters
    /// A finding without an owner is read by everyone and fixed by nobody. In the hour of an incident the
    /// first question is whom to call.
    ///
    /// ## What to do
    /// Tag it with one of the owner keys in the settings (`owner`, `team`, …) from the template that makes
    /// it, and refuse untagged resources with a tag policy. Images: a label such as
    /// `org.opencontainers.image.authors`.
    pub NO_OWNER
    code: "OPS-05", area: Operations, severity: Low, since: "0.1.0",
    frameworks: [
        SecurityHub("Lambda.6"), SecurityHub("ECR.4"), CloudSploit("lambdaHasTags"), CloudSploit("acrHasTags"),
        Kubescape("C-0076"),
    ],
    function: check(function),
    repository: check(repository),
    image: check(image),
    workload: not_yet("labels come with the ECS and Kubernetes collectors"),
    cluster: not_yet("labels come with the Kubernetes collector"),
    host: not_yet("labels come with the Docker collector"),

    fail function "no tags" => r#"{ "tags": [] }"#,
    fail function "other tags" => r#"{ "tags": [{ "key": "stage", "value": "prod" }] }"#,
    fail function "empty owner" => r#"{ "tags": [{ "key": "owner", "value": " " }] }"#,
    pass function "team" => r#"{ "tags": [{ "key": "Team", "value": "payments" }] }"#,
    unknown function "denied" => r#"{ "tags": { "unknown": "lambda:ListTags denied", "permission": "lambda:ListTags" } }"#,
    fail repository "no tags" => r#"{ "tags": [] }"#,
    pass repository "owner" => r#"{ "tags": [{ "key": "owner", "value": "payments" }] }"#,
    unknown repository "denied" => r#"{ "tags": { "unknown": "ecr:ListTagsForResource denied", "permission": "ecr:ListTagsForResource" } }"#,
    absent repository on Oci "no such thing" => "{}",
    fail image "no labels" => r#"{ "labels": [] }"#,
    pass image "authors" => r#"{ "labels": [{ "key": "org.opencontainers.image.authors", "value": "payments" }] }"#,
    unknown image "config not readable" => r#"{ "labels": { "unknown": "blob not found" } }"#,
}

/// Labels that name an owner by convention.
const OWNER_LABELS: &[&str] =
    &["org.opencontainers.image.authors", "org.opencontainers.image.vendor", "maintainer"];

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    judge(known!(facts.tags), "tags", &[], context)
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() == Platform::Oci && facts.tags.is_not_read() {
        return Outcome::absent("the distribution API knows no owner of a repository");
    }
    judge(known!(facts.tags), "tags", &[], context)
}

fn image(facts: &ImageFacts, context: &Context<'_>) -> Outcome {
    judge(known!(facts.labels), "labels", OWNER_LABELS, context)
}

fn judge(tags: &[Tag], fact: &'static str, also: &[&str], context: &Context<'_>) -> Outcome {
    let names_owner = |key: &str| {
        context.settings.owner_tags.iter().any(|one| one.eq_ignore_ascii_case(key))
            || also.iter().any(|one| one.eq_ignore_ascii_case(key))
    };
    match tags.iter().find(|tag| names_owner(&tag.key) && !tag.value.trim().is_empty()) {
        Some(tag) => Outcome::pass("its owner is named").because(fact, &tag.value),
        None => Outcome::fail("nobody is named as its owner")
            .because(fact, format_args!("{} without an owner", tags.len())),
    }
}
