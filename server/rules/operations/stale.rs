//! OPS-06.

use chrono::TimeDelta;

use super::{Context, control};
use crate::model::Outcome;

control! {
    /// What is known of it is out of date.
    ///
    /// ## Why it matters
    /// Verdicts speak of the last look. When a connection has not been read for several rounds, a pass is a
    /// memory, and what changed since is not seen at all.
    ///
    /// ## What to do
    /// Open the connection's page: it names the failing call and the permission it lacks. An asset that is
    /// gone for good leaves the inventory with the next complete run.
    pub STALE
    code: "OPS-06", area: Operations, severity: Medium, since: "0.1.0",
    frameworks: [CisAwsCompute("4.1")],
    function: check(judge),
    repository: check(judge),
    image: check(judge),
    workload: not_yet("there is no collector for workloads yet"),
    cluster: not_yet("there is no collector for clusters yet"),
    host: not_yet("there is no collector for hosts yet"),

    pass function "read just now" => "{}",
    pass function seen 7 "one round missed" => "{}",
    fail function seen 13 "two rounds missed" => "{}",
    pass repository "read just now" => "{}",
    fail repository seen 48 "two days" => "{}",
    pass image "read just now" => "{}",
    fail image seen 48 "two days" => "{}",
}

/// How many rounds may be missed.
const ROUNDS: i32 = 2;

fn judge<F>(_: &F, context: &Context<'_>) -> Outcome {
    let Some(freshness) = context.freshness else {
        return Outcome::pass("it was read just now");
    };
    let Some(interval) =
        TimeDelta::try_seconds(freshness.interval_seconds).filter(|one| *one > TimeDelta::zero())
    else {
        return Outcome::unknown("its connection is read on demand alone, so nothing says when it is due");
    };
    let age = context.now - freshness.last_seen;
    if age > interval * ROUNDS {
        Outcome::fail("it was not seen for more than two rounds")
            .because("last_seen", freshness.last_seen.format("%Y-%m-%d %H:%M UTC"))
    } else {
        Outcome::pass("it was seen within the last two rounds")
    }
}
