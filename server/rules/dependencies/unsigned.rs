//! DEP-07.

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, Severity};

control! {
    /// Nothing proves who built its code.
    ///
    /// ## Why it matters
    /// Without a signature whoever can write to the bucket, the pipeline or the registry decides what runs.
    /// A signature that is checked ties the code to the build you trust.
    ///
    /// ## What to do
    /// Lambda: create a code signing configuration with your signing profile and set it to enforce.
    /// Images: sign by digest in the pipeline and attach provenance; then verify where they are admitted.
    pub UNSIGNED
    code: "DEP-07", area: Dependencies, severity: High, since: "0.1.0",
    frameworks: [
        CisAwsCompute("4.8"), Nist80019("4.1.5"), CloudSploit("lambdaCodeSigningEnabled"),
        CisDocker("4.5"), Kubescape("C-0237"),
        Defender("Code signing on functions"),
    ],
    function: check(function),
    // Azure retires content trust, which nobody can switch on any more:
    // <https://learn.microsoft.com/azure/container-registry/container-registry-content-trust-deprecation>.
    repository: absent("signatures are asked of each image"),
    image: check(image),
    workload: not_yet("admission policies come with the Kubernetes collector"),
    cluster: not_yet("admission policies come with the Kubernetes collector"),
    host: not_yet("content trust of engines comes with the Docker collector"),

    fail function "no configuration" => r#"{ "code_signing": "off" }"#,
    fail function "unsigned code is let in" => r#"{ "code_signing": "warn" }"#,
    pass function "enforced" => r#"{ "code_signing": "enforce" }"#,
    unknown function "denied" => r#"{ "code_signing": { "unknown": "lambda:GetFunctionCodeSigningConfig denied", "permission": "lambda:GetFunctionCodeSigningConfig" } }"#,
    absent function on LambdaImage "image function" => "{}",
    absent function on FunctionsFlex "no such thing" => "{}",
    fail image "no signature" => r#"{ "signed": false }"#,
    pass image "signed" => r#"{ "signed": true }"#,
    unknown image "referrers not readable" => r#"{ "signed": { "unknown": "404 on referrers" } }"#,
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    use crate::model::CodeSigning;
    if context.platform().runs_an_image() {
        return Outcome::absent("its code is an image, and signatures are asked of images");
    }
    if !context.platform().is_lambda() {
        return Outcome::absent("Azure Functions knows no signatures on packages");
    }
    match known!(facts.code_signing) {
        CodeSigning::Enforce => Outcome::pass("unsigned code is refused").because("code_signing", "enforce"),
        CodeSigning::Warn => Outcome::fail("unsigned code is let in with a warning")
            .because("code_signing", "warn")
            .at(Severity::Medium),
        CodeSigning::Off => Outcome::fail("unsigned code is let in").because("code_signing", "off"),
    }
}

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    if *known!(facts.signed) {
        Outcome::pass("a signature or attestation is attached").because("signed", "true").at(Severity::Medium)
    } else {
        Outcome::fail("no signature or attestation is attached")
            .because("signed", "false")
            .at(Severity::Medium)
    }
}
