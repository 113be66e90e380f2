//! Findings gathered into tickets: one for each cause and owner, never two under way for the same.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Author, Kind, Note, StoreError, Tx, findings, hold, tell};
use crate::model::{Severity, TicketPolicy, TicketRule};
use crate::score::Priority;
use crate::store::assessments::rank;
use crate::store::tenants;

/// Findings read and gathered together.
const BATCH: i64 = 5_000;

/// Findings that belong into one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their control.
    pub control: String,
    /// Owner of their assets.
    pub owner: String,
    /// The worst of them, 0 critical … 4 info.
    pub rank: i16,
    /// Their ids.
    pub findings: Vec<Uuid>,
    /// The ticket under way for this cause, by id and number; none where one would be opened.
    pub ticket: Option<(Uuid, i64)>,
}

/// What gathering would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// The tickets it would open or add to.
    pub groups: Vec<Group>,
    /// Findings left out: resolved, accepted, in a ticket already, or not there.
    pub left_out: usize,
}

/// What gathering did to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathered {
    /// The ticket.
    pub id: Uuid,
    /// Its number.
    pub number: i64,
    /// It was opened just now.
    pub opened: bool,
    /// Findings that came into it.
    pub added: i64,
}

/// What gathering these findings would do.
pub async fn preview(tx: &mut Tx, ids: &[Uuid]) -> Result<Preview, StoreError> {
    let tenant = tx.tenant().0;
    let keys = owner_keys(tx).await?;
    let rows = sqlx::query!(
        r#"WITH loose AS (
             SELECT f.id, f.control, f.severity_rank, parallax_owner(a.facts, $3, a.account) AS owner
             FROM findings f
             JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id
             LEFT JOIN ticket_findings tf ON tf.tenant_id = f.tenant_id AND tf.finding_id = f.id
             LEFT JOIN tickets t ON t.tenant_id = f.tenant_id AND t.id = tf.ticket_id
             WHERE f.tenant_id = $1 AND f.id = ANY($2) AND f.state IN ('open', 'stale') AND (t.id IS NULL OR t.state = 'done'))
           SELECT g.control, g.owner AS "owner!", g.rank AS "rank!", g.ids AS "ids!", t.id AS "ticket?", t.number AS "number?"
           FROM (SELECT control, owner, min(severity_rank) AS rank, array_agg(id ORDER BY id) AS ids
                 FROM loose GROUP BY control, owner) g
           LEFT JOIN tickets t ON t.tenant_id = $1 AND t.control = g.control AND t.owner = g.owner
                AND t.state IN ('open', 'in_progress')
           ORDER BY g.rank, g.control, g.owner"#,
        tenant,
        ids,
        &keys
    )
    .fetch_all(tx.on())
    .await?;
    let groups: Vec<Group> = rows
        .into_iter()
        .map(|row| Group {
            control: row.control,
            owner: row.owner,
            rank: row.rank,
            findings: row.ids,
            ticket: row.ticket.zip(row.number),
        })
        .collect();
    let gathered: usize = groups.iter().map(|group| group.findings.len()).sum();
    Ok(Preview { left_out: ids.len().saturating_sub(gathered), groups })
}

async fn owner_keys(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let settings = tenants::settings(tx).await?;
    Ok(settings.owner_tags.iter().map(|key| key.to_lowercase()).collect())
}

/// Brings these findings into tickets. Those that are resolved or accepted, or in a ticket that is under way
/// or left as it is, stay where they are.
pub async fn gather(
    tx: &mut Tx,
    ids: &[Uuid],
    author: &Author,
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<Vec<Gathered>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let last = hold(tx).await?;
    let mut groups = preview(tx, ids).await?.groups;
    let opened = open(tx, &mut groups, last, now).await?;
    attach(tx, &groups, policy, now).await?;
    let mut notes = Vec::new();
    let mut done = Vec::new();
    for group in &groups {
        let Some((id, number)) = group.ticket else { continue };
        let (added, is_new) = (count(group), opened.contains(&id));
        let kind = if is_new { Kind::Opened } else { Kind::Findings };
        let words = if is_new {
            format!("opened with {}", findings(added))
        } else {
            format!("{} came in", findings(added))
        };
        notes.push(Note { ticket: id, kind, words });
        done.push(Gathered { id, number, opened: is_new, added });
    }
    tell(tx, author, &notes, now).await?;
    Ok(done)
}

