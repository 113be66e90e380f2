//! Tickets that follow the truth: called in the transaction that changes findings.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::gather::{Group, attach, gather, matching, preview};
use super::{Author, Kind, Note, StoreError, Tx, findings, hold, policy, tell};
use crate::model::TicketPolicy;
use crate::store::findings::{Change, State};

/// Brings tickets in line with what became of findings: the last one resolved or accepted ends a
/// ticket, one that comes back opens it again, a new one of the same cause joins it, and rules open
/// new ones.
pub async fn follow(tx: &mut Tx, changes: &[Change], now: DateTime<Utc>) -> Result<(), StoreError> {
    let ids = |wanted: fn(Option<State>, State) -> bool| -> Vec<Uuid> {
        let all = changes.iter().filter(|one| wanted(one.before, one.life.state));
        all.map(|one| one.life.id.0).collect()
    };
    let opened = ids(|before, after| before.is_none() && after.counts());
    let back = ids(|before, after| before.is_some_and(|before| !before.counts()) && after.counts());
    let resolved = ids(|before, after| before.is_some_and(State::counts) && after == State::Resolved);
    let accepted = ids(|before, after| before.is_some_and(State::counts) && after == State::Accepted);
    if [&opened, &back, &resolved, &accepted].iter().all(|all| all.is_empty()) {
        return Ok(());
    }
    hold(tx).await?;
    let policy = policy(tx).await?;
    came_back(tx, &back, &policy, now).await?;
    let fresh = [opened, back].concat();
    join(tx, &fresh, &policy, now).await?;
    for rule in &policy.rules {
        let ids = matching(tx, rule, Some(&fresh), None).await?;
        gather(tx, &ids, &Author::rule(), &policy, now).await?;
    }
    went(tx, &resolved, "all its findings are resolved", now).await?;
    went(tx, &accepted, "what still fails of it is accepted", now).await
}

/// Findings that came back: into the ticket under way for their cause, or else theirs opens again.
async fn came_back(
    tx: &mut Tx,
    ids: &[Uuid],
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    let counted = sqlx::query!(
        r#"UPDATE tickets t SET open_findings = t.open_findings + n.back, changed_at = $3
         FROM (SELECT ticket_id, count(*) AS back FROM ticket_findings
               WHERE tenant_id = $1 AND finding_id = ANY($2) GROUP BY ticket_id) n
         WHERE t.tenant_id = $1 AND t.id = n.ticket_id
         RETURNING t.id, t.number, t.control, t.owner, t.state = 'done' AS "done!", n.back AS "back!",
            EXISTS (SELECT FROM tickets o WHERE o.tenant_id = t.tenant_id AND o.control = t.control AND o.owner = t.owner
                    AND o.state IN ('open', 'in_progress') AND o.id <> t.id) AS "another!""#,
        tenant,
        ids,
        now
    )
    .fetch_all(tx.on())
    .await?;
    // Of several that are done for one cause the newest opens again; the others' findings join it.
    let mut newest = HashMap::new();
    for row in counted.into_iter().filter(|row| row.done && !row.another) {
        let best = newest.entry((row.control, row.owner)).or_insert((row.number, row.id, row.back));
        if row.number > best.0 {
            *best = (row.number, row.id, row.back);
        }
    }
    let again: Vec<(Uuid, i64)> = newest.into_values().map(|(_, id, back)| (id, back)).collect();
    let days = policy.days.by_rank();
    sqlx::query!(
        "UPDATE tickets SET state = 'open', closed_at = NULL,
                due_at = CASE WHEN due_by_hand THEN due_at
                              ELSE $3::timestamptz + make_interval(days => ($4::int[])[severity_rank + 1]) END
         WHERE tenant_id = $1 AND id = ANY($2)",
        tenant,
        &again.iter().map(|one| one.0).collect::<Vec<_>>(),
        now,
        &days as &[Option<i32>]
    )
    .execute(tx.on())
    .await?;
    let note = |(ticket, back): &(Uuid, i64)| Note {
        ticket: *ticket,
        kind: Kind::Reopened,
        words: format!("open again: {} came back", findings(*back)),
    };
    tell(tx, &Author::estate(), &again.iter().map(note).collect::<Vec<_>>(), now).await
}

/// Findings whose cause has a ticket under way come into it.
async fn join(
    tx: &mut Tx,
    ids: &[Uuid],
    policy: &TicketPolicy,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let any = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM tickets WHERE tenant_id = $1 AND state IN ('open', 'in_progress')) AS "any!""#,
        tenant
    )
    .fetch_one(tx.on())
    .await?
    .any;
    if !any || ids.is_empty() {
        return Ok(());
    }
    let groups: Vec<Group> =
        preview(tx, ids).await?.groups.into_iter().filter(|group| group.ticket.is_some()).collect();
    attach(tx, &groups, policy, now).await?;
    let notes: Vec<Note> = groups
        .iter()
        .filter_map(|group| {
            let words = format!("{} came in", findings(i64::try_from(group.findings.len()).ok()?));
            Some(Note { ticket: group.ticket?.0, kind: Kind::Findings, words })
        })
        .collect();
    tell(tx, &Author::estate(), &notes, now).await
}

/// Findings that nobody has to do anything about any more: a ticket with none left is done.
async fn went(tx: &mut Tx, ids: &[Uuid], why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets t SET open_findings = t.open_findings - n.gone, changed_at = $3
         FROM (SELECT ticket_id, count(*) AS gone FROM ticket_findings
               WHERE tenant_id = $1 AND finding_id = ANY($2) GROUP BY ticket_id) n
         WHERE t.tenant_id = $1 AND t.id = n.ticket_id",
        tenant,
        ids,
        now
    )
    .execute(tx.on())
    .await?;
    finish(tx, why, now).await
}

/// Ends tickets under way of which no finding fails any more.
async fn finish(tx: &mut Tx, why: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let over = sqlx::query!(
        "UPDATE tickets SET state = 'done', closed_at = $2, changed_at = $2
         WHERE tenant_id = $1 AND state IN ('open', 'in_progress') AND open_findings = 0 RETURNING id",
        tenant,
        now
    )
    .fetch_all(tx.on())
    .await?;
    let notes: Vec<Note> = over
        .iter()
        .map(|row| Note { ticket: row.id, kind: Kind::Closed, words: format!("done: {why}") })
        .collect();
    tell(tx, &Author::estate(), &notes, now).await
}

/// Counts every ticket's findings afresh, after findings were removed with their connection.
pub async fn recount(tx: &mut Tx, now: DateTime<Utc>) -> Result<(), StoreError> {
    hold(tx).await?;
    let tenant = tx.tenant().0;
    sqlx::query!(
        "UPDATE tickets t SET findings = n.all_of_them, open_findings = n.open
         FROM (SELECT t.id, count(f.id) AS all_of_them, count(f.id) FILTER (WHERE f.state IN ('open', 'stale')) AS open
               FROM tickets t
               LEFT JOIN ticket_findings tf ON tf.tenant_id = t.tenant_id AND tf.ticket_id = t.id
               LEFT JOIN findings f ON f.tenant_id = t.tenant_id AND f.id = tf.finding_id
               WHERE t.tenant_id = $1 GROUP BY t.id) n
         WHERE t.tenant_id = $1 AND t.id = n.id AND (t.findings, t.open_findings) <> (n.all_of_them, n.open)",
        tenant
    )
    .execute(tx.on())
    .await?;
    finish(tx, "what it was about was removed with its connection", now).await
}
