//! Sessions: who is in, since when, from where. The cookie itself is never here, only its hash.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Role, TenantId};
use crate::store::{Gate, StoreError, Tx, parsed};

/// A session to be begun.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the cookie.
    pub secret_hash: Vec<u8>,
    /// Whose it is.
    pub person: Uuid,
    /// The tenant looked at.
    pub tenant: Option<TenantId>,
    /// The second factor is still to come.
    pub waits_for_totp: bool,
    /// What forms must carry.
    pub csrf: String,
    /// The absolute limit.
    pub expires_at: DateTime<Utc>,
    /// From where.
    pub address: String,
    /// With which program.
    pub agent: String,
    /// How they came in.
    pub method: String,
    /// At which provider, where it was one.
    pub provider: Option<Uuid>,
    /// The provider's token, sealed, for logging out there.
    pub id_token: Option<Vec<u8>>,
}

/// A session with what a request needs of its person.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its public id.
    pub id: Uuid,
    /// Whose it is.
    pub person: Uuid,
    /// Their address.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// The tenant looked at, its name, and what they are in it: none where they belong to none.
    pub place: Option<(TenantId, String, Role)>,
    /// The second factor is still to come.
    pub waits_for_totp: bool,
    /// What forms must carry.
    pub csrf: String,
    /// Last used.
    pub seen_at: DateTime<Utc>,
    /// How they came in.
    pub method: String,
    /// They belong to more than one tenant.
    pub may_switch: bool,
    /// At which provider they came in: they see its tenant alone.
    pub provider: Option<Uuid>,
}

/// Begins a session. Returns its public id.
pub async fn begin(gate: &mut Gate, new: &NewSession, now: DateTime<Utc>) -> Result<Uuid, StoreError> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO sessions (secret_hash, id, person_id, tenant_id, stage, csrf, created_at, seen_at, expires_at,
                               address, agent, method, provider_id, id_token)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13)",
        new.secret_hash,
        id,
        new.person,
        new.tenant.map(|tenant| tenant.0),
        if new.waits_for_totp { "totp" } else { "in" },
        new.csrf,
        now,
        new.expires_at,
        new.address,
        new.agent,
        new.method,
        new.provider,
        new.id_token
    )
    .execute(gate.on())
    .await?;
    Ok(id)
}

/// The session of this cookie, unless it has ended or slept since before `asleep`.
pub async fn find(
    gate: &mut Gate,
    secret_hash: &[u8],
    now: DateTime<Utc>,
    asleep: DateTime<Utc>,
) -> Result<Option<Session>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT s.id, s.person_id, p.email, p.name, s.stage, s.csrf, s.seen_at, s.method, s.provider_id,
                  s.tenant_id, t.name AS "tenant_name?", m.role AS "role?",
                  (SELECT count(*) FROM memberships n WHERE n.person_id = s.person_id) AS "tenants!"
           FROM sessions s JOIN people p ON p.id = s.person_id
           LEFT JOIN memberships m ON m.person_id = s.person_id AND m.tenant_id = s.tenant_id
           LEFT JOIN tenants t ON t.id = m.tenant_id
           WHERE s.secret_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3"#,
        secret_hash,
        now,
        asleep
    )
    .fetch_optional(gate.on())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let place = match (row.tenant_id, row.tenant_name, row.role) {
        (Some(tenant), Some(name), Some(role)) => {
            Some((TenantId(tenant), name, parsed("memberships", &role)?))
        }
        _ => None,
    };
    Ok(Some(Session {
        id: row.id,
        person: row.person_id,
        email: row.email,
        name: row.name,
        place,
        waits_for_totp: row.stage == "totp",
        csrf: row.csrf,
        seen_at: row.seen_at,
        method: row.method,
        may_switch: row.tenants > 1,
        provider: row.provider_id,
    }))
}

/// Notes that a session was used.
pub async fn touch(gate: &mut Gate, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2", id, now)
        .execute(gate.on())
        .await?;
    Ok(())
}

