//! The record of changes: who did what, from where. Only ever added to; it holds no secrets.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{StoreError, Tx, text::storable};

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// `person:<id>`, `token:<id>`, `provider:<id>`, `tracker:<id>` or `system`.
    pub actor: String,
    /// What they are called.
    pub actor_name: String,
    /// From where; empty for the system.
    pub address: String,
    /// `connection.added`, `member.role_changed`, `login.failed` …
    pub action: String,
    /// What it was done to, in words.
    pub subject: String,
    /// What it was.
    pub before: Option<Value>,
    /// What it became.
    pub after: Option<Value>,
}

/// A line of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its id; later ones are greater.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub deed: Deed,
}

/// Which entries are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Actions that begin so; empty is all.
    pub action: String,
    /// Part of the actor's name or of the subject; empty is all.
    pub text: String,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

/// Adds a deed to the record, in the transaction that does it.
pub async fn add(tx: &mut Tx, deed: &Deed, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant();
    sqlx::query!(
        "INSERT INTO audit (tenant_id, id, at, actor, actor_name, address, action, subject, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant.0,
        Uuid::now_v7(),
        now,
        deed.actor,
        &*storable(&deed.actor_name),
        &*storable(&deed.address),
        deed.action,
        &*storable(&deed.subject),
        deed.before,
        deed.after
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// The record from newest to oldest, at most `most` entries, older than `before`.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    before: Option<(DateTime<Utc>, Uuid)>,
    most: i64,
) -> Result<Vec<Entry>, StoreError> {
    let tenant = tx.tenant();
    let (before_at, before_id) = before.unzip();
    let rows = sqlx::query!(
        "SELECT id, at, actor, actor_name, address, action, subject, before, after FROM audit
         WHERE tenant_id = $1 AND starts_with(action, $2)
           AND ($3 = '' OR strpos(lower(actor_name), lower($3)) > 0 OR strpos(lower(subject), lower($3)) > 0)
           AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
           AND ($6::timestamptz IS NULL OR (at, id) < ($6, $7::uuid))
         ORDER BY at DESC, id DESC LIMIT $8",
        tenant.0,
        filter.action,
        filter.text,
        filter.from,
        filter.until,
        before_at,
        before_id,
        most
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Entry {
            id: row.id,
            at: row.at,
            deed: Deed {
                actor: row.actor,
                actor_name: row.actor_name,
                address: row.address,
                action: row.action,
                subject: row.subject,
                before: row.before,
                after: row.after,
            },
        })
        .collect())
}
