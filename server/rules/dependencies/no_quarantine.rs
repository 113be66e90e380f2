//! DEP-10.

use super::{Context, control, known};
use crate::model::{Outcome, Platform, RepositoryFacts};

control! {
    /// Images can be pulled before anything has looked at them.
    ///
    /// ## Why it matters
    /// Between push and scan lie minutes in which a pipeline can already deploy. A quarantine holds an image
    /// back until a scanner lets it go.
    ///
    /// ## What to do
    /// Where the registry offers a quarantine (Azure Premium), switch it on and let the scanner release
    /// images. Elsewhere let the pipeline wait for the scan before it moves the release tag.
    pub NO_QUARANTINE
    code: "DEP-10", area: Dependencies, severity: Low, since: "0.1.0",
    frameworks: [Nist80019("4.1.1"), Steampipe("container_registry_quarantine_policy_enabled")],
    function: absent("a function's code is deployed, not pulled"),
    repository: check(repository),
    image: absent("the quarantine is a setting of its registry"),
    workload: absent("the quarantine is a setting of the registry"),
    cluster: absent("the quarantine is a setting of the registry"),
    host: absent("the quarantine is a setting of the registry"),

    fail repository on Acr "off" => r#"{ "quarantine": false }"#,
    pass repository on Acr "on" => r#"{ "quarantine": true }"#,
    unknown repository on Acr "not read" => r#"{ "quarantine": { "unknown": "AuthorizationFailed", "permission": "Microsoft.ContainerRegistry/registries/read" } }"#,
    absent repository "ECR" => "{}",
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if context.platform() != Platform::Acr {
        return Outcome::absent("this registry knows no quarantine");
    }
    if *known!(facts.quarantine) {
        Outcome::pass("unscanned images are held back").because("quarantine", "enabled")
    } else {
        Outcome::fail("unscanned images can be pulled").because("quarantine", "disabled")
    }
}
