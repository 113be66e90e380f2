//! What earlier runs found and a later one may take over: only what was read by the same edition of our
//! code.

use uuid::Uuid;

use super::assets::assemble;
use super::runs::Claim;
use super::{StoreError, Tx, parsed};
use crate::model::{Asset, AssetId, AssetKey};

/// Larger facts are read anew: what is asked for together stays small, whoever fills it.
const LARGEST: i32 = 256 << 10;

/// Notes by which edition the claimed run reads. A run that was begun by another, or by nobody knows
/// whom, is nothing that later ones take over.
pub async fn reads(tx: &mut Tx, claim: Claim, edition: &str) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE runs SET edition = CASE WHEN edition = $4 OR (edition IS NULL AND attempts = 1) THEN $4 ELSE '' END
         WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND state = 'running'",
        tenant.0,
        claim.run,
        claim.attempt,
        edition
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Those of these assets that a run of this edition saw last, as they were read.
pub async fn seen(tx: &mut Tx, edition: &str, ids: &[AssetId]) -> Result<Vec<Asset>, StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "SELECT a.provider, a.account, a.region, a.native_id, a.kind, a.platform, a.name, a.facts
         FROM assets a
         JOIN sightings s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id
         JOIN runs r ON r.tenant_id = s.tenant_id AND r.id = s.run_id
         WHERE a.tenant_id = $1 AND a.id = ANY($2) AND r.edition = $3 AND octet_length(a.facts::text) < $4",
        tenant.0,
        &ids,
        edition,
        LARGEST
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let provider = parsed("assets", &row.provider)?;
            let (account, region) = (row.account, row.region);
            let key = AssetKey { provider, account, region, native_id: row.native_id };
            assemble(key, row.name, &row.platform, &row.kind, row.facts)
        })
        .collect()
}
