//! Scores over time: the end of each day, by kind of asset.

use axum::http::Uri;
use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::call::{Asked, Call};
use super::super::problem::Problem;
use super::super::{Answer, listing};
use crate::model::{Family, Kind};
use crate::store::pages::totals;

/// Days told where nothing is said.
const DAYS: i64 = 30;
/// Days told at most.
const MOST_DAYS: i64 = 366;

/// The score of a kind of asset at the end of a day.
#[derive(Debug, Serialize, ToSchema)]
struct DailyScore {
    day: NaiveDate,
    kind: Kind,
    family: Family,
    /// The mean of the assets' scores, 0 to 100; null where none has one.
    score: Option<f64>,
    assets: i64,
    /// Assets that have a score.
    scored: i64,
    /// Verdicts that are known.
    known: i64,
    /// Verdicts that are not.
    unknown: i64,
    /// Verdicts that fail and are accepted.
    accepted: i64,
}

/// How far back.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Back {
    /// 1 to 366, 30 without it.
    #[param(minimum = 1, maximum = 366)]
    days: Option<i64>,
}

/// List daily scores
///
/// The end of each day, the oldest first; days on which nothing was read are not told.
#[utoipa::path(
    get, path = "/api/v1/scores", tag = "comparison", operation_id = "list_scores", params(Back),
    responses((status = 200, description = "The scores.", body = listing::Page<DailyScore>)),
)]
pub async fn list(call: Call, uri: Uri, Asked(asked): Asked<Back>) -> Answer {
    let days = asked.days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::invalid("days", format!("choose 1 to {MOST_DAYS}")));
    }
    let mut tx = call.begin().await?;
    let found = totals::days(&mut tx, (call.now() - TimeDelta::days(days)).date_naive()).await?;
    drop(tx);
    let rows: Vec<DailyScore> = found
        .into_iter()
        .map(|(day, sum)| DailyScore {
            day,
            kind: sum.kind,
            family: sum.kind.family(),
            score: (sum.scored > 0).then(|| sum.score_sum / sum.scored as f64),
            assets: sum.assets,
            scored: sum.scored,
            known: sum.known,
            unknown: sum.unknown,
            accepted: sum.accepted,
        })
        .collect();
    listing::whole(&uri, &rows)
}
