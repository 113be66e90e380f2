//! Where a ticket is also known, for people.

use uuid::Uuid;

use super::super::{StoreError, Tx};

/// How a tracker knows a ticket, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The tracker.
    pub tracker: Uuid,
    /// Its name.
    pub name: String,
    /// `wanted`, `there` or `lost`.
    pub state: String,
    /// As its people name it.
    pub key: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// What it said last.
    pub status: Option<String>,
    /// Why the tracker does not take it.
    pub fault: Option<String>,
}

/// How trackers know a ticket.
pub async fn of_ticket(tx: &mut Tx, ticket: Uuid) -> Result<Vec<Known>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Known,
        "SELECT t.id AS tracker, t.name, i.state, i.key, i.url, i.status, i.fault
         FROM tracker_issues i JOIN trackers t ON t.tenant_id = i.tenant_id AND t.id = i.tracker_id
         WHERE i.tenant_id = $1 AND i.ticket_id = $2 ORDER BY t.name LIMIT 100",
        tenant,
        ticket
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows)
}
