//! Whatever is sealed in the database, batch by batch, for sealing it anew. A batch is locked while it
//! is worked on, so nothing that is changed meanwhile is lost.

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

/// The next second factors after `after`.
pub async fn factors(gate: &mut Gate, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
    Ok(sqlx::query_as!(
        Sealed,
        r#"SELECT id, id AS "of!", totp_secret AS "sealed!" FROM people WHERE totp_secret IS NOT NULL AND id > $1
           ORDER BY id LIMIT $2 FOR UPDATE"#,
        after,
        BATCH
    )
    .fetch_all(gate.on())
    .await?)
}

/// Puts second factors back.
pub async fn put_factors(gate: &mut Gate, all: &[Sealed]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE people p SET totp_secret = n.sealed
         FROM unnest($1::uuid[], $2::bytea[]) AS n(id, sealed) WHERE p.id = n.id",
        &all.iter().map(|one| one.id).collect::<Vec<_>>(),
        &all.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()
    )
    .execute(gate.on())
    .await?;
    Ok(())
}

/// The next secrets of providers after `after`.
pub async fn providers(gate: &mut Gate, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
    Ok(sqlx::query_as!(
        Sealed,
        r#"SELECT id, id AS "of!", client_secret AS "sealed!" FROM providers
           WHERE client_secret IS NOT NULL AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE"#,
        after,
        BATCH
    )
    .fetch_all(gate.on())
    .await?)
}

/// Puts secrets of providers back.
pub async fn put_providers(gate: &mut Gate, all: &[Sealed]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE providers p SET client_secret = n.sealed
         FROM unnest($1::uuid[], $2::bytea[]) AS n(id, sealed) WHERE p.id = n.id",
        &all.iter().map(|one| one.id).collect::<Vec<_>>(),
        &all.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()
    )
    .execute(gate.on())
    .await?;
    Ok(())
}

/// The next tokens for logging out at a provider, after the session `after`.
pub async fn tokens(gate: &mut Gate, after: Uuid) -> Result<Vec<Sealed>, StoreError> {
    Ok(sqlx::query_as!(
        Sealed,
        r#"SELECT id, provider_id AS "of!", id_token AS "sealed!" FROM sessions
           WHERE id_token IS NOT NULL AND provider_id IS NOT NULL AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE"#,
        after,
        BATCH
    )
    .fetch_all(gate.on())
    .await?)
}

/// Puts tokens for logging out back.
pub async fn put_tokens(gate: &mut Gate, all: &[Sealed]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE sessions s SET id_token = n.sealed
         FROM unnest($1::uuid[], $2::bytea[]) AS n(id, sealed) WHERE s.id = n.id",
        &all.iter().map(|one| one.id).collect::<Vec<_>>(),
        &all.iter().map(|one| one.sealed.clone()).collect::<Vec<_>>()
    )
    .execute(gate.on())
    .await?;
    Ok(())
}
