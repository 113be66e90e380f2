//! The inventory: assets by name, narrowed by what the address asks for.
//!
//! The ids of a page come out of one index (`assets_by_name`) that holds every column they are
//! narrowed by, so a rare value costs a walk over that index and never over the facts.

use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Page, StoreError, Tx, parsed};
use crate::model::{Family, Kind, Platform, Provider};

/// What to narrow to; empty is everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Part of the name.
    pub text: Option<String>,
    /// One family.
    pub family: Option<Family>,
    /// One kind.
    pub kind: Option<Kind>,
    /// One platform.
    pub platform: Option<Platform>,
    /// One provider.
    pub provider: Option<Provider>,
    /// One region.
    pub region: Option<String>,
    /// Lowest and highest score.
    pub scores: Option<(u8, u8)>,
    /// One connection.
    pub connection: Option<Uuid>,
    /// Assets this control fails on.
    pub failing: Option<String>,
    /// Assets this control cannot be answered for.
    pub unknown: Option<String>,
    /// `present`, `stale` or `gone`; without, all that is not gone.
    pub state: Option<String>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Key {
    /// Name of the last row.
    pub name: String,
    /// Id of the last row.
    pub id: Uuid,
}

/// An asset in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its platform.
    pub platform: Platform,
    /// Who runs it.
    pub provider: Provider,
    /// Account, subscription or registry.
    pub account: String,
    /// Region; empty for registries.
    pub region: String,
    /// `present`, `stale` or `gone`.
    pub state: String,
    /// Score, where anything is known.
    pub score: Option<f32>,
    /// Known verdicts.
    pub known: i32,
    /// Unknown verdicts.
    pub unknown: i32,
    /// Rank of the worst that fails: 0 critical to 4 info, 9 nothing.
    pub worst: i16,
    /// How many controls fail.
    pub failing: i32,
}

fn narrow(query: &mut QueryBuilder<Postgres>, tenant: Uuid, filter: &Filter) {
    let words = [
        (" AND a.family = ", filter.family.map(Family::code)),
        (" AND a.kind = ", filter.kind.map(Kind::code)),
        (" AND a.platform = ", filter.platform.map(Platform::code)),
        (" AND a.provider = ", filter.provider.map(Provider::code)),
        (" AND a.region = ", filter.region.as_deref()),
        (" AND a.state = ", filter.state.as_deref()),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word.to_owned());
        }
    }
    if filter.state.is_none() {
        query.push(" AND a.state <> 'gone'");
    }
    if let Some(text) = &filter.text {
        // In the C collation: twice as fast, and ids and names of assets are ASCII nearly always.
        query.push(" AND strpos(lower(a.name COLLATE \"C\"), lower(").push_bind(text.clone());
        query.push(" COLLATE \"C\")) > 0");
    }
    if let Some(connection) = filter.connection {
        query.push(" AND a.connection_id = ").push_bind(connection);
    }
    narrow_by_verdict(query, tenant, filter);
}

fn narrow_by_verdict(query: &mut QueryBuilder<Postgres>, tenant: Uuid, filter: &Filter) {
    if let Some(code) = &filter.failing {
        query.push(" AND a.id IN (SELECT asset_id FROM findings WHERE tenant_id = ").push_bind(tenant);
        query.push(" AND state = 'open' AND control = ").push_bind(code.clone()).push(")");
    }
    if let Some(code) = &filter.unknown {
        query.push(" AND a.id IN (SELECT asset_id FROM assessments WHERE tenant_id = ").push_bind(tenant);
        query.push(" AND not_known <> '{}' AND ").push_bind(code.clone()).push(" = ANY(not_known))");
    }
    if let Some((least, most)) = filter.scores {
        // Read once as a whole: looking each asset's score up costs ten times as much.
        query.push(
            " AND a.id IN (WITH scored AS MATERIALIZED (SELECT asset_id FROM assessments WHERE tenant_id = ",
        );
        query.push_bind(tenant).push(" AND score >= ").push_bind(f32::from(least));
        query.push(" AND score < ").push_bind(f32::from(most) + 1.0).push(") SELECT asset_id FROM scored)");
    }
}

/// The next `size` assets after `after`, by name.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&Key>,
    size: i64,
) -> Result<Page<Listed>, StoreError> {
    let tenant = tx.tenant().0;
    let mut query = QueryBuilder::new("WITH page AS (SELECT a.id FROM assets a WHERE a.tenant_id = ");
    query.push_bind(tenant);
    narrow(&mut query, tenant, filter);
    if let Some(key) = after {
        query.push(" AND (a.name, a.id) > (").push_bind(key.name.clone());
        query.push(", ").push_bind(key.id).push(")");
    }
    query.push(" ORDER BY a.name, a.id LIMIT ").push_bind(size + 1);
    query.push(
        ") SELECT a.id, a.name, a.kind, a.platform, a.provider, a.account, a.region, a.state, s.score,
                coalesce(s.known, 0) AS known, coalesce(s.unknown, 0) AS unknown, coalesce(s.worst, 9::smallint) AS worst,
                coalesce(cardinality(s.failing), 0) AS failing
         FROM page JOIN assets a ON a.id = page.id AND a.tenant_id = ",
    );
    query.push_bind(tenant);
    query.push(
        " LEFT JOIN assessments s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id ORDER BY a.name, a.id",
    );
    let found = query.build().fetch_all(tx.on()).await?;
    let rows = found.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Page::of(rows, size))
}

/// The regions that have assets: a step from each to the next, whatever the number of assets.
pub async fn regions(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant().0;
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE walk AS (
               (SELECT region FROM assets WHERE tenant_id = $1 ORDER BY region LIMIT 1)
               UNION ALL
               SELECT (SELECT a.region FROM assets a WHERE a.tenant_id = $1 AND a.region > walk.region
                       ORDER BY a.region LIMIT 1)
               FROM walk WHERE walk.region IS NOT NULL
           ) SELECT region AS "region!" FROM walk WHERE region <> '' LIMIT 200"#,
        tenant
    )
    .fetch_all(tx.on())
    .await?)
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Listed, StoreError> {
    Ok(Listed {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        kind: parsed("assets", row.try_get("kind")?)?,
        platform: parsed("assets", row.try_get("platform")?)?,
        provider: parsed("assets", row.try_get("provider")?)?,
        account: row.try_get("account")?,
        region: row.try_get("region")?,
        state: row.try_get("state")?,
        score: row.try_get("score")?,
        known: row.try_get("known")?,
        unknown: row.try_get("unknown")?,
        worst: row.try_get("worst")?,
        failing: row.try_get("failing")?,
    })
}
