//! Assets as runs see them: upserted in batches, with history on change only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::{storable, storable_json};
use super::{StoreError, Tx};
use crate::model::{Asset, AssetId, AssetKey, Facts, Mark};

/// What we knew of an asset before this run.
#[derive(Debug)]
pub struct Previous {
    /// The asset with its facts.
    pub asset: Asset,
    /// Digest of the facts.
    pub hash: Vec<u8>,
    /// When the asset was first seen.
    pub first_seen: DateTime<Utc>,
}

/// An asset ready to be written.
#[derive(Debug)]
pub struct Seen {
    /// Its id.
    pub id: AssetId,
    /// The asset.
    pub asset: Asset,
    /// Its facts as they are stored, in JSON.
    pub facts: String,
    /// Digest of the facts.
    pub hash: Vec<u8>,
}

/// What we knew of these assets.
pub async fn previous(tx: &mut Tx, ids: &[AssetId]) -> Result<HashMap<AssetId, Previous>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, provider, account, region, native_id, kind, platform, name, facts::text AS "facts!",
                  facts_hash, first_seen
           FROM assets WHERE tenant_id = $1 AND id = ANY($2)"#,
        tenant.0,
        &ids
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let key = AssetKey {
                provider: super::parsed("assets", &row.provider)?,
                account: row.account,
                region: row.region,
                native_id: row.native_id,
            };
            let asset = assemble(key, row.name, &row.platform, &row.kind, &row.facts)?;
            Ok((AssetId(row.id), Previous { asset, hash: row.facts_hash, first_seen: row.first_seen }))
        })
        .collect()
}

/// Digests of the facts of these assets.
pub async fn hashes(tx: &mut Tx, ids: &[AssetId]) -> Result<HashMap<AssetId, Vec<u8>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT id, facts_hash FROM assets WHERE tenant_id = $1 AND id = ANY($2)",
        tenant.0,
        &ids
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (AssetId(row.id), row.facts_hash)).collect())
}

/// An asset from the columns of its row, its facts as JSON.
pub(in crate::store) fn assemble(
    key: AssetKey,
    name: String,
    platform: &str,
    kind: &str,
    facts: &str,
) -> Result<Asset, StoreError> {
    let inconsistent = |fault: serde_json::Error| StoreError::Inconsistent {
        table: "assets",
        problem: format!("{}: {fault}", key.native_id),
    };
    let facts = match super::parsed("assets", kind)? {
        crate::model::Kind::Function => serde_json::from_str(facts).map(Facts::Function),
        crate::model::Kind::Repository => serde_json::from_str(facts).map(Facts::Repository),
        crate::model::Kind::Image => serde_json::from_str(facts).map(Facts::Image),
        other => {
            let problem = format!("no facts of kind {other}");
            return Err(StoreError::Inconsistent { table: "assets", problem });
        }
    }
    .map_err(inconsistent)?;
    Ok(Asset { key, name, platform: super::parsed("assets", platform)?, facts })
}

/// Writes new and changed assets, keeping the facts that changed as a version.
pub async fn write(
    tx: &mut Tx,
    connection: Uuid,
    run: Uuid,
    changed: &[Seen],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = changed.iter().map(|seen| seen.id.0).collect();
    sqlx::query!(
        "INSERT INTO asset_versions (tenant_id, asset_id, seen_at, run_id, facts)
         SELECT tenant_id, id, changed_at, $3, facts FROM assets WHERE tenant_id = $1 AND id = ANY($2)
         ON CONFLICT DO NOTHING",
        tenant.0,
        &ids,
        run
    )
    .execute(tx.on())
    .await?;
    let text = |pick: fn(&Asset) -> &str| {
        changed.iter().map(|seen| storable(pick(&seen.asset)).into_owned()).collect::<Vec<_>>()
    };
    sqlx::query!(
        "INSERT INTO assets (tenant_id, id, connection_id, provider, account, region, native_id, kind, family,
                             platform, name, facts, facts_hash, first_seen, changed_at)
         SELECT $1, a.id, $2, a.provider, a.account, a.region, a.native_id, a.kind, a.family,
                a.platform, a.name, a.facts::jsonb, a.hash, $3, $3
         FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                     $11::text[], $12::text[], $13::text[], $14::bytea[])
              AS a(id, provider, account, region, native_id, kind, family, platform, name, facts, hash)
         ON CONFLICT (tenant_id, id) DO UPDATE SET
            -- Two connections may read the same asset; it stays with the first while that sees it.
            connection_id = CASE WHEN assets.state = 'present' THEN assets.connection_id
                                 ELSE EXCLUDED.connection_id END,
            platform = EXCLUDED.platform, name = EXCLUDED.name,
            facts = EXCLUDED.facts, facts_hash = EXCLUDED.facts_hash, changed_at = EXCLUDED.changed_at,
            state = 'present'",
        tenant.0,
        connection,
        now,
        &ids,
        &text(|asset| asset.key.provider.code()),
        &text(|asset| &asset.key.account),
        &text(|asset| &asset.key.region),
        &text(|asset| &asset.key.native_id),
        &text(|asset| asset.kind().code()),
        &text(|asset| asset.family().code()),
        &text(|asset| asset.platform.code()),
        &text(|asset| &asset.name),
        &changed.iter().map(|seen| storable_json(&seen.facts).into_owned()).collect::<Vec<_>>(),
        &changed.iter().map(|seen| seen.hash.clone()).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// What a run saw of an asset.
