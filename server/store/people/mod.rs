//! Who may log in, and where they belong: people, memberships, sessions, links, tokens, attempts.
//!
//! Secrets arrive here hashed or sealed. Rows of people belong to the house, not to a tenant, so
//! these statements run in a [`Gate`](super::Gate), or in a tenant's own transaction where it reads
//! its members.

pub mod attempts;
pub mod flows;
pub mod links;
pub mod members;
pub mod providers;
pub mod sessions;
pub mod tokens;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::storable;
use super::{Gate, StoreError};

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their id.
    pub id: Uuid,
    /// Lower case; the name they log in with.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// argon2id, in PHC form; none where they log in at a provider only.
    pub password_hash: Option<String>,
    /// The sealed secret of their second factor.
    pub totp_secret: Option<Vec<u8>>,
    /// The second factor is asked.
    pub totp_on: bool,
}

/// The person of this address.
pub async fn by_email(gate: &mut Gate, email: &str) -> Result<Option<Person>, StoreError> {
    Ok(sqlx::query_as!(
        Person,
        "SELECT id, email, name, password_hash, totp_secret, totp_on FROM people WHERE email = $1",
        email
    )
    .fetch_optional(gate.on())
    .await?)
}

/// The person of this id.
pub async fn by_id(gate: &mut Gate, id: Uuid) -> Result<Option<Person>, StoreError> {
    Ok(sqlx::query_as!(
        Person,
        "SELECT id, email, name, password_hash, totp_secret, totp_on FROM people WHERE id = $1",
        id
    )
    .fetch_optional(gate.on())
    .await?)
}

/// Makes sure there is a person of this address; one who is there keeps everything.
pub async fn ensure(
    gate: &mut Gate,
    email: &str,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Person, StoreError> {
    sqlx::query!(
        "INSERT INTO people (id, email, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING",
        Uuid::now_v7(),
        email,
        name,
        now
    )
    .execute(gate.on())
    .await?;
    by_email(gate, email).await?.ok_or_else(|| StoreError::Inconsistent {
        table: "people",
        problem: "a person was removed while being added".into(),
    })
}

/// A new person of this address; none where somebody has it already.
pub async fn add(
    gate: &mut Gate,
    email: &str,
    name: &str,
    now: DateTime<Utc>,
) -> Result<Option<Person>, StoreError> {
    Ok(sqlx::query_as!(
        Person,
        "INSERT INTO people (id, email, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING
         RETURNING id, email, name, password_hash, totp_secret, totp_on",
        Uuid::now_v7(),
        email,
        &*storable(name),
        now
    )
    .fetch_optional(gate.on())
    .await?)
}

/// Gives a person a new password; their sessions end.
pub async fn set_password(gate: &mut Gate, person: Uuid, hash: &str) -> Result<(), StoreError> {
    sqlx::query!("UPDATE people SET password_hash = $2 WHERE id = $1", person, hash)
        .execute(gate.on())
        .await?;
    sqlx::query!("DELETE FROM sessions WHERE person_id = $1", person).execute(gate.on()).await?;
    Ok(())
}

/// Takes away all that opened an account up to now: its password, second factor, sessions, and who it
/// is at providers.
pub async fn start_over(gate: &mut Gate, person: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE people SET password_hash = NULL, totp_secret = NULL, totp_on = false WHERE id = $1",
        person
    )
    .execute(gate.on())
    .await?;
    sqlx::query!("DELETE FROM recovery_codes WHERE person_id = $1", person).execute(gate.on()).await?;
    sqlx::query!("DELETE FROM identities WHERE person_id = $1", person).execute(gate.on()).await?;
    sqlx::query!("DELETE FROM sessions WHERE person_id = $1", person).execute(gate.on()).await?;
    Ok(())
}

/// Changes what a person is called.
pub async fn rename(gate: &mut Gate, person: Uuid, name: &str) -> Result<(), StoreError> {
    sqlx::query!("UPDATE people SET name = $2 WHERE id = $1", person, name).execute(gate.on()).await?;
    Ok(())
}

/// Notes that a person came in.
pub async fn logged_in(gate: &mut Gate, person: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!("UPDATE people SET last_login_at = $2 WHERE id = $1", person, now)
        .execute(gate.on())
        .await?;
    Ok(())
}

/// Keeps a second factor's sealed secret, on or still to be confirmed.
pub async fn set_totp(
    gate: &mut Gate,
    person: Uuid,
    sealed: Option<&[u8]>,
    on: bool,
) -> Result<(), StoreError> {
    sqlx::query!("UPDATE people SET totp_secret = $2, totp_on = $3 WHERE id = $1", person, sealed, on)
        .execute(gate.on())
        .await?;
    Ok(())
}

/// Takes the code of this step, once: false where it or a later one was taken before.
pub async fn take_step(gate: &mut Gate, person: Uuid, step: i64) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("UPDATE people SET totp_step = $2 WHERE id = $1 AND totp_step < $2", person, step)
            .execute(gate.on())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces a person's recovery codes by these, hashed.
pub async fn set_recovery(gate: &mut Gate, person: Uuid, hashes: &[Vec<u8>]) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM recovery_codes WHERE person_id = $1", person).execute(gate.on()).await?;
    sqlx::query!(
        "INSERT INTO recovery_codes (person_id, code_hash) SELECT $1, unnest($2::bytea[])",
        person,
        hashes
    )
    .execute(gate.on())
    .await?;
    Ok(())
}

/// Uses up a recovery code: false where it is none, or was used.
pub async fn take_recovery(
    gate: &mut Gate,
    person: Uuid,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE recovery_codes SET used_at = $3 WHERE person_id = $1 AND code_hash = $2 AND used_at IS NULL",
        person,
        hash,
        now
    )
    .execute(gate.on())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes a person has left.
pub async fn recovery_left(gate: &mut Gate, person: Uuid) -> Result<i64, StoreError> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "left!" FROM recovery_codes WHERE person_id = $1 AND used_at IS NULL"#,
        person
    )
    .fetch_one(gate.on())
    .await?;
    Ok(row.left)
}

/// The person known to `issuer` as `subject`.
pub async fn by_identity(gate: &mut Gate, issuer: &str, subject: &str) -> Result<Option<Person>, StoreError> {
    Ok(sqlx::query_as!(
        Person,
        "SELECT p.id, p.email, p.name, p.password_hash, p.totp_secret, p.totp_on
         FROM identities i JOIN people p ON p.id = i.person_id WHERE i.issuer = $1 AND i.subject = $2",
        issuer,
        subject
    )
    .fetch_optional(gate.on())
    .await?)
}

/// Notes who a person is at a provider.
pub async fn add_identity(
    gate: &mut Gate,
    issuer: &str,
    subject: &str,
    person: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO identities (issuer, subject, person_id, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (issuer, subject) DO NOTHING",
        issuer,
        subject,
        person,
        now
    )
    .execute(gate.on())
    .await?;
    Ok(())
}
