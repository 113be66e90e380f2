//! The inventory: assets by name, narrowed by what the address asks for.

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
#[derive(Debug, Clone)]
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

fn narrow(query: &mut QueryBuilder<Postgres>, filter: &Filter) {
    if let Some(text) = &filter.text {
        let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        query.push(" AND a.name ILIKE ").push_bind(format!("%{escaped}%"));
    }
    if let Some(family) = filter.family {
        query.push(" AND a.family = ").push_bind(family.code());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND a.kind = ").push_bind(kind.code());
    }
    if let Some(platform) = filter.platform {
        query.push(" AND a.platform = ").push_bind(platform.code());
    }
    if let Some(provider) = filter.provider {
        query.push(" AND a.provider = ").push_bind(provider.code());
    }
    if let Some(connection) = filter.connection {
        query.push(" AND a.connection_id = ").push_bind(connection);
    }
    match &filter.state {
        Some(state) => query.push(" AND a.state = ").push_bind(state.clone()),
        None => query.push(" AND a.state <> 'gone'"),
    };
    if let Some(code) = &filter.failing {
        query.push(" AND s.failing @> ARRAY[").push_bind(code.clone()).push("]::text[]");
    }
    if let Some(code) = &filter.unknown {
        query.push(" AND s.not_known @> ARRAY[").push_bind(code.clone()).push("]::text[]");
    }
}

/// The next `size` assets after `after`, by name.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<&Key>,
    size: i64,
) -> Result<Page<Listed>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT a.id, a.name, a.kind, a.platform, a.provider, a.account, a.region, a.state, s.score,
                coalesce(s.known, 0) AS known, coalesce(s.unknown, 0) AS unknown, coalesce(s.worst, 9::smallint) AS worst,
                coalesce(cardinality(s.failing), 0) AS failing
         FROM assets a LEFT JOIN assessments s ON s.tenant_id = a.tenant_id AND s.asset_id = a.id
         WHERE a.tenant_id = ",
    );
    query.push_bind(tx.tenant().0);
    narrow(&mut query, filter);
    if let Some(key) = after {
        query.push(" AND (a.name, a.id) > (").push_bind(key.name.clone());
        query.push(", ").push_bind(key.id).push(")");
    }
    query.push(" ORDER BY a.name, a.id LIMIT ").push_bind(size + 1);
    let found = query.build().fetch_all(tx.on()).await?;
    let rows = found.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Page::of(rows, size))
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
