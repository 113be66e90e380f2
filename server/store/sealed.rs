//! Whatever is sealed in the database, batch by batch, for sealing it anew. A batch is locked while it
//! is worked on, so nothing that is changed meanwhile is lost.

use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Gate, StoreError, Tx};

/// Rows of one batch.
const BATCH: i64 = 200;

/// One sealed value and whose it is.
#[derive(Debug)]
pub struct Sealed {
    /// The row.
    pub id: Uuid,
    /// What it is bound to: the row itself, or the provider a session was begun at.
    pub of: Uuid,
    /// What it holds.
    pub sealed: Vec<u8>,
}

/// The next secrets of a tenant after `after` that another key than `key` sealed.
pub async fn secrets(tx: &mut Tx, key: &str, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
    let tenant = tx.tenant();
    Ok(sqlx::query_as!(
        Sealed,
        r#"SELECT id, id AS "of!", sealed FROM secrets WHERE tenant_id = $1 AND key_id <> $2 AND id > $3
         ORDER BY id LIMIT $4 FOR UPDATE"#,
        tenant.0,
        key,
        after,
        BATCH
    )
    .fetch_all(tx.on())
    .await?)
}

/// Puts secrets back, sealed with `key`.
pub async fn put_secrets(tx: &mut Tx, key: &str, all: &[Sealed]) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE secrets s SET sealed = n.sealed, key_id = $2
         FROM unnest($3::uuid[], $4::bytea[]) AS n(id, sealed) WHERE s.tenant_id = $1 AND s.id = n.id",
        tenant.0,
        key,
        &all.iter().map(|one| one.id).collect::<Vec<_>>(),
        &all.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// What is sealed for the whole house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Second factors of people.
    Factors,
    /// Secrets of providers.
    Providers,
    /// Tokens for logging out at a provider.
    Tokens,
}

impl Place {
    /// The table, the column of the sealed value, and the one of what it is bound to.
    const fn columns(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Factors => ("people", "totp_secret", "id"),
            Self::Providers => ("providers", "client_secret", "id"),
            Self::Tokens => ("sessions", "id_token", "provider_id"),
        }
    }
}

/// The next values of a place after the row `after`.
pub async fn of_house(gate: &mut Gate, place: Place, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
    let (table, sealed, of) = place.columns();
    let mut query = QueryBuilder::<Postgres>::new(format!(
        "SELECT id, {of} AS bound_to, {sealed} AS sealed FROM {table}
         WHERE {sealed} IS NOT NULL AND {of} IS NOT NULL AND id > "
    ));
    query.push_bind(after).push(" ORDER BY id LIMIT ").push_bind(BATCH).push(" FOR UPDATE");
    let rows = query.build().fetch_all(gate.on()).await?;
    let read = |row: &PgRow| {
        Ok(Sealed { id: row.try_get("id")?, of: row.try_get("bound_to")?, sealed: row.try_get("sealed")? })
    };
    rows.iter().map(read).collect()
}

/// Puts values of a place back.
pub async fn put_house(gate: &mut Gate, place: Place, all: &[Sealed]) -> Result<(), StoreError> {
    let (table, sealed, _) = place.columns();
    let mut query =
        QueryBuilder::<Postgres>::new(format!("UPDATE {table} p SET {sealed} = n.sealed FROM unnest("));
    query.push_bind(all.iter().map(|one| one.id).collect::<Vec<_>>()).push("::uuid[], ");
    query.push_bind(all.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()).push("::bytea[]");
    query.push(") AS n(id, sealed) WHERE p.id = n.id").build().execute(gate.on()).await?;
    Ok(())
}