#[derive(Debug, Clone, Copy)]
pub enum Sight {
    /// All of it, and it is marked so.
    Read(Option<Mark>),
    /// That it is marked as an earlier run has marked it. It keeps the mark it has: should another run have
    /// written it meanwhile, that run's mark stays with that run's facts.
    Unchanged,
}

/// Notes that a run of a connection saw these assets. Those that had been missing are present again, and that
/// connection's, with their findings: whoever had them lost sight of them, or was removed.
///
pub async fn sight(
    tx: &mut Tx,
    (connection, run): (Uuid, Uuid),
    mut seen: Vec<(AssetId, Sight)>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    // In order, so that two runs that see the same assets never wait for each other.
    seen.sort_unstable_by_key(|(id, _)| *id);
    let ids: Vec<Uuid> = seen.iter().map(|(id, _)| id.0).collect();
    // No mark is empty: an empty one stands for the one that is there.
    let marks: Vec<Option<Vec<u8>>> = seen
        .iter()
        .map(|(_, sight)| match sight {
            Sight::Read(mark) => mark.map(|mark| mark.bytes().to_vec()),
            Sight::Unchanged => Some(Vec::new()),
        })
        .collect();
    sqlx::query!(
        "INSERT INTO sightings (tenant_id, asset_id, run_id, seen_at, mark)
         SELECT $1, seen.id, $2, $3, seen.mark FROM unnest($4::uuid[], $5::bytea[]) AS seen(id, mark)
         ON CONFLICT (tenant_id, asset_id) DO UPDATE
            SET run_id = EXCLUDED.run_id, seen_at = EXCLUDED.seen_at,
                mark = CASE WHEN EXCLUDED.mark = '' THEN sightings.mark ELSE EXCLUDED.mark END",
        tenant.0,
        run,
        now,
        &ids,
        &marks as &[Option<Vec<u8>>]
    )
    .execute(tx.on())
    .await?;
    sqlx::query!(
        "WITH back AS (UPDATE assets SET state = 'present', connection_id = $3
                       WHERE tenant_id = $1 AND id = ANY($2) AND state <> 'present' RETURNING id)
         UPDATE findings f SET connection_id = $3 FROM back
         WHERE f.tenant_id = $1 AND f.asset_id = back.id AND f.connection_id <> $3",
        tenant.0,
        &ids,
        connection
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Marks the assets of a connection that nobody saw since `run` began: `stale` where a gap may have hidden
/// them, `gone` otherwise. Returns how many changed state.
pub async fn close_unseen(tx: &mut Tx, connection: Uuid, run: Uuid, hidden: bool) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let state = if hidden { "stale" } else { "gone" };
    let done = sqlx::query!(
        "UPDATE assets a SET state = $4 FROM sightings s
         WHERE a.tenant_id = $1 AND a.connection_id = $2 AND a.state NOT IN ($4, 'gone')
           AND s.tenant_id = a.tenant_id AND s.asset_id = a.id AND s.run_id <> $3
           AND s.seen_at < (SELECT r.started_at FROM runs r WHERE r.tenant_id = $1 AND r.id = $3)",
        tenant.0,
        connection,
        run,
        state
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}
