//! FRM-03.

use super::{Context, allowed, control, known, listed};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts};

control! {
    /// It lives in a region that is not allowed.
    ///
    /// ## Why it matters
    /// Regions decide which law holds for the data, who is near it, and which of your guard rails and alarms
    /// exist there at all. What appears in a region nobody uses was often put there by somebody else.
    ///
    /// ## What to do
    /// Find out who made it. Move it, or add the region to the allowed ones in the settings. Deny other
    /// regions for good with an organisation policy (AWS) or Azure Policy's allowed locations.
    pub WRONG_REGION
    code: "FRM-03", area: Frameworks, severity: Medium, since: "0.1.0",
    frameworks: [Steampipe("container_registry_geo_replication_enabled")],
    function: check(function),
    repository: check(repository),
    image: absent("an image lies where its repository does"),
    workload: not_yet("places of workloads come with the ECS and Kubernetes collectors"),
    cluster: not_yet("places of clusters come with the Kubernetes collector"),
    host: absent("a host says nothing of its region"),

    pass function "allowed" => "{}",
    fail function in "us-east-1" "elsewhere" => "{}",
    pass function on FunctionsFlex in "West Europe" "spelled for people" => "{}",
    unknown function in "" "not told" => "{}",
    pass repository "allowed" => r#"{ "replicas": [] }"#,
    fail repository in "us-east-1" "elsewhere" => r#"{ "replicas": [] }"#,
    fail repository on Acr "replica elsewhere" => r#"{ "replicas": ["westeurope", "eastus"] }"#,
    not_yet repository "copies not read" => "{}",
    unknown repository "replication denied" => r#"{ "replicas": { "unknown": "ecr:DescribeRegistry denied", "permission": "ecr:DescribeRegistry" } }"#,
    absent repository on Oci in "" "address without a region" => "{}",
}

fn function(_: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let region = &context.asset.key.region;
    if context.settings.allowed_regions.is_empty() {
        Outcome::absent("no list of allowed regions is set")
    } else if region.is_empty() {
        Outcome::unknown("its region is not known")
    } else if allowed(region, context) {
        Outcome::pass("its region is allowed").because("region", region)
    } else {
        Outcome::fail("its region is not allowed").because("region", region)
    }
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    let region = &context.asset.key.region;
    if context.settings.allowed_regions.is_empty() {
        return Outcome::absent("no list of allowed regions is set");
    }
    if context.platform() == Platform::Oci {
        return Outcome::absent("a registry's address says nothing of its region");
    }
    if !allowed(region, context) {
        return Outcome::fail("its region is not allowed").because("region", region);
    }
    if facts.replicas.is_not_read() {
        return Outcome::not_yet("its own region is allowed; where it is copied to is not read yet");
    }
    let elsewhere = known!(facts.replicas).iter().filter(|replica| !allowed(replica, context));
    let elsewhere: Vec<_> = elsewhere.collect();
    if elsewhere.is_empty() {
        Outcome::pass("it is kept in allowed regions alone").because("region", region)
    } else {
        Outcome::fail("it is copied to a region that is not allowed")
            .because("replicas", listed(&elsewhere, 6))
    }
}
