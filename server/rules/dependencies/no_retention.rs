//! DEP-09.

use super::{Context, control, known};
use crate::model::{Outcome, Platform, RepositoryFacts};

control! {
    /// Old images stay pullable for ever.
    ///
    /// ## Why it matters
    /// Each kept image is one that somebody can deploy again, with every hole found since. Nobody scans
    /// them, everybody pays for them, and the list hides what counts.
    ///
    /// ## What to do
    /// Add a lifecycle policy (ECR) or a retention policy (ACR): remove untagged images after days and
    /// tagged ones beyond the last few releases. Preview it first.
    pub NO_RETENTION
    code: "DEP-09", area: Dependencies, severity: Low, since: "0.1.0",
    frameworks: [
        Nist80019("4.2.2"), SecurityHub("ECR.3"), Prowler("ecr_repositories_lifecycle_policy_enabled"),
        Steampipe("container_registry_retention_policy_enabled"),
    ],
    function: absent("a function runs its current code; old versions are called by nobody"),
    repository: check(repository),
    image: absent("what is kept is decided by its repository"),
    workload: absent("a workload keeps no images"),
    cluster: absent("a cluster keeps no images"),
    host: not_yet("images left on hosts come with the Docker collector"),

    fail repository "no rule" => r#"{ "lifecycle": false }"#,
    pass repository "rule" => r#"{ "lifecycle": true }"#,
    unknown repository "denied" => r#"{ "lifecycle": { "unknown": "ecr:GetLifecyclePolicy denied", "permission": "ecr:GetLifecyclePolicy" } }"#,
    not_yet repository on Oci "self-run" => "{}",
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() == Platform::Oci && facts.lifecycle.is_not_read() {
        return Outcome::not_yet("the distribution API does not say what is removed when");
    }
    if *known!(facts.lifecycle) {
        Outcome::pass("a rule removes old images").because("lifecycle", "set")
    } else {
        Outcome::fail("no rule removes old images").because("lifecycle", "(none)")
    }
}
