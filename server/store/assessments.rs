//! What the controls said of each asset, and which assets they must look at again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{StoreError, Tx, assets::assemble, parsed};
use crate::model::{Asset, AssetId, AssetKey, Evidence, Platform, Severity, Verdict};
use crate::score::Score;

/// One control's verdict as it is stored with its asset. What is accepted is stored as what the
/// control said, fail; that it is accepted stands beside all verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Code of the control.
    pub control: String,
    /// Its verdict.
    #[serde(serialize_with = "as_said")]
    pub verdict: Verdict,
    /// The severity this reading weighs with.
    pub severity: Severity,
    /// What was found; left out where it is the control's fixed reading.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The facts that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// For unknown: the permission that would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_said<S: serde::Serializer>(verdict: &Verdict, to: S) -> Result<S::Ok, S::Error> {
    let said = if *verdict == Verdict::Accepted { Verdict::Fail } else { *verdict };
    said.serialize(to)
}

/// Stored verdicts, with those of `accepted` controls as accepted.
pub(in crate::store) fn read(outcomes: Option<&str>, accepted: &[String]) -> Result<Vec<Judged>, StoreError> {
    let mut judged: Vec<Judged> = outcomes
        .map_or(Ok(Vec::new()), serde_json::from_str)
        .map_err(|fault| StoreError::Inconsistent { table: "assessments", problem: fault.to_string() })?;
    if !accepted.is_empty() {
        for one in judged.iter_mut().filter(|one| one.verdict == Verdict::Fail) {
            if accepted.contains(&one.control) {
                one.verdict = Verdict::Accepted;
            }
        }
    }
    Ok(judged)
}

/// An asset to be judged, with what was said of it before.
#[derive(Debug)]
pub struct Due {
    /// Its id.
    pub id: AssetId,
    /// Its connection.
    pub connection: Uuid,
    /// The asset.
    pub asset: Asset,
    /// Digest of its facts.
    pub hash: Vec<u8>,
    /// `present`, `stale` or `gone`.
    pub state: String,
    /// First seen.
    pub first_seen: DateTime<Utc>,
    /// Last seen by a run.
    pub last_seen: DateTime<Utc>,
    /// How often its connection is read, in seconds.
    pub interval_seconds: i64,
    /// What was said before; empty where nothing was.
    pub before: Vec<Judged>,
    /// The connection and platform it was counted under before.
    pub counted_as: Option<(Uuid, Platform)>,
}

/// Which assets to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those whose facts, state or set of controls changed.
    Changed,
    /// Those, and all that were last judged before this moment: dates pass.
    Before(DateTime<Utc>),
}

/// Waits for the turn at a connection, held until the transaction ends. Counts are kept by
/// differences to what was said before, so two who judge the same assets do so one after the other.
pub async fn take_turn(tx: &mut Tx, connection: Uuid) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", connection.to_string())
        .fetch_one(tx.on())
        .await?;
    Ok(())
}

