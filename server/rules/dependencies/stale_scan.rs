//! DEP-03.

use chrono::TimeDelta;

use super::{Context, control, known};
use crate::model::{ImageFacts, Outcome};

control! {
    /// Its last vulnerability scan is old or never ran.
    ///
    /// ## Why it matters
    /// A scan tells what was known on its day. An image that passed a year ago has gathered a year of
    /// advisories since, without a byte of it changing.
    ///
    /// ## What to do
    /// Scan continuously, or scan what is deployed again at least each month. Delete tags that nothing
    /// runs any more, so that the list shows what counts.
    pub STALE_SCAN
    code: "DEP-03", area: Dependencies, severity: Medium, since: "0.1.0",
    frameworks: [Nist80019("4.1.1"), Prowler("ecr_repositories_scan_vulnerabilities_in_latest_image")],
    function: not_yet("the age of Inspector's and Defender's results is not read yet"),
    repository: absent("the age of a scan is asked of each image"),
    image: check(image),
    workload: absent("the age of a scan is asked of each image"),
    cluster: absent("the age of a scan is asked of each image"),
    host: not_yet("scans of hosts come with the Docker collector"),

    fail image "never scanned" => r#"{ "image_tags": ["1.0"], "scan": { "completed_at": null } }"#,
    fail image "scanned in spring" => r#"{ "image_tags": ["1.0"], "scan": { "completed_at": "2026-04-01T00:00:00Z" } }"#,
    pass image "scanned last week" => r#"{ "image_tags": ["1.0"], "scan": { "completed_at": "2026-10-26T00:00:00Z" } }"#,
    absent image "no tag points to it" => r#"{ "image_tags": [], "scan": { "completed_at": null } }"#,
    not_yet image "registry without scans" => r#"{ "image_tags": ["1.0"] }"#,
    unknown image "not told" => r#"{ "image_tags": ["1.0"], "scan": { "unknown": "ecr:DescribeImages denied", "permission": "ecr:DescribeImages" } }"#,
}

/// After how many days a result is old.
const OLD_DAYS: i64 = 30;

fn image(facts: &ImageFacts, context: &Context<'_>) -> Outcome {
    if facts.image_tags.known().is_some_and(Vec::is_empty) {
        return Outcome::absent("no tag points to it, so nothing new will run it");
    }
    if facts.scan.is_not_read() {
        return Outcome::not_yet(
            "its registry's list does not tell of a scan, and results are not read one by one yet",
        );
    }
    let Some(completed) = known!(facts.scan).completed_at else {
        return Outcome::fail("it was never scanned").because("scan", "(never)");
    };
    let day = completed.date_naive();
    if context.now - completed > TimeDelta::days(OLD_DAYS) {
        Outcome::fail("its last scan is more than thirty days old").because("scan", day)
    } else {
        Outcome::pass("it was scanned in the last thirty days").because("scan", day)
    }
}
