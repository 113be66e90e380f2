//! One asset with its verdicts, findings and history.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{StoreError, Tx, parsed};
use crate::model::{Kind, Platform, Provider};
use crate::store::assessments::{self, Judged};

/// One asset as a page shows it.
#[derive(Debug)]
pub struct Whole {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its connection.
    pub connection: Uuid,
    /// Name of the connection.
    pub connection_name: String,
    /// Who runs it.
    pub provider: Provider,
    /// Account, subscription or registry.
    pub account: String,
    /// Region; empty for registries.
    pub region: String,
    /// Full native id.
    pub native_id: String,
    /// Its kind.
    pub kind: Kind,
    /// What it runs on.
    pub platform: Platform,
    /// `present`, `stale` or `gone`.
    pub state: String,
    /// Its facts as JSON, by name.
    pub facts: Value,
    /// First seen.
    pub first_seen: DateTime<Utc>,
    /// Facts last changed.
    pub changed_at: DateTime<Utc>,
    /// Last seen by a run.
    pub last_seen: Option<DateTime<Utc>>,
    /// The score, where anything is known.
    pub score: Option<f32>,
    /// When the controls last looked; none before the first time.
    pub assessed_at: Option<DateTime<Utc>>,
    /// What they said.
    pub verdicts: Vec<Judged>,
}

/// The asset with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Whole>, StoreError> {
    let tenant = tx.tenant().0;
    let Some(row) = sqlx::query!(
        r#"SELECT a.name, a.connection_id, c.name AS connection_name, a.provider, a.account, a.region, a.native_id,
                  a.kind, a.platform, a.state, a.facts, a.first_seen, a.changed_at, n.seen_at AS "seen_at?",
                  s.score AS "score?", s.assessed_at AS "assessed_at?", s.outcomes::text AS "outcomes?",
                  s.accepted AS "accepted?"
           FROM assets a
           JOIN connections c ON c.tenant_id = a.tenant_id AND c.id = a.connection_id
           LEFT JOIN sightings n ON n.tenant_id = a.tenant_id AND n.asset_id = a.id
           LEFT JOIN assessments s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id
           WHERE a.tenant_id = $1 AND a.id = $2"#,
        tenant,
        id
    )
    .fetch_optional(tx.on())
    .await?
    else {
        return Ok(None);
    };
    let verdicts = assessments::read(row.outcomes.as_deref(), row.accepted.as_deref().unwrap_or_default())?;
    Ok(Some(Whole {
        id,
        name: row.name,
        connection: row.connection_id,
        connection_name: row.connection_name,
        provider: parsed("assets", &row.provider)?,
        account: row.account,
        region: row.region,
        native_id: row.native_id,
        kind: parsed("assets", &row.kind)?,
        platform: parsed("assets", &row.platform)?,
        state: row.state,
        facts: row.facts,
        first_seen: row.first_seen,
        changed_at: row.changed_at,
        last_seen: row.seen_at,
        score: row.score,
        assessed_at: row.assessed_at,
        verdicts,
    }))
}

/// The asset's findings that are not resolved: id by code of the control.
pub async fn findings(tx: &mut Tx, id: Uuid) -> Result<HashMap<String, Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id, control FROM findings WHERE tenant_id = $1 AND asset_id = $2 AND state <> 'resolved'",
        tenant,
        id
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (row.control, row.id)).collect())
}

/// Earlier facts, newest first, and until when they held.
pub async fn versions(tx: &mut Tx, id: Uuid, most: i64) -> Result<Vec<(DateTime<Utc>, Value)>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT seen_at, facts FROM asset_versions WHERE tenant_id = $1 AND asset_id = $2
         ORDER BY seen_at DESC LIMIT $3",
        tenant,
        id,
        most
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (row.seen_at, row.facts)).collect())
}
