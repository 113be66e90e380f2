//! BAS-05.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use super::{Context, RECENT_DAYS, control, known, listed, recent};
use crate::model::{FunctionFacts, Outcome, Platform, RepositoryFacts, Severity, TagMove};

control! {
    /// Its code changed in a way that its past does not explain.
    ///
    /// ## Why it matters
    /// Releases follow habits: hours, pipelines, version tags that never move. A release tag that suddenly
    /// means another image, or code that changes in the night, is how a supply chain attack looks from here.
    ///
    /// ## What to do
    /// Compare the new digest with what the pipeline built. If nobody in the team did it, roll back to the
    /// old digest, keep the new one as evidence, and rotate what its identity could reach. Make tags
    /// immutable, so that it cannot happen again.
    pub UNUSUAL_CHANGE
    code: "BAS-05", area: Baseline, severity: Medium, since: "0.1.0",
    frameworks: [Nist80019("4.2.2"), SecurityHub("ECR.2")],
    function: check(function),
    repository: check(repository),
    image: absent("an image is named by its digest and never changes"),
    workload: not_yet("rollouts come with the Kubernetes collector"),
    cluster: absent("the question is asked of each workload"),
    host: absent("the question is asked of each workload"),

    fail repository "a version moved" => r#"{ "tag_moves": [{ "tag": "v1.4.2", "from": "sha256:a", "to": "sha256:b", "seen_at": "2026-10-30T10:00:00Z" }] }"#,
    pass repository "latest moved" => r#"{ "image_tags": [], "tag_moves": [{ "tag": "latest", "from": "sha256:a", "to": "sha256:b", "seen_at": "2026-10-30T10:00:00Z" }] }"#,
    pass repository "a version moved long ago" => r#"{ "image_tags": [], "tag_moves": [{ "tag": "1.4.2", "from": "sha256:a", "to": "sha256:b", "seen_at": "2026-09-30T10:00:00Z" }] }"#,
    pass repository on Oci "nothing moved" => r#"{ "image_tags": [], "tag_moves": [] }"#,
    unknown repository "tags are no longer told" => r#"{ "image_tags": { "unknown": "ecr:DescribeImages denied", "permission": "ecr:DescribeImages" }, "tag_moves": [] }"#,
    unknown repository "seen once" => r#"{ "image_tags": [] }"#,
    not_yet repository on Acr "tags not read" => "{}",
    fail function "changed in the night" => r#"{ "code_changes": ["2026-09-01T10:00:00Z", "2026-09-08T11:00:00Z", "2026-09-15T09:30:00Z", "2026-09-22T14:00:00Z", "2026-10-31T03:00:00Z"] }"#,
    pass function "changed at the usual hour" => r#"{ "code": { "digest": "a" }, "code_changes": ["2026-09-01T10:00:00Z", "2026-09-08T11:00:00Z", "2026-09-15T09:30:00Z", "2026-09-22T14:00:00Z", "2026-10-29T10:30:00Z"] }"#,
    pass function "quiet" => r#"{ "code": { "digest": "a" }, "code_changes": ["2026-08-01T10:00:00Z", "2026-08-08T11:00:00Z", "2026-08-15T09:30:00Z", "2026-08-22T14:00:00Z", "2026-09-01T03:00:00Z"] }"#,
    unknown function "code no longer told" => r#"{ "code": { "unknown": "lambda:ListFunctions denied", "permission": "lambda:ListFunctions" }, "code_changes": ["2026-08-01T10:00:00Z", "2026-08-08T11:00:00Z", "2026-08-15T09:30:00Z", "2026-08-22T14:00:00Z", "2026-09-01T03:00:00Z"] }"#,
    unknown function "seen once" => r#"{ "code": { "digest": "a" } }"#,
    not_yet function on FunctionsFlex "no digest" => r#"{ "code_changes": [] }"#,
    unknown function "too few changes" => r#"{ "code": { "digest": "a" }, "code_changes": ["2026-10-31T03:00:00Z"] }"#,
}

/// Changes without which no habit is learned.
const LEAST_CHANGES: usize = 5;
/// How far from a usual hour a change may lie.
const HOURS_AROUND: u32 = 2;

fn repository(facts: &RepositoryFacts, context: &Context<'_>) -> Outcome {
    let moves = facts.tag_moves.known().map(Vec::as_slice).unwrap_or_default();
    let recent: Vec<_> = moves.iter().filter(|one| recent(one.seen_at, context)).collect();
    let releases: Vec<_> = recent.iter().filter(|one| is_release(&one.tag)).map(|one| told(one)).collect();
    if !releases.is_empty() {
        return Outcome::fail("a release tag means another image than before")
            .because("tag_moves", listed(&releases, 4))
            .at(Severity::High);
    }
    if context.platform() == Platform::Acr && facts.image_tags.is_not_read() {
        return Outcome::not_yet("the tags of Azure registries are not read yet");
    }
    // Moves are told only while tags can be read, and only once they were watched for as long as we
    // speak of.
    let _ = known!(facts.image_tags);
    if facts.tag_moves.is_not_read() {
        return Outcome::unknown("its tags were seen once, so no move can be told");
    }
    let Some(since) = context.watched_since else {
        return Outcome::unknown("there is no history to compare with");
    };
    if context.now - since < TimeDelta::days(RECENT_DAYS) {
        return Outcome::unknown("it is watched for less than seven days")
            .because("watched_since", since.date_naive());
    }
    match recent.last() {
        Some(one) => {
            Outcome::pass("only tags that move by convention were moved").because("tag_moves", &one.tag)
        }
        None => Outcome::pass("no tag was moved in the last seven days"),
    }
}

