//! Counts and sums that pages read, kept by differences in the transaction that writes assessments.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::{StoreError, Tx};
use crate::model::{Kind, Platform, Severity, Verdict};
use crate::score::Sum;

/// What a tally counts assets by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyKey {
    /// Connection of the assets.
    pub connection: Uuid,
    /// Code of the control.
    pub control: String,
    /// Kind of the assets.
    pub kind: Kind,
    /// Platform of the assets.
    pub platform: Platform,
    /// What the control said.
    pub verdict: Verdict,
    /// Severity it said it with.
    pub severity: Severity,
}

/// What a score sum adds up by; the area is empty for all areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SumKey {
    /// Connection of the assets.
    pub connection: Uuid,
    /// Kind of the assets.
    pub kind: Kind,
    /// Code of the area, or nothing.
    pub area: &'static str,
}

/// Differences to be applied together, in key order, so that two workers never wait for each other.
#[derive(Debug, Default)]
pub struct Difference {
    /// By how many assets each tally changes.
    pub tallies: BTreeMap<TallyKey, i64>,
    /// By how much each sum changes.
    pub sums: BTreeMap<SumKey, Sum>,
}

/// Applies differences.
pub async fn apply(tx: &mut Tx, difference: &Difference) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let tallies: Vec<_> = difference.tallies.iter().filter(|(_, change)| **change != 0).collect();
    sqlx::query!(
        "INSERT INTO tallies (tenant_id, connection_id, control, kind, platform, verdict, severity, assets)
         SELECT $1, t.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                    $8::bigint[]) AS t
         ON CONFLICT (tenant_id, connection_id, control, kind, platform, verdict, severity)
            DO UPDATE SET assets = tallies.assets + EXCLUDED.assets",
        tenant.0,
        &tallies.iter().map(|(key, _)| key.connection).collect::<Vec<_>>(),
        &tallies.iter().map(|(key, _)| key.control.clone()).collect::<Vec<_>>(),
        &tallies.iter().map(|(key, _)| key.kind.code().to_owned()).collect::<Vec<_>>(),
        &tallies.iter().map(|(key, _)| key.platform.code().to_owned()).collect::<Vec<_>>(),
        &tallies.iter().map(|(key, _)| key.verdict.code().to_owned()).collect::<Vec<_>>(),
        &tallies.iter().map(|(key, _)| key.severity.code().to_owned()).collect::<Vec<_>>(),
        &tallies.iter().map(|(_, change)| **change).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    let sums: Vec<_> = difference.sums.iter().collect();
    sqlx::query!(
        "INSERT INTO score_sums (tenant_id, connection_id, kind, area, assets, scored, score_sum, known, unknown,
                                 accepted)
         SELECT $1, s.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                                    $7::float8[], $8::bigint[], $9::bigint[], $10::bigint[]) AS s
         ON CONFLICT (tenant_id, connection_id, kind, area) DO UPDATE SET
            assets = score_sums.assets + EXCLUDED.assets, scored = score_sums.scored + EXCLUDED.scored,
            score_sum = score_sums.score_sum + EXCLUDED.score_sum, known = score_sums.known + EXCLUDED.known,
            unknown = score_sums.unknown + EXCLUDED.unknown, accepted = score_sums.accepted + EXCLUDED.accepted",
        tenant.0,
        &sums.iter().map(|(key, _)| key.connection).collect::<Vec<_>>(),
        &sums.iter().map(|(key, _)| key.kind.code().to_owned()).collect::<Vec<_>>(),
        &sums.iter().map(|(key, _)| key.area.to_owned()).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.assets).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.scored).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.score_sum).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.known).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.unknown).collect::<Vec<_>>(),
        &sums.iter().map(|(_, sum)| sum.accepted).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Writes today's sums as the day's scores; the last call of a day stands.
pub async fn close_day(tx: &mut Tx, day: NaiveDate) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO daily_scores (tenant_id, day, connection_id, kind, area, assets, scored, score_sum, known, unknown,
                                   accepted)
         SELECT tenant_id, $2, connection_id, kind, area, assets, scored, score_sum, known, unknown, accepted
         FROM score_sums WHERE tenant_id = $1
         ON CONFLICT (tenant_id, day, connection_id, kind, area) DO UPDATE SET
            assets = EXCLUDED.assets, scored = EXCLUDED.scored, score_sum = EXCLUDED.score_sum,
            known = EXCLUDED.known, unknown = EXCLUDED.unknown, accepted = EXCLUDED.accepted",
        tenant.0,
        day
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
