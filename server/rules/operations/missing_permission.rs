//! OPS-07.

use super::{Context, control, listed};
use crate::model::Outcome;

control! {
    /// A missing permission leaves part of it dark.
    ///
    /// ## Why it matters
    /// What cannot be read cannot be judged. Those controls say *unknown*, which is honest but protects
    /// nobody, and the score speaks of the lit part alone.
    ///
    /// ## What to do
    /// Add the permissions in the evidence to the role or identity that Parallax reads with. They are all
    /// read-only; the README has the complete policy.
    pub MISSING_PERMISSION
    code: "OPS-07", area: Operations, severity: Medium, since: "0.1.0",
    frameworks: [],
    function: check(judge),
    repository: check(judge),
    image: check(judge),
    workload: not_yet("there is no collector for workloads yet"),
    cluster: not_yet("there is no collector for clusters yet"),
    host: not_yet("there is no collector for hosts yet"),

    pass function "all read" => r#"{ "tracing": true }"#,
    pass function "a fault that no permission would close" => r#"{ "recursion": { "unknown": "404 with an HTML body" } }"#,
    fail function "policy denied" => r#"{ "invoke_policy": { "unknown": "lambda:GetPolicy denied", "permission": "lambda:GetPolicy" } }"#,
    pass repository "all read" => r#"{ "lifecycle": true }"#,
    fail repository "policy denied" => r#"{ "access": { "unknown": "ecr:GetRepositoryPolicy denied", "permission": "ecr:GetRepositoryPolicy" } }"#,
    pass image "all read" => r#"{ "user": "1000" }"#,
    fail image "scan denied" => r#"{ "scan": { "unknown": "ecr:DescribeImages denied", "permission": "ecr:DescribeImages" } }"#,
}

fn judge<F>(_: &F, context: &Context<'_>) -> Outcome {
    let unknowns = context.asset.facts.unknowns();
    let mut missing: Vec<&str> = unknowns.iter().filter_map(|(_, why)| why.permission.as_deref()).collect();
    missing.sort_unstable();
    missing.dedup();
    match missing.as_slice() {
        [] => Outcome::pass("no permission is missing to read it"),
        [one] => Outcome::fail("a permission is missing to read all of it").because("permission", one),
        several => Outcome::fail(format!("{} permissions are missing to read all of it", several.len()))
            .because("permissions", listed(several, 12)),
    }
}
