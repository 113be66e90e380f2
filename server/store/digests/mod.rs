//! Digests: who gets which, when, and what became of each mail.

mod due;

pub use due::{Ended, Mail, SILENCE, ended, fall_due, take};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{StoreError, Tx, to_json};
use crate::queue::Schedule;

/// A digest.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it comes.
    pub schedule: Schedule,
    /// It comes also when there is no news.
    pub heartbeat: bool,
    /// It does not come until somebody says so.
    pub paused: bool,
    /// What happened before was told.
    pub covered_until: DateTime<Utc>,
    /// When it comes next.
    pub next_at: DateTime<Utc>,
}

/// Somebody who gets a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Their id.
    pub id: Uuid,
    /// Where they get it.
    pub email: String,
    /// The member; none for an address of nobody here.
    pub person: Option<Uuid>,
    /// When they left.
    pub left_at: Option<DateTime<Utc>>,
    /// What became of their last mail: state and why.
    pub last: Option<(String, Option<String>)>,
}

fn read_schedule(value: serde_json::Value) -> Result<Schedule, StoreError> {
    serde_json::from_value(value)
        .map_err(|fault| StoreError::Inconsistent { table: "digests", problem: fault.to_string() })
}

/// Every digest, by name, at most 200.
pub async fn list(tx: &mut Tx) -> Result<Vec<Digest>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id, name, schedule, heartbeat, paused, covered_until, next_at FROM digests
         WHERE tenant_id = $1 ORDER BY name LIMIT 200",
        tenant
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Digest {
                id: row.id,
                name: row.name,
                schedule: read_schedule(row.schedule)?,
                heartbeat: row.heartbeat,
                paused: row.paused,
                covered_until: row.covered_until,
                next_at: row.next_at,
            })
        })
        .collect()
}

/// The digest with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Digest>, StoreError> {
    Ok(list(tx).await?.into_iter().find(|one| one.id == id))
}

/// Who gets it, by address, at most 500.
pub async fn recipients(tx: &mut Tx, digest: Uuid) -> Result<Vec<Recipient>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT r.id, r.email, r.person_id, r.left_at, m.state AS "state?", m.fault
           FROM digest_recipients r
           LEFT JOIN LATERAL (SELECT state, fault FROM digest_mails m WHERE m.tenant_id = r.tenant_id
                AND m.digest_id = r.digest_id AND m.recipient_id = r.id ORDER BY m.period DESC LIMIT 1) m ON true
           WHERE r.tenant_id = $1 AND r.digest_id = $2 ORDER BY r.email LIMIT 500"#,
        tenant,
        digest
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Recipient {
            id: row.id,
            email: row.email,
            person: row.person_id,
            left_at: row.left_at,
            last: row.state.map(|state| (state, row.fault)),
        })
        .collect())
}

/// Makes a digest, or changes the one of this name; it tells what happens from now on.
pub async fn save(
    tx: &mut Tx,
    name: &str,
    schedule: &Schedule,
    heartbeat: bool,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let tenant = tx.tenant().0;
    let next_at = schedule.next_after(now).ok_or_else(|| StoreError::Inconsistent {
        table: "digests",
        problem: format!("{} never comes", schedule.words()),
    })?;
    let row = sqlx::query!(
        "INSERT INTO digests (tenant_id, id, name, schedule, heartbeat, covered_until, next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $7, $6, $7)
         ON CONFLICT (tenant_id, name) DO UPDATE SET schedule = EXCLUDED.schedule, heartbeat = EXCLUDED.heartbeat,
            next_at = EXCLUDED.next_at
         RETURNING id",
        tenant,
        Uuid::now_v7(),
        name,
        to_json("digests", schedule)?,
        heartbeat,
        next_at,
        now
    )
    .fetch_one(tx.on())
    .await?;
    Ok(row.id)
}

/// Holds a digest back, or lets it come again at its next moment.
pub async fn pause(tx: &mut Tx, digest: &Digest, paused: bool, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE digests SET paused = $3, next_at = coalesce($4, next_at) WHERE tenant_id = $1 AND id = $2",
        tenant,
        digest.id,
        paused,
        digest.schedule.next_after(now)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Removes a digest.
pub async fn remove(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!("DELETE FROM digests WHERE tenant_id = $1 AND id = $2", tenant, id).execute(tx.on()).await?;
    Ok(())
}

/// Adds somebody, who may have left before; `word` is what their leaving link carries.
pub async fn add_recipient(
    tx: &mut Tx,
    digest: Uuid,
    email: &str,
    person: Option<Uuid>,
    word: &str,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "INSERT INTO digest_recipients (tenant_id, id, digest_id, email, person_id, word) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (tenant_id, digest_id, email) DO UPDATE SET left_at = NULL, person_id = EXCLUDED.person_id",
        tenant,
        Uuid::now_v7(),
        digest,
        email,
        person,
        word
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Takes somebody off the list.
pub async fn remove_recipient(tx: &mut Tx, digest: Uuid, recipient: Uuid) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "DELETE FROM digest_recipients WHERE tenant_id = $1 AND digest_id = $2 AND id = $3",
        tenant,
        digest,
        recipient
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// The word in a recipient's leaving link, with the digest's name.
pub async fn leaving_word(tx: &mut Tx, recipient: Uuid) -> Result<Option<(String, String)>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        "SELECT r.word, d.name FROM digest_recipients r JOIN digests d ON d.tenant_id = r.tenant_id AND d.id = r.digest_id
         WHERE r.tenant_id = $1 AND r.id = $2",
        tenant,
        recipient
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| (row.word, row.name)))
}

/// Notes that somebody left by their link.
pub async fn leave(tx: &mut Tx, recipient: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE digest_recipients SET left_at = coalesce(left_at, $3) WHERE tenant_id = $1 AND id = $2",
        tenant,
        recipient,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