/// The next assets of a connection to judge after `after`, in order of id; at most `most`. They stay
/// locked until the transaction ends, so that none changes hands meanwhile.
pub async fn due(
    tx: &mut Tx,
    connection: Uuid,
    control_set: &[u8],
    scope: Scope,
    after: Option<AssetId>,
    most: i64,
) -> Result<Vec<Due>, StoreError> {
    let tenant = tx.tenant();
    let before = match scope {
        Scope::Changed => None,
        Scope::Before(moment) => Some(moment),
    };
    let rows = sqlx::query_as!(
        DueRow,
        r#"SELECT a.id, a.connection_id, a.provider, a.account, a.region, a.native_id, a.kind, a.platform,
                  a.name, a.state, a.facts::text AS "facts!", a.facts_hash, a.first_seen, n.seen_at AS last_seen,
                  c.interval_seconds,
                  s.outcomes::text AS "outcomes?", s.accepted AS "accepted?", s.connection_id AS "counted_connection?",
                  s.platform AS "counted_platform?"
           FROM assets a
           JOIN sightings n ON n.tenant_id = a.tenant_id AND n.asset_id = a.id
           JOIN connections c ON c.tenant_id = a.tenant_id AND c.id = a.connection_id
           LEFT JOIN assessments s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id
           WHERE a.tenant_id = $1 AND a.connection_id = $2 AND a.id > $3
             AND CASE WHEN a.state = 'gone' THEN s.asset_id IS NOT NULL
                      ELSE s.asset_id IS NULL OR s.assessed_at < $5::timestamptz OR s.facts_hash <> a.facts_hash
                           OR s.control_set <> $4 OR s.state <> a.state
                           OR s.connection_id <> a.connection_id END
           ORDER BY a.id LIMIT $6
           FOR NO KEY UPDATE OF a"#,
        tenant.0,
        connection,
        after.map_or(Uuid::nil(), |id| id.0),
        control_set,
        before as Option<DateTime<Utc>>,
        most
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(Due::try_from).collect()
}

struct DueRow {
    id: Uuid,
    connection_id: Uuid,
    provider: String,
    account: String,
    region: String,
    native_id: String,
    kind: String,
    platform: String,
    name: String,
    state: String,
    facts: String,
    facts_hash: Vec<u8>,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    interval_seconds: i64,
    outcomes: Option<String>,
    accepted: Option<Vec<String>>,
    counted_connection: Option<Uuid>,
    counted_platform: Option<String>,
}

impl TryFrom<DueRow> for Due {
    type Error = StoreError;

    fn try_from(row: DueRow) -> Result<Self, StoreError> {
        let key = AssetKey {
            provider: parsed("assets", &row.provider)?,
            account: row.account,
            region: row.region,
            native_id: row.native_id,
        };
        let counted_as = match (row.counted_connection, row.counted_platform) {
            (Some(connection), Some(platform)) => Some((connection, parsed("assessments", &platform)?)),
            _ => None,
        };
        let before = read(row.outcomes.as_deref(), row.accepted.as_deref().unwrap_or_default())?;
        Ok(Self {
            id: AssetId(row.id),
            connection: row.connection_id,
            asset: assemble(key, row.name, &row.platform, &row.kind, &row.facts)?,
            hash: row.facts_hash,
            state: row.state,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            counted_as,
            interval_seconds: row.interval_seconds,
            before,
        })
    }
}

/// One asset's new assessment.
#[derive(Debug)]
pub struct Assessment {
    /// The asset.
    pub id: AssetId,
    /// Digest of the facts it speaks of.
    pub hash: Vec<u8>,
    /// State of the asset it speaks of.
    pub state: String,
    /// Connection it counts under.
    pub connection: Uuid,
    /// Platform it counts under.
    pub platform: Platform,
    /// The score.
    pub score: Score,
    /// All verdicts.
    pub judged: Vec<Judged>,
}

/// Writes assessments.
pub async fn write(
    tx: &mut Tx,
    control_set: &[u8],
    assessments: &[Assessment],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let outcomes = assessments
        .iter()
        .map(|one| super::to_text("assessments", &one.judged))
        .collect::<Result<Vec<_>, _>>()?;
    let codes = |verdict| assessments.iter().map(|one| joined(&one.judged, verdict)).collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO assessments (tenant_id, asset_id, control_set, facts_hash, state, connection_id, platform,
                                  assessed_at, score, known, unknown, worst, failing, not_known, outcomes,
                                  accepted)
         SELECT $1, a.id, $2, a.hash, a.state, a.connection, a.platform, $3, a.score, a.known, a.unknown, a.worst,
                string_to_array(a.failing, ','), string_to_array(a.not_known, ','), a.outcomes::jsonb,
                string_to_array(a.accepted, ',')
         FROM unnest($4::uuid[], $5::bytea[], $6::text[], $7::real[], $8::int[], $9::int[], $10::smallint[],
                     $11::text[], $12::text[], $13::text[], $14::uuid[], $15::text[], $16::text[])
              AS a(id, hash, state, score, known, unknown, worst, failing, not_known, outcomes, connection,
                   platform, accepted)
         ON CONFLICT (tenant_id, asset_id) DO UPDATE SET
            control_set = EXCLUDED.control_set, facts_hash = EXCLUDED.facts_hash, state = EXCLUDED.state,
            connection_id = EXCLUDED.connection_id, platform = EXCLUDED.platform, assessed_at = EXCLUDED.assessed_at, score = EXCLUDED.score, known = EXCLUDED.known,
            unknown = EXCLUDED.unknown, worst = EXCLUDED.worst, failing = EXCLUDED.failing,
            not_known = EXCLUDED.not_known, outcomes = EXCLUDED.outcomes, accepted = EXCLUDED.accepted",
        tenant.0,
        control_set,
        now,
        &assessments.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &assessments.iter().map(|one| one.hash.clone()).collect::<Vec<_>>(),
        &assessments.iter().map(|one| one.state.clone()).collect::<Vec<_>>(),
        &assessments.iter().map(|one| one.score.score.map(narrow)).collect::<Vec<_>>() as &[Option<f32>],
        &assessments.iter().map(|one| count(one.score.known)).collect::<Vec<_>>(),
        &assessments.iter().map(|one| count(one.score.unknown)).collect::<Vec<_>>(),
        &assessments.iter().map(|one| worst(one.score.worst)).collect::<Vec<_>>(),
        &codes(Verdict::Fail),
        &codes(Verdict::Unknown),
        &outcomes,
        &assessments.iter().map(|one| one.connection).collect::<Vec<_>>(),
        &assessments.iter().map(|one| one.platform.code().to_owned()).collect::<Vec<_>>(),
        &codes(Verdict::Accepted)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Forgets what was said of assets that are gone.
pub async fn forget(tx: &mut Tx, ids: &[AssetId]) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!("DELETE FROM assessments WHERE tenant_id = $1 AND asset_id = ANY($2)", tenant.0, &ids)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Codes never hold a comma, so that an array of arrays can travel as an array of texts.
pub(in crate::store) fn joined(judged: &[Judged], verdict: Verdict) -> String {
    let codes: Vec<_> =
        judged.iter().filter(|one| one.verdict == verdict).map(|one| one.control.as_str()).collect();
    codes.join(",")
}

pub(in crate::store) fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A score is shown without decimals; single precision is plenty.
#[expect(clippy::cast_possible_truncation, reason = "0 to 100 fits")]
pub(in crate::store) fn narrow(score: f64) -> f32 {
    score as f32
}

pub(in crate::store) fn worst(severity: Option<Severity>) -> i16 {
    severity.map_or(9, rank)
}

/// Severity as a number, 0 the worst.
pub(in crate::store) fn rank(severity: Severity) -> i16 {
    match severity {
        Severity::Critical => 0,
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
        Severity::Info => 4,
    }
}
