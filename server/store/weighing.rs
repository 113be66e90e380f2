//! Assessments weighed anew: what the controls said stands as it was said; which of it is accepted,
//! and so the score, may have changed.

use uuid::Uuid;

use super::assessments::{Judged, count, joined, narrow, worst};
use super::{StoreError, Tx, parsed};
use crate::model::{AssetId, Kind, Place, Platform, Tag, Verdict};
use crate::score::Score;

/// An asset with what was said of it.
#[derive(Debug)]
pub struct Weighed {
    /// Its id.
    pub id: AssetId,
    /// Its connection.
    pub connection: Uuid,
    /// Account, subscription or registry.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its kind.
    pub kind: Kind,
    /// What it runs on.
    pub platform: Platform,
    /// Its name.
    pub name: String,
    /// Its tags, as far as they could be read.
    pub tags: Vec<Tag>,
    /// It could not be seen and may only be hidden.
    pub hidden: bool,
    /// What was said of it, without the reasons.
    pub judged: Vec<Judged>,
    /// The connection and platform it counts under.
    pub counted_as: (Uuid, Platform),
}

impl Weighed {
    /// What of it a scope looks at.
    pub fn place(&self) -> Place<'_> {
        Place {
            connection: self.connection,
            account: &self.account,
            region: &self.region,
            kind: self.kind,
            platform: self.platform,
            name: &self.name,
            tags: &self.tags,
        }
    }
}

/// Those of these assets that are judged and not gone; of one connection, or of any. They stay locked
/// until the transaction ends.
pub async fn of_assets(
    tx: &mut Tx,
    ids: &[Uuid],
    connection: Option<Uuid>,
) -> Result<Vec<Weighed>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT a.id, a.connection_id, a.account, a.region, a.kind, a.platform, a.name, a.state,
                  a.facts->'tags' AS tags, s.accepted,
                  -- What is weighed and no more: reading all that was said takes ten times as long.
                  (SELECT string_agg(concat_ws(' ', o->>'control', o->>'verdict', o->>'severity'), ',')
                   FROM jsonb_array_elements(s.outcomes) o) AS said,
                  s.connection_id AS counted_connection, s.platform AS counted_platform
           FROM assets a JOIN assessments s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id
           WHERE a.tenant_id = $1 AND a.id = ANY($2) AND ($3::uuid IS NULL OR a.connection_id = $3) AND a.state <> 'gone'
           ORDER BY a.id FOR NO KEY UPDATE OF a"#,
        tenant,
        ids,
        connection
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Weighed {
                id: AssetId(row.id),
                connection: row.connection_id,
                account: row.account,
                region: row.region,
                kind: parsed("assets", &row.kind)?,
                platform: parsed("assets", &row.platform)?,
                name: row.name,
                // Tags that could not be read are an object that says why.
                tags: row.tags.and_then(|tags| serde_json::from_value(tags).ok()).unwrap_or_default(),
                hidden: row.state == "stale",
                judged: judged(row.said.as_deref().unwrap_or_default(), &row.accepted)?,
                counted_as: (row.counted_connection, parsed("assessments", &row.counted_platform)?),
            })
        })
        .collect()
}

/// `ACC-02 fail critical,…` as verdicts, with those of `accepted` controls as accepted.
fn judged(said: &str, accepted: &[String]) -> Result<Vec<Judged>, StoreError> {
    let one = |text: &str| {
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let control = word().to_owned();
        let verdict: Verdict = parsed("assessments", word())?;
        let accepted = verdict == Verdict::Fail && accepted.contains(&control);
        Ok(Judged {
            control,
            verdict: if accepted { Verdict::Accepted } else { verdict },
            severity: parsed("assessments", word())?,
            reason: String::new(),
            evidence: Vec::new(),
            permission: None,
        })
    };
    said.split(',').filter(|text| !text.is_empty()).map(one).collect()
}

/// Writes what is accepted of these assets, and the scores that follow.
pub async fn write(tx: &mut Tx, weighed: &[(AssetId, Score, Vec<Judged>)]) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let codes = |verdict| weighed.iter().map(|one| joined(&one.2, verdict)).collect::<Vec<_>>();
    sqlx::query!(
        "UPDATE assessments s SET score = w.score, known = w.known, unknown = w.unknown, worst = w.worst,
                failing = string_to_array(w.failing, ','), accepted = string_to_array(w.accepted, ',')
         FROM unnest($2::uuid[], $3::real[], $4::int[], $5::int[], $6::smallint[], $7::text[], $8::text[])
              AS w(id, score, known, unknown, worst, failing, accepted)
         WHERE s.tenant_id = $1 AND s.asset_id = w.id",
        tenant,
        &weighed.iter().map(|one| one.0.0).collect::<Vec<_>>(),
        &weighed.iter().map(|one| one.1.score.map(narrow)).collect::<Vec<_>>() as &[Option<f32>],
        &weighed.iter().map(|one| count(one.1.known)).collect::<Vec<_>>(),
        &weighed.iter().map(|one| count(one.1.unknown)).collect::<Vec<_>>(),
        &weighed.iter().map(|one| worst(one.1.worst)).collect::<Vec<_>>(),
        &codes(Verdict::Fail),
        &codes(Verdict::Accepted)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