/// Lets a session look at another tenant of its person. False where they do not belong there, or
/// came in at a provider: that one speaks for its own tenant alone.
pub async fn switch(gate: &mut Gate, id: Uuid, tenant: TenantId) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE sessions SET tenant_id = $2 WHERE id = $1 AND provider_id IS NULL
         AND EXISTS (SELECT FROM memberships m WHERE m.person_id = sessions.person_id AND m.tenant_id = $2)",
        id,
        tenant.0
    )
    .execute(gate.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A line in the list of somebody's sessions.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its public id.
    pub id: Uuid,
    /// Begun.
    pub created_at: DateTime<Utc>,
    /// Last used.
    pub seen_at: DateTime<Utc>,
    /// From where.
    pub address: String,
    /// With which program.
    pub agent: String,
    /// How they came in.
    pub method: String,
}

/// The sessions of a person that have not ended, newest first: of one provider, or all.
pub async fn of_person(
    gate: &mut Gate,
    person: Uuid,
    provider: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Vec<Line>, StoreError> {
    Ok(sqlx::query_as!(
        Line,
        "SELECT id, created_at, seen_at, address, agent, method FROM sessions
         WHERE person_id = $1 AND expires_at > $2 AND stage = 'in' AND ($3::uuid IS NULL OR provider_id = $3)
         ORDER BY created_at DESC LIMIT 200",
        person,
        now,
        provider
    )
    .fetch_all(gate.on())
    .await?)
}

/// Ends one session of a person. False where it is none of theirs.
pub async fn end(gate: &mut Gate, person: Uuid, id: Uuid) -> Result<bool, StoreError> {
    let done = sqlx::query!("DELETE FROM sessions WHERE person_id = $1 AND id = $2", person, id)
        .execute(gate.on())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// At which provider a session was begun, and that provider's token, sealed.
pub async fn at_provider(gate: &mut Gate, id: Uuid) -> Result<Option<(Uuid, Option<Vec<u8>>)>, StoreError> {
    let row = sqlx::query!("SELECT provider_id, id_token FROM sessions WHERE id = $1", id)
        .fetch_optional(gate.on())
        .await?;
    Ok(row.and_then(|row| Some((row.provider_id?, row.id_token))))
}

/// Ends all sessions of a person but one: of one provider, or all.
pub async fn end_others(
    gate: &mut Gate,
    person: Uuid,
    provider: Option<Uuid>,
    keep: Uuid,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE person_id = $1 AND id <> $2 AND ($3::uuid IS NULL OR provider_id = $3)",
        person,
        keep,
        provider
    )
    .execute(gate.on())
    .await?;
    Ok(done.rows_affected())
}

/// Ends every session of a member that looks at this tenant.
pub async fn end_here(tx: &mut Tx, person: Uuid) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!("DELETE FROM sessions WHERE tenant_id = $1 AND person_id = $2", tenant.0, person)
        .execute(tx.on())
        .await?;
    Ok(done.rows_affected())
}

/// Ends the sessions a member began at a provider, here.
pub async fn end_at_providers(tx: &mut Tx, person: Uuid) -> Result<u64, StoreError> {
    let tenant = tx.tenant();
    let done = sqlx::query!(
        "DELETE FROM sessions WHERE tenant_id = $1 AND person_id = $2 AND provider_id IS NOT NULL",
        tenant.0,
        person
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}

/// Forgets what has ended: sessions, links, flows, old attempts.
pub async fn sweep(gate: &mut Gate, now: DateTime<Utc>, asleep: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM sessions WHERE expires_at < $1 OR seen_at < $2", now, asleep)
        .execute(gate.on())
        .await?;
    sqlx::query!("DELETE FROM links WHERE expires_at < $1", now).execute(gate.on()).await?;
    sqlx::query!("DELETE FROM login_flows WHERE expires_at < $1", now).execute(gate.on()).await?;
    sqlx::query!("DELETE FROM attempts WHERE since < $1::timestamptz - interval '1 day'", now)
        .execute(gate.on())
        .await?;
    Ok(())
}