fn count(group: &Group) -> i64 {
    i64::try_from(group.findings.len()).unwrap_or(i64::MAX)
}

/// Opens a ticket for each group that has none, and tells which.
async fn open(
    tx: &mut Tx,
    groups: &mut [Group],
    last: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let mut number = last;
    let mut made = Vec::new();
    for group in groups.iter_mut().filter(|group| group.ticket.is_none()) {
        number += 1;
        let id = Uuid::now_v7();
        group.ticket = Some((id, number));
        made.push((id, number, group.control.clone(), group.owner.clone(), group.rank));
    }
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let severities: Vec<String> = made.iter().map(|one| severity(one.4).code().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO tickets (tenant_id, id, number, control, owner, severity, severity_rank, opened_at, changed_at)
         SELECT $1, n.id, n.number, n.control, n.owner, n.severity, n.rank, $2, $2
         FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::smallint[])
              AS n(id, number, control, owner, severity, rank)",
        tenant,
        now,
        &made.iter().map(|one| one.0).collect::<Vec<_>>(),
        &made.iter().map(|one| one.1).collect::<Vec<_>>(),
        &made.iter().map(|one| one.2.clone()).collect::<Vec<_>>(),
        &made.iter().map(|one| one.3.clone()).collect::<Vec<_>>(),
        &severities,
        &made.iter().map(|one| one.4).collect::<Vec<_>>()
    )
    .execute(tx.on())
    .await?;
    sqlx::query!("UPDATE ticket_policies SET last_number = $2 WHERE tenant_id = $1", tenant, number)
        .execute(tx.on())
        .await?;
    Ok(made.into_iter().map(|one| one.0).collect())
}

/// The severity of a rank.
pub(super) fn severity(rank_of: i16) -> Severity {
    Severity::ALL.iter().copied().find(|one| rank(*one) == rank_of).unwrap_or(Severity::Info)
}

