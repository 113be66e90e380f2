//! Which person belongs to which tenant, as what.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Role, TenantId};
use crate::store::{Gate, StoreError, Tx, parsed};

/// A tenant somebody belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// What they are in it.
    pub role: Role,
}

/// A member of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub person: Uuid,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// What they are here.
    pub role: Role,
    /// Empty where a person gave the role, else the provider whose groups did.
    pub granted_by: String,
    /// They are asked for a second factor.
    pub totp_on: bool,
    /// They last came in.
    pub last_login: Option<DateTime<Utc>>,
}

/// The tenants somebody belongs to, by name.
pub async fn of_person(gate: &mut Gate, person: Uuid) -> Result<Vec<Membership>, StoreError> {
    let rows = sqlx::query!(
        "SELECT m.tenant_id, t.name, m.role FROM memberships m JOIN tenants t ON t.id = m.tenant_id
         WHERE m.person_id = $1 ORDER BY t.name LIMIT 500",
        person
    )
    .fetch_all(gate.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let role = parsed("memberships", &row.role)?;
            Ok(Membership { tenant: TenantId(row.tenant_id), name: row.name, role })
        })
        .collect()
}

/// The tenant's members, by address.
pub async fn list(tx: &mut Tx) -> Result<Vec<Member>, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT p.id, p.email, p.name, p.totp_on, p.last_login_at, m.role, m.granted_by
         FROM memberships m JOIN people p ON p.id = m.person_id
         WHERE m.tenant_id = $1 ORDER BY p.email LIMIT 5000",
        tenant.0
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Member {
                person: row.id,
                email: row.email,
                name: row.name,
                role: parsed("memberships", &row.role)?,
                granted_by: row.granted_by,
                totp_on: row.totp_on,
                last_login: row.last_login_at,
            })
        })
        .collect()
}

/// What somebody is in the tenant, and who made them so: empty for a person, else a provider. Locked:
/// two log-ins of one person at once meet here.
pub async fn standing(tx: &mut Tx, person: Uuid) -> Result<Option<(Role, String)>, StoreError> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        "SELECT role, granted_by FROM memberships WHERE tenant_id = $1 AND person_id = $2 FOR UPDATE",
        tenant.0,
        person
    )
    .fetch_optional(tx.on())
    .await?;
    row.map(|row| Ok((parsed("memberships", &row.role)?, row.granted_by))).transpose()
}

/// Takes what a provider gave down to `most`, now the most it gives.
pub async fn lower_granted(tx: &mut Tx, granted_by: &str, most: Role) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    let above: Vec<String> =
        Role::ALL.iter().filter(|role| **role < most).map(|role| role.code().to_owned()).collect();
    sqlx::query!(
        "UPDATE memberships SET role = $3 WHERE tenant_id = $1 AND granted_by = $2 AND role = ANY($4)",
        tenant.0,
        granted_by,
        most.code(),
        &above
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Ends every membership a provider gave, and the sessions that look at this tenant with it.
/// Returns how many.
pub async fn remove_granted(tx: &mut Tx, granted_by: &str) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "WITH gone AS (DELETE FROM memberships WHERE tenant_id = $1 AND granted_by = $2 RETURNING person_id),
              ended AS (DELETE FROM sessions s USING gone WHERE s.tenant_id = $1 AND s.person_id = gone.person_id)
         SELECT person_id FROM gone",
        tenant.0,
        granted_by
    )
    .fetch_all(tx.on())
    .await?;
    Ok(done.len() as u64)
}

/// Makes a person a member, or gives a member another role.
pub async fn set(
    tx: &mut Tx,
    person: Uuid,
    role: Role,
    granted_by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO memberships (tenant_id, person_id, role, granted_by, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, person_id) DO UPDATE SET role = EXCLUDED.role, granted_by = EXCLUDED.granted_by",
        tenant.0,
        person,
        role.code(),
        granted_by,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Ends a membership, and the sessions that look at this tenant. False where there was none.
pub async fn remove(tx: &mut Tx, person: Uuid) -> Result<bool, StoreError> {
    let tenant = tx.tenant();
    let done =
        sqlx::query!("DELETE FROM memberships WHERE tenant_id = $1 AND person_id = $2", tenant.0, person)
            .execute(tx.on())
            .await?;
    sqlx::query!("DELETE FROM sessions WHERE tenant_id = $1 AND person_id = $2", tenant.0, person)
        .execute(tx.on())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// How many owners the tenant has whom a person made, with them locked: two owners leaving at once
/// meet here. Those whom a provider made may lose it at their next log-in.
pub async fn owners(tx: &mut Tx) -> Result<usize, StoreError> {
    let tenant = tx.tenant();
    let rows = sqlx::query!(
        "SELECT person_id FROM memberships WHERE tenant_id = $1 AND role = 'owner' AND granted_by = '' FOR UPDATE",
        tenant.0
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.len())
}

/// Whether anybody at all belongs to any tenant.
pub async fn any(gate: &mut Gate) -> Result<bool, StoreError> {
    let row =
        sqlx::query!(r#"SELECT EXISTS (SELECT FROM memberships) AS "any!""#).fetch_one(gate.on()).await?;
    Ok(row.any)
}

/// Makes somebody a member who has just used a link. A member keeps a higher role.
pub async fn join(
    gate: &mut Gate,
    tenant: TenantId,
    person: Uuid,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO memberships (tenant_id, person_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant_id, person_id) DO NOTHING",
        tenant.0,
        person,
        role.code(),
        now
    )
    .execute(gate.on())
    .await?;
    Ok(())
}
