//! HST-04.

use super::{Context, control, known};
use crate::model::{FunctionFacts, ImageFacts, Outcome, is_root};

control! {
    /// The container runs as root.
    ///
    /// ## Why it matters
    /// Isolation between containers is not absolute. A process that is root inside has more of the
    /// kernel in reach, writes where it should not, and keeps its rights if it breaks out.
    ///
    /// ## What to do
    /// End the Dockerfile with a `USER` that is not root (a numeric id, so that an orchestrator can
    /// check it) and give that user only the folders it writes to.
    pub RUNS_AS_ROOT
    code: "HST-04", area: Host, severity: Medium, since: "0.1.0",
    frameworks: [
        Nist80019("4.1.2"), CisDocker("4.1"), CisKubernetes("5.2.7"), Trivy("DS-0002"),
        SecurityHub("ECS.20"), Kubescape("C-0013"),
    ],
    function: check(function_image_user),
    repository: absent("a repository runs nothing"),
    image: check(image_user),
    workload: not_yet("the user a workload sets comes with the ECS and Kubernetes collectors"),
    cluster: absent("the question is asked of each workload"),
    host: not_yet("the user of running containers comes with the Docker collector"),

    provider function "managed runtime" => r#"{ "package": { "kind": "zip" } }"#,
    provider function on LambdaImage "the platform overrides the user" => r#"{ "package": { "kind": "image" }, "image_user": null }"#,
    fail function on FunctionsContainer "custom container as root" => r#"{ "package": { "kind": "image" }, "image_user": null }"#,
    pass function on FunctionsContainer "custom container as user 1000" => r#"{ "package": { "kind": "image" }, "image_user": "1000" }"#,
    unknown function on FunctionsContainer "image not readable" => r#"{ "package": { "kind": "image" }, "image_user": { "unknown": "image is in a registry that is not connected" } }"#,
    fail image "no USER line" => r#"{ "user": null }"#,
    fail image "USER root" => r#"{ "user": "root" }"#,
    fail image "USER 0 with a group" => r#"{ "user": "0:0" }"#,
    pass image "numeric user" => r#"{ "user": "65532" }"#,
    unknown image "config not readable" => r#"{ "user": { "unknown": "blob not found" } }"#,
}

fn function_image_user(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    if context.platform().is_lambda() {
        return Outcome::provider(
            "Lambda runs code as an unprivileged user of its own, whatever the package says",
        );
    }
    if !context.platform().runs_an_image() {
        return Outcome::provider("the platform chooses the user its runtime runs as");
    }
    verdict_on(known!(facts.image_user).as_deref())
}

fn image_user(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    verdict_on(known!(facts.user).as_deref())
}

fn verdict_on(user: Option<&str>) -> Outcome {
    let name = user.unwrap_or("").split(':').next().unwrap_or("").trim();
    if name.is_empty() {
        return Outcome::fail("the image names no user, so it runs as root").because("user", "(none)");
    }
    if is_root(user) {
        return Outcome::fail("the image runs as root").because("user", name);
    }
    Outcome::pass("the image runs as a user that is not root").because("user", name)
}
