//! Tickets as trackers know them: what is to be told of which, and what was heard of it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::super::text::storable;
use super::super::{StoreError, Tx, parsed};
use super::{Tracker, list};
use crate::model::TicketState;

/// A ticket as a tracker knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The ticket.
    pub ticket: Uuid,
    /// As the tracker's API names it; none as long as it was not made there.
    pub remote_id: Option<String>,
    /// As its people name it.
    pub key: Option<String>,
    /// What it said last, in its own words.
    pub status: Option<String>,
    /// Digest of what we said last.
    pub told: Option<String>,
    /// The state we said or took over last.
    pub told_state: Option<TicketState>,
    /// The story was told up to here.
    pub told_note: Option<Uuid>,
    /// How much happened here.
    pub version: i64,
    /// How often telling it was begun and not ended.
    pub attempts: i32,
    /// When it was made there or last listened to.
    pub checked_at: DateTime<Utc>,
}

struct Row {
    ticket_id: Uuid,
    remote_id: Option<String>,
    key: Option<String>,
    status: Option<String>,
    told: Option<String>,
    told_state: Option<String>,
    told_note: Option<Uuid>,
    version: i64,
    attempts: i32,
    checked_at: DateTime<Utc>,
}

impl TryFrom<Row> for Issue {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            ticket: row.ticket_id,
            remote_id: row.remote_id,
            key: row.key,
            status: row.status,
            told: row.told,
            told_state: row.told_state.as_deref().map(|state| parsed("tracker_issues", state)).transpose()?,
            told_note: row.told_note,
            version: row.version,
            attempts: row.attempts,
            checked_at: row.checked_at,
        })
    }
}

/// Something happened to these tickets: trackers that know them are to be told, and those opened
/// just now go where rules send them.
pub(in crate::store) async fn touched(
    tx: &mut Tx,
    tickets: &[Uuid],
    opened: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tracker_issues SET version = version + 1, next_try_at = least(next_try_at, $3)
         WHERE tenant_id = $1 AND ticket_id = ANY($2) AND state <> 'lost'",
        tenant,
        tickets,
        now
    )
    .execute(tx.on())
    .await?;
    if opened.is_empty() {
        return Ok(());
    }
    for tracker in list(tx).await? {
        let Some(rule) = &tracker.rule else { continue };
        let rows = sqlx::query!(
            "SELECT id, control, owner, severity FROM tickets WHERE tenant_id = $1 AND id = ANY($2)",
            tenant,
            opened
        )
        .fetch_all(tx.on())
        .await?;
        let mut wanted = Vec::new();
        for row in rows {
            if rule.admits(&row.control, &row.owner, parsed("tickets", &row.severity)?) {
                wanted.push(row.id);
            }
        }
        send(tx, tracker.id, &wanted, now).await?;
    }
    Ok(())
}

/// Tickets go to a tracker; one that was lost there goes anew.
pub async fn send(
    tx: &mut Tx,
    tracker: Uuid,
    tickets: &[Uuid],
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "INSERT INTO tracker_issues (tenant_id, tracker_id, ticket_id, next_try_at, checked_at)
         SELECT $1, $2, n.id, $4, $4 FROM unnest($3::uuid[]) AS n(id)
         ON CONFLICT (tenant_id, tracker_id, ticket_id) DO UPDATE SET state = 'wanted', remote_id = NULL, key = NULL,
            url = NULL, status = NULL, told = NULL, told_state = NULL, told_note = NULL, attempts = 0,
            version = tracker_issues.version + 1, next_try_at = EXCLUDED.next_try_at, fault = NULL
            WHERE tracker_issues.state = 'lost'",
        tenant,
        tracker,
        tickets,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected())
}

/// Tickets of which something is to be told to a tracker, the longest waiting first.
pub async fn to_tell(
    tx: &mut Tx,
    tracker: Uuid,
    most: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Issue>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Row,
        "SELECT ticket_id, remote_id, key, status, told, told_state, told_note, version, attempts, checked_at
         FROM tracker_issues
         WHERE tenant_id = $1 AND tracker_id = $2 AND version <> told_version AND state <> 'lost' AND next_try_at <= $3
         ORDER BY next_try_at, ticket_id LIMIT $4",
        tenant,
        tracker,
        now,
        most
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter().map(Issue::try_from).collect()
}

/// The issue a tracker names so.
pub async fn known(tx: &mut Tx, tracker: Uuid, remote_id: &str) -> Result<Option<Issue>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query_as!(
        Row,
        "SELECT ticket_id, remote_id, key, status, told, told_state, told_note, version, attempts, checked_at
         FROM tracker_issues WHERE tenant_id = $1 AND tracker_id = $2 AND remote_id = $3 AND state = 'there'",
        tenant,
        tracker,
        remote_id
    )
    .fetch_optional(tx.on())
    .await?;
    row.map(Issue::try_from).transpose()
}

