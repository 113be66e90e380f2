//! DEP-11.

use super::{Context, control, known, listed};
use crate::model::{ImageFacts, Outcome};

control! {
    /// Its build history gives secrets away.
    ///
    /// ## Why it matters
    /// Whoever can pull an image reads how it was built: each `ENV`, each `ARG`, each command line. A later
    /// layer that deletes the file does not delete the line.
    ///
    /// ## What to do
    /// Change the secret first. Then pass it with `--mount=type=secret` (or from the pipeline's identity),
    /// rebuild, and delete the old image and its tags.
    pub SECRET_IN_HISTORY
    code: "DEP-11", area: Dependencies, severity: Critical, since: "0.1.0",
    frameworks: [
        Nist80019("4.1.4"), CisDocker("4.10"), Prowler("ecr_repository_image_no_secrets"), Trivy("DS-0031"),
        Prowler("awslambda_function_no_secrets_in_code"), Owasp("secrets"),
    ],
    function: not_yet("code packages and layers are not opened yet"),
    repository: absent("a repository holds images and each is asked by itself"),
    image: check(image),
    workload: absent("the question is asked of each image"),
    cluster: absent("the question is asked of each image"),
    host: absent("the question is asked of each image"),

    fail image "token in a build argument" => r#"{ "history_secrets": [{ "rule": "npm-token", "masked": "npm_… (40 characters)" }] }"#,
    pass image "clean history" => r#"{ "history_secrets": [] }"#,
    unknown image "config not readable" => r#"{ "history_secrets": { "unknown": "blob not found" } }"#,
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    let hits = known!(facts.history_secrets);
    if hits.is_empty() {
        return Outcome::pass("its build history shows no secret");
    }
    let told: Vec<_> = hits.iter().map(|hit| format!("{}, {}", hit.rule, hit.masked)).collect();
    Outcome::fail("its build history shows secrets").because("history_secrets", listed(&told, 8))
}
