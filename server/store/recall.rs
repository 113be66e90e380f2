//! What earlier runs found and a later one may take over: only what was read by the same edition of our
//! code, and only where nothing can have changed it since.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::assets::{Previous, assemble};
use super::runs::Claim;
use super::{StoreError, Tx, parsed};
use crate::model::{AssetId, AssetKey, Mark};

/// Larger facts are read anew: what is asked for together stays small, whoever fills it.
const LARGEST: i32 = 256 << 10;

/// How far apart whole readings may be.
const WHOLE_EVERY: TimeDelta = TimeDelta::hours(24);

/// What earlier runs leave to a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Something of this edition was read before: by a run that has ended, or by this one, now taken up again.
    pub known: bool,
    /// When the whole reading began that the run may build on.
    pub since: Option<DateTime<Utc>>,
}

/// Notes by which edition the claimed run reads, and tells what earlier runs leave to it. It may build on one
/// whole reading: the last of its connection, by the same edition, if the next run could not come too late
/// for the next whole one. A run that was begun by another edition, or by nobody knows whom, is nothing that
/// later ones take over; one that somebody asked for, or that is taken up again, reads everything.
pub async fn reads(
    tx: &mut Tx,
    claim: Claim,
    edition: &str,
    now: DateTime<Utc>,
) -> Result<Earlier, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"UPDATE runs r SET
              edition = CASE WHEN r.edition = $4 OR (r.edition IS NULL AND r.attempts = 1) THEN $4 ELSE '' END,
              since = CASE WHEN r.attempts = 1 AND NOT r.asked THEN
                 (SELECT max(w.started_at) FROM runs w
                  JOIN connections c ON c.tenant_id = w.tenant_id AND c.id = w.connection_id
                  WHERE w.tenant_id = $1 AND w.connection_id = $5 AND w.queued_at > $6
                    AND w.started_at > $6::timestamptz + make_interval(secs => c.interval_seconds)
                    AND w.edition = $4 AND w.state = 'done' AND w.since IS NULL) END
           FROM (SELECT edition FROM runs WHERE tenant_id = $1 AND id = $2) before
           WHERE r.tenant_id = $1 AND r.id = $2 AND r.attempts = $3 AND r.state = 'running'
           RETURNING r.since,
              before.edition IS NOT NULL OR EXISTS (
                 SELECT FROM runs e WHERE e.tenant_id = $1 AND e.edition = $4 AND e.finished_at IS NOT NULL
              ) AS "known!""#,
        tenant.0,
        claim.run,
        claim.attempt,
        edition,
        claim.connection,
        now - WHOLE_EVERY
    )
    .fetch_optional(tx.on())
    .await?;
    // Whoever lost the run finds out at the next heartbeat.
    Ok(row.map_or_else(Earlier::default, |row| Earlier { known: row.known, since: row.since }))
}

/// Notes that the claimed run took nothing over: it is a whole reading, whatever it might have built on. Not where
/// somebody has asked for one meanwhile, who may have seen less of it than there is now: another run follows it.
pub async fn was_whole(tx: &mut Tx, claim: Claim) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE runs SET since = NULL WHERE tenant_id = $1 AND id = $2 AND attempts = $3 AND since IS NOT NULL AND NOT asked",
        tenant.0,
        claim.run,
        claim.attempt
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Lets nothing be taken over any more of what this connection has read: it leads elsewhere now, or logs in
/// as somebody else.
pub async fn disown(tx: &mut Tx, connection: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE runs SET edition = '' WHERE tenant_id = $1 AND connection_id = $2 AND edition <> ''",
        tenant.0,
        connection
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Lets the questions of a transaction be answered by keys alone: a plan made while the tables were empty would
/// read them whole for each question, until somebody counts their rows.
pub async fn by_keys(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("SET LOCAL enable_seqscan = off").execute(tx.on()).await?;
    Ok(())
}

/// Those of these assets that a run of this edition saw last, of this connection and begun no earlier than the
/// moment given, and marked just so. Asked after [`by_keys`].
pub async fn unchanged(
    tx: &mut Tx,
    edition: &str,
    marked: &[(AssetId, Mark)],
    (connection, since): (Uuid, DateTime<Utc>),
) -> Result<HashSet<AssetId>, StoreError> {
    let tenant = tx.tenant();
    let (ids, marks): (Vec<Uuid>, Vec<Vec<u8>>) =
        marked.iter().map(|(id, mark)| (id.0, mark.bytes().to_vec())).unzip();
    let rows = sqlx::query_scalar!(
        r#"SELECT s.asset_id FROM unnest($2::uuid[], $3::bytea[]) AS asked(id, mark)
           CROSS JOIN LATERAL (
              SELECT s.asset_id, s.mark, r.edition, r.connection_id, r.started_at FROM sightings s
              JOIN runs r ON r.tenant_id = s.tenant_id AND r.id = s.run_id
              WHERE s.tenant_id = $1 AND s.asset_id = asked.id OFFSET 0) s
           WHERE s.mark = asked.mark AND s.edition = $4 AND s.connection_id = $5
             AND s.started_at >= $6::timestamptz"#,
        tenant.0,
        &ids,
        &marks,
        edition,
        connection,
        since
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(AssetId).collect())
}

/// Something that was found before.
#[derive(Debug)]
pub struct Recalled {
    /// Its id.
    pub id: AssetId,
    /// As it was found.
    pub before: Previous,
    /// Bytes of its facts.
    pub size: usize,
}

/// Those of these assets that a run of this edition saw last, as they were read: of any connection, or of
/// one, in a run that began no earlier than the moment given.
///
/// Asked after [`by_keys`].
pub async fn seen(
    tx: &mut Tx,
    edition: &str,
    ids: &[AssetId],
    lately: Option<(Uuid, DateTime<Utc>)>,
) -> Result<Vec<Recalled>, StoreError> {
    let tenant = tx.tenant();
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let (connection, since) = lately.unzip();
    let rows = sqlx::query!(
        r#"SELECT a.id, a.provider, a.account, a.region, a.native_id, a.kind, a.platform, a.name,
                  told.facts AS "facts!", a.facts_hash, a.first_seen
           FROM assets a
           CROSS JOIN LATERAL (
              SELECT r.edition, r.connection_id, r.started_at FROM sightings s
              JOIN runs r ON r.tenant_id = s.tenant_id AND r.id = s.run_id
              WHERE s.tenant_id = a.tenant_id AND s.asset_id = a.id OFFSET 0) run
           CROSS JOIN LATERAL (SELECT a.facts::text AS facts OFFSET 0) told
           WHERE a.tenant_id = $1 AND a.id = ANY($2) AND run.edition = $3
             AND ($5::uuid IS NULL OR (run.connection_id = $5 AND run.started_at >= $6::timestamptz))
             AND octet_length(told.facts) < $4"#,
        tenant.0,
        &ids,
        edition,
        LARGEST,
        connection,
        since
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let provider = parsed("assets", &row.provider)?;
            let (account, region) = (row.account, row.region);
            let key = AssetKey { provider, account, region, native_id: row.native_id };
            let asset = assemble(key, row.name, &row.platform, &row.kind, &row.facts)?;
            let before = Previous { asset, hash: row.facts_hash, first_seen: row.first_seen };
            Ok(Recalled { id: AssetId(row.id), before, size: row.facts.len() })
        })
        .collect()
}