/// Brings each group's findings into its ticket, out of one that was done.
pub(super) async fn attach(
    tx: &mut Tx,
    groups: &[Group],
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let days = policy.days.by_rank();
    let (mut tickets, mut ids) = (Vec::new(), Vec::new());
    for group in groups {
        let Some((ticket, _)) = group.ticket else { continue };
        tickets.extend(std::iter::repeat_n(ticket, group.findings.len()));
        ids.extend_from_slice(&group.findings);
    }
    leave(tx, &ids).await?;
    sqlx::query!(
        "INSERT INTO ticket_findings (tenant_id, finding_id, ticket_id, added_at)
         SELECT $1, n.finding, n.ticket, $2 FROM unnest($3::uuid[], $4::uuid[]) AS n(finding, ticket)
         ON CONFLICT (tenant_id, finding_id) DO UPDATE SET ticket_id = EXCLUDED.ticket_id, added_at = EXCLUDED.added_at",
        tenant,
        now,
        &ids,
        &tickets
    )
    .execute(tx.on())
    .await?;
    let groups: Vec<&Group> = groups.iter().filter(|group| group.ticket.is_some()).collect();
    let due = |group: &&Group| {
        let days = usize::try_from(group.rank).ok().and_then(|rank| days.get(rank).copied().flatten())?;
        Some(now + chrono::TimeDelta::days(i64::from(days)))
    };
    sqlx::query!(
        "UPDATE tickets t SET findings = t.findings + n.added, open_findings = t.open_findings + n.added, changed_at = $2,
                severity = CASE WHEN n.rank < t.severity_rank THEN n.severity ELSE t.severity END,
                severity_rank = least(t.severity_rank, n.rank),
                due_at = CASE WHEN t.due_by_hand THEN t.due_at ELSE least(t.due_at, n.due) END
         FROM unnest($3::uuid[], $4::bigint[], $5::smallint[], $6::text[], $7::timestamptz[])
              AS n(id, added, rank, severity, due)
         WHERE t.tenant_id = $1 AND t.id = n.id",
        tenant,
        now,
        &groups.iter().filter_map(|group| Some(group.ticket?.0)).collect::<Vec<_>>(),
        &groups.iter().map(|group| count(group)).collect::<Vec<_>>(),
        &groups.iter().map(|group| group.rank).collect::<Vec<_>>(),
        &groups.iter().map(|group| severity(group.rank).code().to_owned()).collect::<Vec<_>>(),
        &groups.iter().map(due).collect::<Vec<_>>() as &[Option<DateTime<Utc>>]
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Takes unresolved findings off the count of the ticket they are about to leave.
async fn leave(tx: &mut Tx, ids: &[Uuid]) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets t SET findings = t.findings - n.left_it, open_findings = t.open_findings - n.left_it
         FROM (SELECT ticket_id, count(*) AS left_it FROM ticket_findings
               WHERE tenant_id = $1 AND finding_id = ANY($2) GROUP BY ticket_id) n
         WHERE t.tenant_id = $1 AND t.id = n.ticket_id",
        tenant,
        ids
    )
    .execute(tx.on())
    .await?;
    Ok(())
}

/// Of `among`, or of all, the open findings after `after` that a rule speaks of, by id.
pub(super) async fn matching(
    tx: &mut Tx,
    rule: &TicketRule,
    among: Option<&[Uuid]>,
    after: Option<Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    let tenant = tx.tenant().0;
    let (key, value) = rule.tag.clone().unzip();
    let rows = sqlx::query!(
        "SELECT f.id FROM findings f JOIN assets a ON a.tenant_id = f.tenant_id AND a.id = f.asset_id
         WHERE f.tenant_id = $1 AND f.state = 'open' AND f.severity_rank <= $2
           AND ($3::text IS NULL OR f.area = $3) AND ($4::text IS NULL OR f.family = $4)
           AND (NOT $5 OR f.priority % 100 = ANY($6))
           AND ($7::text IS NULL OR a.facts->'tags' @> jsonb_build_array(jsonb_build_object('key', $7::text, 'value', $8::text)))
           AND ($9::uuid[] IS NULL OR f.id = ANY($9)) AND ($10::uuid IS NULL OR f.id > $10)
           AND NOT EXISTS (SELECT FROM ticket_findings tf WHERE tf.tenant_id = f.tenant_id AND tf.finding_id = f.id)
         ORDER BY f.id LIMIT $11",
        tenant,
        rank(rule.severity),
        rule.area.map(crate::model::Area::code),
        rule.family.map(crate::model::Family::code),
        rule.exposed,
        &Priority::EXPOSED,
        key,
        value,
        among as Option<&[Uuid]>,
        after,
        BATCH
    )
    .fetch_all(tx.on())
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Brings every open finding the tenant's rules speak of into a ticket: for rules that are new.
pub async fn apply(
    tx: &mut Tx,
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<Vec<Gathered>, StoreError> {
    let mut done: HashMap<Uuid, Gathered> = HashMap::new();
    for rule in &policy.rules {
        let mut after = None;
        loop {
            let ids = matching(tx, rule, None, after).await?;
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            for one in gather(tx, &ids, &Author::rule(), policy, now).await? {
                let all = done.entry(one.id).or_insert(Gathered { added: 0, ..one });
                all.added += one.added;
            }
        }
    }
    let mut done: Vec<Gathered> = done.into_values().collect();
    done.sort_by_key(|one| one.number);
    Ok(done)
}
