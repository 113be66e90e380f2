//! DEP-14.

use super::{Context, control, known};
use crate::model::{ImageFacts, Outcome};

control! {
    /// The image is large, and most of it is probably not needed.
    ///
    /// ## Why it matters
    /// What is in an image can be used by whoever gets in, must be scanned, and is pulled at each start.
    /// Compilers, package managers and shells have no work to do in production.
    ///
    /// ## What to do
    /// Build in one stage and copy the result into another that starts from a small base (`slim`,
    /// `distroless`, `scratch`). Look at the largest layers first.
    pub OVERSIZED
    code: "DEP-14", area: Dependencies, severity: Info, since: "0.1.0",
    frameworks: [Nist80019("4.1.2"), CisDocker("4.3")],
    function: not_yet("the size of code packages is not read yet"),
    repository: absent("a repository holds images and each is asked by itself"),
    image: check(image),
    workload: absent("the question is asked of each image"),
    cluster: absent("the question is asked of each image"),
    host: absent("the question is asked of each image"),

    fail image "two gigabytes" => r#"{ "size_bytes": 2147483648 }"#,
    pass image "eighty megabytes" => r#"{ "size_bytes": 83886080 }"#,
    unknown image "manifest not readable" => r#"{ "size_bytes": { "unknown": "timeout" } }"#,
}

/// Compressed size from which an image counts as large: one gigabyte.
const LARGE_BYTES: i64 = 1 << 30;

fn image(facts: &ImageFacts, _: &Context<'_>) -> Outcome {
    let bytes = *known!(facts.size_bytes);
    let size = format!("{} MB", bytes / 1_000_000);
    if bytes > LARGE_BYTES {
        Outcome::fail("it is larger than one gigabyte compressed").because("size_bytes", size)
    } else {
        Outcome::pass("it is smaller than one gigabyte compressed").because("size_bytes", size)
    }
}