/// Issues not seen there for the longest time, of tickets that are under way.
pub async fn stale(
    tx: &mut Tx,
    tracker: Uuid,
    before: DateTime<Utc>,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT i.remote_id AS "remote_id!" FROM tracker_issues i
           JOIN tickets t ON t.tenant_id = i.tenant_id AND t.id = i.ticket_id AND t.state IN ('open', 'in_progress')
           WHERE i.tenant_id = $1 AND i.tracker_id = $2 AND i.state = 'there' AND i.remote_id IS NOT NULL
             AND i.checked_at < $3 ORDER BY i.checked_at LIMIT $4"#,
        tenant,
        tracker,
        before,
        most
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.remote_id).collect())
}

/// Notes that telling begins: should it break off, the next one looks first what was done.
pub async fn begin(tx: &mut Tx, tracker: &Tracker, issue: &Issue) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tracker_issues SET attempts = attempts + 1 WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        issue.ticket
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes as what a ticket is known there from now on.
pub async fn adopt(
    tx: &mut Tx,
    tracker: &Tracker,
    ticket: Uuid,
    (remote_id, key, url, status): (&str, &str, &str, &str),
    told_note: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tracker_issues SET state = 'there', remote_id = $4, key = $5, url = $6, status = $7, checked_at = $8,
                told_note = $9
         WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        ticket,
        remote_id,
        key,
        url,
        status,
        now,
        told_note
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes a step that was said or heard: the tracker's word and ours. That its comments were listened
/// to is noted apart.
pub async fn steps(
    tx: &mut Tx,
    tracker: &Tracker,
    ticket: Uuid,
    status: &str,
    state: TicketState,
) -> Result<(), StoreError> {
    let (tenant, status) = (tx.tenant().0, storable(status));
    sqlx::query!(
        "UPDATE tracker_issues SET status = $4, told_state = $5
         WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        ticket,
        status.as_ref(),
        state.code()
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes that an issue was seen there, with all that was said of it.
pub async fn checked(
    tx: &mut Tx,
    tracker: &Tracker,
    ticket: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tracker_issues SET checked_at = $4 WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        ticket,
        now
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes what was told: what it looks like, and up to which note. If that was the whole, everything
/// up to this version was told; if not, the rest is still due.
pub async fn told(
    tx: &mut Tx,
    tracker: &Tracker,
    issue: &Issue,
    digest: &str,
    note: Option<Uuid>,
    whole: bool,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tracker_issues SET told = $4, told_note = coalesce($5, told_note), attempts = 0, fault = NULL,
                told_version = CASE WHEN $7 THEN $6 ELSE told_version END
         WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        issue.ticket,
        digest,
        note,
        issue.version,
        whole
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Puts telling off: the tracker does not take it, or not now.
pub async fn put_off(
    tx: &mut Tx,
    tracker: &Tracker,
    issue: &Issue,
    fault: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (tenant, fault) = (tx.tenant().0, storable(fault));
    // After one minute, two, four, at most a day.
    let minutes = 1_i64 << issue.attempts.clamp(0, 10);
    sqlx::query!(
        "UPDATE tracker_issues SET fault = $4, next_try_at = $5
         WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3",
        tenant,
        tracker.id,
        issue.ticket,
        fault.as_ref(),
        now + TimeDelta::minutes(minutes)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Notes that an issue is not there any more. False where that is known.
pub async fn lost(tx: &mut Tx, tracker: &Tracker, ticket: Uuid) -> Result<bool, StoreError> {
    let tenant = tx.tenant().0;
    let done = sqlx::query!(
        "UPDATE tracker_issues SET state = 'lost', told_version = version
         WHERE tenant_id = $1 AND tracker_id = $2 AND ticket_id = $3 AND state <> 'lost'",
        tenant,
        tracker.id,
        ticket
    )
    .execute(tx.on())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Of these comments of an issue, those that were not heard before; from now on they were.
pub async fn fresh_comments(
    tx: &mut Tx,
    tracker: &Tracker,
    ticket: Uuid,
    ids: &[String],
) -> Result<Vec<String>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "INSERT INTO tracker_comments (tenant_id, tracker_id, ticket_id, remote_id)
         SELECT $1, $2, $3, n.id FROM unnest($4::text[]) AS n(id) ON CONFLICT DO NOTHING RETURNING remote_id",
        tenant,
        tracker.id,
        ticket,
        ids
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.remote_id).collect())
}