fn told(one: &TagMove) -> String {
    let short = |digest: &str| digest.trim_start_matches("sha256:").chars().take(12).collect::<String>();
    format!("{}: {} to {}", one.tag, short(&one.from), short(&one.to))
}

/// Whether a tag names one release for ever: a full version, a date, a build or commit number.
/// Words (`latest`, `main`, `prod`) and short versions (`1`, `v1.4`) move by convention.
fn is_release(tag: &str) -> bool {
    let body = tag.trim_start_matches(['v', 'V']);
    let core = body.split(['-', '+', '_']).next().unwrap_or("");
    let numbers =
        core.split('.').filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let version = numbers.count() >= 3;
    let parts = || tag.split(['-', '_', '.']);
    let dated = parts().any(|part| part.len() >= 6 && part.bytes().all(|byte| byte.is_ascii_digit()));
    let hex = |part: &str| {
        part.len() >= 7
            && part.bytes().all(|byte| byte.is_ascii_hexdigit())
            && part.bytes().any(|byte| byte.is_ascii_digit())
    };
    version || dated || parts().any(hex)
}

fn function(facts: &FunctionFacts, context: &Context<'_>) -> Outcome {
    let unread = !context.platform().is_lambda() && facts.code.is_not_read();
    if unread || facts.code.known().is_some_and(|code| code.digest.is_empty()) {
        return Outcome::not_yet("its platform gives no digest of the code to compare");
    }
    if facts.code_changes.is_not_read() {
        return Outcome::unknown("its code was seen once, so no change can be told");
    }
    let changes = known!(facts.code_changes);
    let [earlier @ .., last] = changes.as_slice() else {
        return Outcome::unknown("no change of its code was seen yet");
    };
    if changes.len() < LEAST_CHANGES {
        return Outcome::unknown("too few changes were seen to learn its habits")
            .because("changes", changes.len());
    }
    let moment = last.format("%Y-%m-%d %H:%M UTC");
    let recent = recent(*last, context);
    if recent && !earlier.iter().any(|one| alike(*one, *last)) {
        return Outcome::fail("its code changed at a time at which it never did before")
            .because("changed_at", moment);
    }
    let _ = known!(facts.code);
    if recent {
        Outcome::pass("its code changed at a usual time").because("changed_at", moment)
    } else {
        Outcome::pass("its code did not change in the last seven days")
    }
}

/// Whether two moments share the kind of day and lie near in the clock.
fn alike(one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    let weekend = |moment: DateTime<Utc>| moment.weekday().num_days_from_monday() >= 5;
    let apart = one.hour().abs_diff(other.hour());
    weekend(one) == weekend(other) && apart.min(24 - apart) <= HOURS_AROUND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asset, AssetKey, Facts, Provider, Settings, Verdict};

    fn judged(watched: Option<i64>, json: &str) -> Outcome {
        let facts = serde_json::from_str(json).expect("facts");
        let key = AssetKey {
            provider: Provider::Registry,
            account: "r".into(),
            region: String::new(),
            native_id: "r/app".into(),
        };
        let facts = Facts::Repository(Box::new(facts));
        let asset = Asset { key, name: "app".into(), platform: Platform::Oci, facts };
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let settings = Settings::default();
        let watched_since = watched.map(|days| now - TimeDelta::days(days));
        let context = Context { watched_since, ..Context::fresh(&asset, &settings, now) };
        UNUSUAL_CHANGE.judge(&context)
    }

    #[test]
    fn a_repository_watched_too_briefly_is_not_yet_quiet_but_a_moved_release_is_told_at_once() {
        let quiet = r#"{ "image_tags": [], "tag_moves": [] }"#;
        assert_eq!(judged(None, quiet).verdict, Verdict::Unknown);
        assert_eq!(judged(Some(0), quiet).verdict, Verdict::Unknown);
        assert_eq!(judged(Some(6), quiet).verdict, Verdict::Unknown);
        assert_eq!(judged(Some(7), quiet).verdict, Verdict::Pass);
        let moved = r#"{ "image_tags": [], "tag_moves": [{ "tag": "1.2.3", "from": "a", "to": "b", "seen_at": "2024-10-03T00:00:00Z" }] }"#;
        assert_eq!(judged(Some(1), moved).verdict, Verdict::Fail);
    }
}
