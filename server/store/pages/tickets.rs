//! Tickets in a list, and one with its story.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Page, StoreError, Tx, parsed};
use crate::model::{Severity, TicketState};

/// What to narrow to; empty is everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Under way: open or in progress.
    pub under_way: bool,
    /// One state.
    pub state: Option<TicketState>,
    /// One severity.
    pub severity: Option<Severity>,
    /// One control.
    pub control: Option<String>,
    /// One owner.
    pub owner: Option<String>,
    /// One assignee.
    pub assignee: Option<Uuid>,
    /// Due before this moment, and under way.
    pub due_before: Option<DateTime<Utc>>,
    /// Changed since this moment.
    pub changed_since: Option<DateTime<Utc>>,
}

/// Where a page ends and the next begins.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Key {
    /// Number of the last row.
    pub number: i64,
}

/// A ticket.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Its id.
    pub id: Uuid,
    /// Its number within the tenant.
    pub number: i64,
    /// Code of its control.
    pub control: String,
    /// Owner of its assets; empty where nothing names one.
    pub owner: String,
    /// Where it stands.
    pub state: TicketState,
    /// The worst among its findings so far.
    pub severity: Severity,
    /// Its findings.
    pub findings: i64,
    /// Those that are not resolved.
    pub open_findings: i64,
    /// Who works on it.
    pub assignee: Option<Uuid>,
    /// What they are called; none where they have left.
    pub assignee_name: Option<String>,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// When it ended, if it has.
    pub closed_at: Option<DateTime<Utc>>,
}

impl Ticket {
    /// It should be over by now.
    pub fn overdue(&self, now: DateTime<Utc>) -> bool {
        !self.state.closed() && self.due_at.is_some_and(|due| due < now)
    }
}

const COLUMNS: &str =
    "SELECT t.id, t.number, t.control, t.owner, t.state, t.severity, t.findings, t.open_findings,
    t.assignee, p.name AS assignee_name, t.due_at, t.opened_at, t.changed_at, t.closed_at
    FROM tickets t LEFT JOIN people p ON p.id = t.assignee WHERE t.tenant_id = ";

/// The next `size` tickets after `after`, the newest first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<Key>,
    size: i64,
) -> Result<Page<Ticket>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(COLUMNS);
    query.push_bind(tx.tenant().0);
    if filter.under_way || filter.due_before.is_some() {
        query.push(" AND t.state IN ('open', 'in_progress')");
    }
    let words = [
        (" AND t.state = ", filter.state.map(TicketState::code)),
        (" AND t.severity = ", filter.severity.map(Severity::code)),
        (" AND t.control = ", filter.control.as_deref()),
        (" AND t.owner = ", filter.owner.as_deref()),
    ];
    for (condition, word) in words {
        if let Some(word) = word {
            query.push(condition).push_bind(word.to_owned());
        }
    }
    if let Some(person) = filter.assignee {
        query.push(" AND t.assignee = ").push_bind(person);
    }
    for (condition, moment) in
        [(" AND t.due_at < ", filter.due_before), (" AND t.changed_at >= ", filter.changed_since)]
    {
        if let Some(moment) = moment {
            query.push(condition).push_bind(moment);
        }
    }
    if let Some(key) = after {
        query.push(" AND t.number < ").push_bind(key.number);
    }
    query.push(" ORDER BY t.number DESC LIMIT ").push_bind(size + 1);
    let found = query.build().fetch_all(tx.on()).await?;
    Ok(Page::of(found.iter().map(read).collect::<Result<Vec<_>, StoreError>>()?, size))
}

/// The ticket with this id.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Ticket>, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(COLUMNS);
    query.push_bind(tx.tenant().0).push(" AND t.id = ").push_bind(id);
    query.build().fetch_optional(tx.on()).await?.as_ref().map(read).transpose()
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Ticket, StoreError> {
    Ok(Ticket {
        id: row.try_get("id")?,
        number: row.try_get("number")?,
        control: row.try_get("control")?,
        owner: row.try_get("owner")?,
        state: parsed("tickets", row.try_get("state")?)?,
        severity: parsed("tickets", row.try_get("severity")?)?,
        findings: row.try_get("findings")?,
        open_findings: row.try_get("open_findings")?,
        assignee: row.try_get("assignee")?,
        assignee_name: row.try_get("assignee_name")?,
        due_at: row.try_get("due_at")?,
        opened_at: row.try_get("opened_at")?,
        changed_at: row.try_get("changed_at")?,
        closed_at: row.try_get("closed_at")?,
    })
}

/// A line of a ticket's story.
#[derive(Debug, Clone)]
pub struct Note {
    /// Its id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// `opened`, `findings`, `state`, `assigned`, `due`, `comment` or `reference`.
    pub kind: String,
    /// Who, as in the audit log; `rule` or `estate` where nobody did it.
    pub actor: String,
    /// Who, as people read it.
    pub actor_name: String,
    /// What.
    pub words: String,
}

/// The next `size` lines of a ticket's story after `after`, the newest first.
pub async fn notes(
    tx: &mut Tx,
    ticket: Uuid,
    after: Option<Uuid>,
    size: i64,
) -> Result<Page<Note>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Note,
        "SELECT id, at, kind, actor, actor_name, words FROM ticket_notes
         WHERE tenant_id = $1 AND ticket_id = $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        tenant,
        ticket,
        after,
        size + 1
    )
    .fetch_all(tx.on())
    .await?;
    Ok(Page::of(rows, size))
}

/// The next `size` lines of a ticket's story after `after`, the oldest first.
pub async fn notes_since(
    tx: &mut Tx,
    ticket: Uuid,
    after: Option<Uuid>,
    size: i64,
) -> Result<Page<Note>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query_as!(
        Note,
        "SELECT id, at, kind, actor, actor_name, words FROM ticket_notes
         WHERE tenant_id = $1 AND ticket_id = $2 AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4",
        tenant,
        ticket,
        after,
        size + 1
    )
    .fetch_all(tx.on())
    .await?;
    Ok(Page::of(rows, size))
}

/// Where the same work is known elsewhere: address and label, at most a hundred.
pub async fn references(tx: &mut Tx, ticket: Uuid) -> Result<Vec<(String, String)>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT url, label FROM ticket_references WHERE tenant_id = $1 AND ticket_id = $2
         ORDER BY added_at, url LIMIT 100",
        tenant,
        ticket
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| (row.url, row.label)).collect())
}

/// The ticket a finding is in: id and number.
pub async fn of_finding(tx: &mut Tx, finding: Uuid) -> Result<Option<(Uuid, i64)>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        "SELECT t.id, t.number FROM ticket_findings tf JOIN tickets t ON t.tenant_id = tf.tenant_id AND t.id = tf.ticket_id
         WHERE tf.tenant_id = $1 AND tf.finding_id = $2",
        tenant,
        finding
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| (row.id, row.number)))
}
