//! DEP-02.

use super::{Context, control, known};
use crate::model::{Outcome, Platform, RepositoryFacts};

control! {
    /// Nothing looks for known vulnerabilities in it.
    ///
    /// ## Why it matters
    /// Most of what runs was written by others, and most breaches of it use problems published long
    /// before. Without a scan nobody hears of them.
    ///
    /// ## What to do
    /// ECR: switch on scanning for the whole registry, continuous where the price allows, on push
    /// otherwise. Azure: switch on Defender for Containers. Registries of your own: scan in the pipeline
    /// and refuse what fails.
    pub NOT_SCANNED
    code: "DEP-02", area: Dependencies, severity: High, since: "0.1.0",
    frameworks: [
        Owasp("S9"), Nist80019("4.1.1"), SecurityHub("ECR.1"), Prowler("ecr_registry_scan_images_on_push_enabled"),
        Prowler("inspector2_is_enabled"), Prowler("defender_container_images_scan_enabled"), Trivy("AWS-0030"),
        Kubescape("C-0221"),
    ],
    function: not_yet("whether Inspector or Defender scans functions is not read yet"),
    repository: check(repository),
    image: absent("scanning is switched on for its repository; the age of its result is asked of it"),
    workload: absent("scanning is switched on where images are kept"),
    cluster: absent("scanning is switched on where images are kept"),
    host: not_yet("scanning of hosts comes with the Docker collector"),

    fail repository "no scanning" => r#"{ "scanning": { "on_push": false, "continuous": false, "source": "repository" } }"#,
    pass repository "on push" => r#"{ "scanning": { "on_push": true, "source": "repository" } }"#,
    pass repository "registry scans although the repository says no" => r#"{ "scanning": { "on_push": false, "continuous": true, "source": "registry rule" } }"#,
    unknown repository "denied" => r#"{ "scanning": { "unknown": "ecr:BatchGetRepositoryScanningConfiguration denied", "permission": "ecr:BatchGetRepositoryScanningConfiguration" } }"#,
    not_yet repository on Acr "Defender's plans" => "{}",
    not_yet repository on Oci "self-run" => "{}",
}

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    if facts.scanning.is_not_read() {
        match context.platform() {
            Platform::Acr => return Outcome::not_yet("whether Defender scans the registry is not read yet"),
            Platform::Oci => {
                return Outcome::not_yet("the distribution API does not say whether images are scanned");
            }
            _ => {}
        }
    }
    let scanning = known!(facts.scanning);
    if scanning.continuous {
        Outcome::pass("images are scanned again as advisories appear").because("scanning", &scanning.source)
    } else if scanning.on_push {
        Outcome::pass("images are scanned when pushed").because("scanning", &scanning.source)
    } else {
        Outcome::fail("images are not scanned").because("scanning", "neither on push nor continuously")
    }
}
