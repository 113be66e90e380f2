//! What a digest tells: what changed between two moments, and what stands.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::totals::KindSum;
use super::{StoreError, Tx, parsed};
use crate::model::{Area, Family, Severity, Verdict};

/// Newest alarms looked at; more are counted as `more than`.
const MOST_ALARMS: i64 = 10_000;

/// A critical finding that is new or came back, and still fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The finding.
    pub id: Uuid,
    /// Code of its control.
    pub control: String,
    /// Name of its asset.
    pub asset: String,
    /// Its family.
    pub family: Family,
    /// It came back.
    pub again: bool,
}

/// The alarms after `since`, until `until`: the most urgent `most`, and how many there are in all.
pub async fn alarms(
    tx: &mut Tx,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    most: i64,
) -> Result<(Vec<Alarm>, i64), StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"WITH news AS (
             SELECT finding_id, bool_or(event <> 'opened') AS again
             FROM (SELECT finding_id, event FROM finding_events
                   WHERE tenant_id = $1 AND severity = 'critical' AND event IN ('opened', 'reopened', 'returned') AND at > $2 AND at <= $3
                   ORDER BY at DESC, finding_id LIMIT $5) e
             GROUP BY finding_id),
           still AS (
             SELECT f.id, f.control, f.family, f.asset_id, f.priority, n.again FROM news n
             JOIN findings f ON f.tenant_id = $1 AND f.id = n.finding_id WHERE f.state = 'open')
           SELECT s.id, s.control, s.family, a.name, s.again AS "again!", (SELECT count(*) FROM still) AS "total!"
           FROM (SELECT * FROM still ORDER BY priority DESC, id LIMIT $4) s
           JOIN assets a ON a.tenant_id = $1 AND a.id = s.asset_id ORDER BY s.priority DESC, s.id"#,
        tenant,
        since,
        until,
        most,
        MOST_ALARMS
    )
    .fetch_all(tx.on())
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let alarms = rows
        .into_iter()
        .map(|row| {
            Ok(Alarm {
                id: row.id,
                control: row.control,
                asset: row.name,
                family: parsed("findings", &row.family)?,
                again: row.again,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok((alarms, total))
}

/// The sums of the last day that was closed on or before `day`, by kind and area.
pub async fn sums_of(tx: &mut Tx, day: NaiveDate) -> Result<Vec<KindSum>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT kind, area, sum(assets)::bigint AS "assets!", sum(scored)::bigint AS "scored!",
                  sum(score_sum) AS "score_sum!", sum(known)::bigint AS "known!", sum(unknown)::bigint AS "unknown!",
                  sum(accepted)::bigint AS "accepted!"
           FROM daily_scores WHERE tenant_id = $1
             AND day = (SELECT max(day) FROM daily_scores WHERE tenant_id = $1 AND day <= $2)
           GROUP BY kind, area"#,
        tenant,
        day
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let area: Option<Area> =
                if row.area.is_empty() { None } else { Some(parsed("daily_scores", &row.area)?) };
            Ok(KindSum {
                kind: parsed("daily_scores", &row.kind)?,
                area,
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

/// A connection that does not show everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The connection.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How its last run ended; none where it was never read.
    pub state: Option<String>,
    /// Gaps of that run.
    pub gaps: i64,
}

/// Connections that are not paused and whose last run failed, met gaps, or never was: the first
/// `most` by name, failed ones first, and how many there are in all.
pub async fn unseen(tx: &mut Tx, most: i64) -> Result<(Vec<Unseen>, i64), StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT c.id, c.name, r.state AS "state?", coalesce(r.gap_count, 0) AS "gaps!", count(*) OVER () AS "total!"
           FROM connections c
           LEFT JOIN LATERAL (SELECT state, gap_count FROM runs r WHERE r.tenant_id = $1 AND r.connection_id = c.id
                AND r.state NOT IN ('queued', 'running') ORDER BY r.queued_at DESC LIMIT 1) r ON true
           WHERE c.tenant_id = $1 AND NOT c.paused AND c.removed_at IS NULL
             AND (r.state IS DISTINCT FROM 'done' OR r.gap_count > 0)
           ORDER BY coalesce(r.state = 'done', false), c.name LIMIT $2"#,
        tenant,
        most
    )
    .fetch_all(tx.on())
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let unseen =
        rows.into_iter().map(|row| Unseen { id: row.id, name: row.name, state: row.state, gaps: row.gaps });
    Ok((unseen.collect(), total))
}

/// Open findings that are critical, by family: from the counts kept for it.
pub async fn criticals(tx: &mut Tx) -> Result<Vec<(Family, i64)>, StoreError> {
    let counted = super::totals::tallies(tx, None).await?;
    let of = |family: Family| {
        let fails = counted.iter().filter(|one| {
            one.verdict == Verdict::Fail && one.severity == Severity::Critical && one.kind.family() == family
        });
        (family, fails.map(|one| one.assets).sum())
    };
    Ok(Family::ALL.iter().map(|family| of(*family)).collect())
}

/// Tickets under way, and those of them that are overdue.
pub async fn tickets(tx: &mut Tx, now: DateTime<Utc>) -> Result<(i64, i64), StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        r#"SELECT count(*) AS "under_way!", count(*) FILTER (WHERE due_at < $2) AS "overdue!"
           FROM tickets WHERE tenant_id = $1 AND state IN ('open', 'in_progress')"#,
        tenant,
        now
    )
    .fetch_one(tx.on())
    .await?;
    Ok((row.under_way, row.overdue))
}
