//! The estate in numbers, from the counts and sums kept for it.

use chrono::{DateTime, NaiveDate, Utc};

use super::{StoreError, Tx, parsed};
use crate::model::{Area, Kind};
use crate::rules::sides::Tally;

/// Every tally of the tenant; `control` narrows to one.
pub async fn tallies(tx: &mut Tx, control: Option<&str>) -> Result<Vec<Tally>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT control, kind, verdict, severity, sum(assets)::bigint AS "assets!"
           FROM tallies WHERE tenant_id = $1 AND ($2::text IS NULL OR control = $2)
           GROUP BY control, kind, verdict, severity HAVING sum(assets) > 0"#,
        tenant,
        control
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Tally {
                control: row.control,
                kind: parsed("tallies", &row.kind)?,
                verdict: parsed("tallies", &row.verdict)?,
                severity: parsed("tallies", &row.severity)?,
                assets: row.assets,
            })
        })
        .collect()
}

/// The sum that the score of a kind in an area is the mean of.
#[derive(Debug, Clone)]
pub struct KindSum {
    /// Kind of asset.
    pub kind: Kind,
    /// The area; none is all of them.
    pub area: Option<Area>,
    /// Assets.
    pub assets: i64,
    /// Assets that have a score.
    pub scored: i64,
    /// Sum of their scores.
    pub score_sum: f64,
    /// Known verdicts.
    pub known: i64,
    /// Unknown verdicts.
    pub unknown: i64,
    /// Accepted verdicts.
    pub accepted: i64,
}

fn area(text: &str) -> Result<Option<Area>, StoreError> {
    if text.is_empty() { Ok(None) } else { parsed("score_sums", text).map(Some) }
}

/// The sums of the tenant as they stand.
pub async fn sums(tx: &mut Tx) -> Result<Vec<KindSum>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT kind, area, sum(assets)::bigint AS "assets!", sum(scored)::bigint AS "scored!",
                  sum(score_sum) AS "score_sum!", sum(known)::bigint AS "known!", sum(unknown)::bigint AS "unknown!",
                  sum(accepted)::bigint AS "accepted!"
           FROM score_sums WHERE tenant_id = $1 GROUP BY kind, area HAVING sum(assets) > 0"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(KindSum {
                kind: parsed("score_sums", &row.kind)?,
                area: area(&row.area)?,
                assets: row.assets,
                scored: row.scored,
                score_sum: row.score_sum,
                known: row.known,
                unknown: row.unknown,
                accepted: row.accepted,
            })
        })
        .collect()
}

/// The sums of the end of each day since `since`, over all areas, oldest first.
pub async fn days(tx: &mut Tx, since: NaiveDate) -> Result<Vec<(NaiveDate, KindSum)>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT day, kind, sum(assets)::bigint AS "assets!", sum(scored)::bigint AS "scored!",
                  sum(score_sum) AS "score_sum!", sum(known)::bigint AS "known!", sum(unknown)::bigint AS "unknown!",
                  sum(accepted)::bigint AS "accepted!"
           FROM daily_scores WHERE tenant_id = $1 AND day >= $2 AND area = ''
           GROUP BY day, kind ORDER BY day"#,
        tenant,
        since
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let sum = KindSum {
                kind: parsed("daily_scores", &row.kind)?,
                area: None,
                assets: row.assets,
                scored: row.scored,
                score_sum: row.score_sum,
                known: row.known,
                unknown: row.unknown,
                accepted: row.accepted,
            };
            Ok((row.day, sum))
        })
        .collect()
}

/// Something that befell a finding.
#[derive(Debug, Clone)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// `opened`, `resolved`, `reopened`, `stale`, `seen_again`, `accepted` or `returned`.
    pub event: String,
    /// The finding.
    pub finding: uuid::Uuid,
    /// Code of its control.
    pub control: String,
    /// Its family.
    pub family: String,
    /// Name of its asset.
    pub asset: String,
}

/// The newest events, at most `most`.
pub async fn events(tx: &mut Tx, most: i64) -> Result<Vec<Event>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_as!(
        Event,
        r#"SELECT e.at, e.event, e.finding_id AS finding, e.control, e.family, a.name AS asset
           FROM (SELECT * FROM finding_events WHERE tenant_id = $1 ORDER BY at DESC, finding_id LIMIT $2) e
           JOIN findings f ON f.tenant_id = $1 AND f.id = e.finding_id
           JOIN assets a ON a.tenant_id = $1 AND a.id = f.asset_id
           ORDER BY e.at DESC, e.finding_id"#,
        tenant,
        most
    )
    .fetch_all(tx.on())
    .await?)
}
