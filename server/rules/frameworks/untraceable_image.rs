//! FRM-01.

use super::{Context, control, known};
use crate::model::{FunctionFacts, Outcome, PackageKind};

control! {
    /// It runs an image that cannot be told by its digest.
    ///
    /// ## Why it matters
    /// A function that runs an image belongs to both worlds: the provider carries the machine, you carry
    /// what is in the image. Only the digest ties the two together, so that what is found in the image is
    /// seen on the function too.
    ///
    /// ## What to do
    /// Connect the registry the image comes from, and deploy by digest or let the platform report it.
    pub UNTRACEABLE_IMAGE
    code: "FRM-01", area: Frameworks, severity: Info, since: "0.1.0",
    frameworks: [Nist80019("4.1")],
    function: check(function),
    repository: absent("a repository runs nothing"),
    image: absent("an image is judged by its own readings alone"),
    workload: not_yet("running digests come with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("running digests come with the Docker collector"),

    absent function "archive" => r#"{ "package": { "kind": "zip" } }"#,
    pass function on LambdaImage "digest known" => r#"{ "package": { "kind": "image", "reference": "1.dkr.ecr.eu-west-1.amazonaws.com/x:1", "digest": "sha256:00" } }"#,
    fail function on FunctionsContainer "tag alone" => r#"{ "package": { "kind": "image", "reference": "registry.example.com/app:1" } }"#,
    unknown function "not read" => r#"{ "package": { "unknown": "lambda:GetFunction denied", "permission": "lambda:GetFunction" } }"#,
}

fn function(facts: &FunctionFacts, _: &Context<'_>) -> Outcome {
    let package = known!(facts.package);
    if package.kind != PackageKind::Image {
        return Outcome::absent("its code is an archive, so the image readings do not apply");
    }
    match (&package.digest, &package.reference) {
        (Some(digest), _) => {
            Outcome::pass("its code is an image, known by digest: both sets of readings apply")
                .because("digest", digest)
        }
        (None, Some(reference)) => {
            Outcome::fail("its code is an image whose digest is not known").because("package", reference)
        }
        (None, None) => {
            Outcome::fail("its code is an image that is not known").because("package", "(not told)")
        }
    }
}
