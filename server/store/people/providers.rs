//! Providers people log in with: a tenant's own, and how a log-in finds one.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::model::{Grants, Role, TenantId};
use crate::store::{Gate, StoreError, Tx, parsed, to_json};

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its id.
    pub id: Uuid,
    /// Whose people it knows.
    pub tenant: TenantId,
    /// What its button says.
    pub name: String,
    /// Its address, by which its tokens name it.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// By what it knows us, sealed; none for a public client.
    pub client_secret: Option<Vec<u8>>,
    /// Addresses of mail it may speak for, by their domain.
    pub domains: Vec<String>,
    /// Which claim names somebody's groups.
    pub groups_claim: String,
    /// Which roles it gives.
    pub grants: Grants,
}

/// A provider as the log-in page offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub tenant: TenantId,
    /// What its button says.
    pub name: String,
}

/// A row as it lies in the table.
struct Row {
    tenant_id: Uuid,
    id: Uuid,
    name: String,
    issuer: String,
    client_id: String,
    client_secret: Option<Vec<u8>>,
    domains: Vec<String>,
    groups_claim: String,
    roles: Value,
    default_role: Option<String>,
}

impl Row {
    fn read(self) -> Result<Provider, StoreError> {
        let by_group = serde_json::from_value(self.roles)
            .map_err(|fault| StoreError::Inconsistent { table: "providers", problem: fault.to_string() })?;
        let otherwise = self.default_role.map(|role| parsed("providers", &role)).transpose()?;
        Ok(Provider {
            id: self.id,
            tenant: TenantId(self.tenant_id),
            name: self.name,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: self.client_secret,
            domains: self.domains,
            groups_claim: self.groups_claim,
            grants: Grants { by_group, otherwise },
        })
    }
}

/// The tenant's providers, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Provider>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query_as!(
        Row,
        "SELECT tenant_id, id, name, issuer, client_id, client_secret, domains, groups_claim, roles, default_role
         FROM providers WHERE tenant_id = $1 ORDER BY name LIMIT 200",
        tenant.0
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(Row::read).collect()
}

/// One of the tenant's.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Provider>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query_as!(
        Row,
        "SELECT tenant_id, id, name, issuer, client_id, client_secret, domains, groups_claim, roles, default_role
         FROM providers WHERE tenant_id = $1 AND id = $2",
        tenant.0,
        id
    )
    .fetch_optional(tx.on())
    .await?;
    row.map(Row::read).transpose()
}

/// Adds a provider. False where its id or its name is taken.
pub async fn add(tx: &mut Tx, one: &Provider, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "INSERT INTO providers (tenant_id, id, name, issuer, client_id, client_secret, domains, groups_claim,
                                roles, default_role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
        tenant.0,
        one.id,
        one.name,
        one.issuer,
        one.client_id,
        one.client_secret,
        &one.domains,
        one.groups_claim,
        to_json("providers", &one.grants.by_group)?,
        one.grants.otherwise.map(Role::code),
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes all of a provider but its secret. False where another has this name.
pub async fn change(tx: &mut Tx, one: &Provider) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "UPDATE providers SET name = $3, issuer = $4, client_id = $5, domains = $6, groups_claim = $7, roles = $8,
                default_role = $9
         WHERE tenant_id = $1 AND id = $2
           AND NOT EXISTS (SELECT FROM providers o WHERE o.tenant_id = $1 AND o.name = $3 AND o.id <> $2)",
        tenant.0,
        one.id,
        one.name,
        one.issuer,
        one.client_id,
        &one.domains,
        one.groups_claim,
        to_json("providers", &one.grants.by_group)?,
        one.grants.otherwise.map(Role::code)
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a provider another secret, sealed; none makes us a public client there.
pub async fn set_secret(tx: &mut Tx, id: Uuid, sealed: Option<&[u8]>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "UPDATE providers SET client_secret = $3 WHERE tenant_id = $1 AND id = $2",
        tenant.0,
        id,
        sealed
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Removes a provider; sessions begun there end with it.
pub async fn remove(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!("DELETE FROM providers WHERE tenant_id = $1 AND id = $2", tenant.0, id)
        .execute(tx.on())
        .await?;
    Ok(())
}

/// Ends the sessions begun at a provider.
pub async fn end_sessions(tx: &mut Tx, id: Uuid) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!("DELETE FROM sessions WHERE tenant_id = $1 AND provider_id = $2", tenant.0, id)
        .execute(tx.on())
        .await?;
    Ok(done.rows_affected())
}

/// The providers of the whole house, at most `most`.
pub async fn offered(gate: &mut Gate, most: i64) -> Result<Vec<Offered>, StoreError> {
    let rows = sqlx::query!("SELECT id, tenant_id, name FROM providers ORDER BY name, id LIMIT $1", most)
        .fetch_all(gate.on())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Offered { id: row.id, tenant: TenantId(row.tenant_id), name: row.name })
        .collect())
}

/// The provider a log-in is to begin at, or comes back from.
pub async fn for_login(gate: &mut Gate, id: Uuid) -> Result<Option<Provider>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT tenant_id, id, name, issuer, client_id, client_secret, domains, groups_claim, roles, default_role
         FROM providers WHERE id = $1",
        id
    )
    .fetch_optional(gate.on())
    .await?;
    row.map(Row::read).transpose()
}

/// The providers that speak for this domain; there should be one at most.
pub async fn of_domain(gate: &mut Gate, domain: &str) -> Result<Vec<Uuid>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id FROM providers WHERE domains @> ARRAY[$1]::text[] ORDER BY id LIMIT 2",
        domain
    )
    .fetch_all(gate.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Which of these domains another provider speaks for.
pub async fn taken(gate: &mut Gate, domains: &[String], except: Uuid) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT DISTINCT d.domain AS "domain!" FROM providers p, unnest(p.domains) AS d(domain)
           WHERE d.domain = ANY($1) AND p.id <> $2 ORDER BY 1"#,
        domains,
        except
    )
    .fetch_all(gate.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.domain).collect())
}

/// A provider of a tenant, for somebody who came in at `like`: one of the same issuer if there is one.
pub async fn of_tenant(
    gate: &mut Gate,
    tenant: TenantId,
    like: Uuid,
) -> Result<Option<Provider>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT tenant_id, id, name, issuer, client_id, client_secret, domains, groups_claim, roles, default_role
         FROM providers p WHERE tenant_id = $1
         ORDER BY issuer = (SELECT l.issuer FROM providers l WHERE l.id = $2) DESC, created_at, id LIMIT 1",
        tenant.0,
        like
    )
    .fetch_optional(gate.on())
    .await?;
    row.map(Row::read).transpose()
}
