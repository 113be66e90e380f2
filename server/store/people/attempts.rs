//! Attempts that are counted, over all servers of the house.

use chrono::{DateTime, TimeDelta, Utc};

use crate::store::{Gate, StoreError};

/// Counts one attempt under `key` and returns how many there were within the window, this one
/// included, and when the window ends.
pub async fn count(
    gate: &mut Gate,
    key: &str,
    window: TimeDelta,
    now: DateTime<Utc>,
) -> Result<(i32, DateTime<Utc>), StoreError> {
    let row = sqlx::query!(
        "INSERT INTO attempts AS a (key, since, count) VALUES ($1, $2, 1)
         ON CONFLICT (key) DO UPDATE SET
            count = CASE WHEN a.since <= $3 THEN 1 ELSE a.count + 1 END,
            since = CASE WHEN a.since <= $3 THEN $2 ELSE a.since END
         RETURNING count, since",
        key,
        now,
        now - window
    )
    .fetch_one(gate.on())
    .await?;
    Ok((row.count, row.since + window))
}

/// Forgets the attempts under `key`: it came right.
pub async fn forget(gate: &mut Gate, key: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM attempts WHERE key = $1", key).execute(gate.on()).await?;
    Ok(())
}
