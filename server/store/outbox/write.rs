//! Messages written in the transaction of the change they tell of: one row for each webhook that
//! wants it, event and subject, never one for each of a million findings.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{StoreError, Tx, parsed};
use crate::model::{AssetTold, FindingTold, RunTold, TicketTold, WebhookEvent, WebhookFilter};
use crate::store::assessments::rank;
use crate::store::findings::{Change, Event};
use crate::store::to_json;
use crate::store::webhooks::{Wanting, wanting};

/// Things one transaction writes into a message; the rest is counted. A message that gathers over
/// several transactions stops taking things in once it has so many.
const MOST_TOLD: usize = 50;
/// Tickets of one transaction that are told one by one; more are told together.
const ONE_BY_ONE: usize = 20;

/// A message to be written.
#[derive(Debug)]
struct New {
    webhook: Uuid,
    event: WebhookEvent,
    subject: String,
    connection: Option<Uuid>,
    items: Vec<Value>,
    by_severity: [i64; 5],
    count: i64,
}

const fn told_as(event: Event) -> WebhookEvent {
    match event {
        Event::Opened => WebhookEvent::FindingOpened,
        Event::Reopened => WebhookEvent::FindingReopened,
        Event::Resolved => WebhookEvent::FindingResolved,
        Event::Stale => WebhookEvent::FindingStale,
        Event::SeenAgain => WebhookEvent::FindingSeenAgain,
        Event::Accepted => WebhookEvent::FindingAccepted,
        Event::Returned => WebhookEvent::FindingReturned,
    }
}

fn admits(filter: &WebhookFilter, change: &Change) -> bool {
    filter.admits(change.control, change.life.severity)
        && filter.family.is_none_or(|family| change.kind.family() == family)
        && filter.connection.is_none_or(|connection| change.connection == connection)
}

/// Tells of findings, those who want to know.
pub(in crate::store) async fn findings(
    tx: &mut Tx,
    changes: &[Change],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut events: Vec<WebhookEvent> = changes.iter().filter_map(|one| one.event.map(told_as)).collect();
    events.sort_unstable();
    events.dedup();
    if events.is_empty() {
        return Ok(());
    }
    let all = wanting(tx, &events).await?;
    let mut groups: BTreeMap<(Uuid, WebhookEvent, Uuid), Vec<&Change>> = BTreeMap::new();
    for one in &all {
        for change in changes.iter().filter(|change| admits(&one.filter, change)) {
            let Some(event) = change.event.map(told_as).filter(|event| one.events.contains(event)) else {
                continue;
            };
            groups.entry((one.webhook, event, change.connection)).or_default().push(change);
        }
    }
    for group in groups.values_mut() {
        group.sort_by_key(|one| (std::cmp::Reverse(one.life.priority.0), one.life.id.0));
    }
    let assets = named(tx, groups.values().flat_map(|group| group.iter().take(MOST_TOLD))).await?;
    let mut messages = Vec::new();
    for ((webhook, event, connection), group) in groups {
        let items = group.iter().take(MOST_TOLD).filter_map(|one| told(one, &assets).transpose());
        messages.push(New {
            webhook,
            event,
            subject: format!("connection:{connection}"),
            connection: Some(connection),
            items: items.collect::<Result<_, _>>()?,
            by_severity: counted(group.iter().map(|one| rank(one.life.severity))),
            count: i64::try_from(group.len()).unwrap_or(i64::MAX),
        });
    }
    write(tx, &messages, now).await
}

fn told(change: &Change, assets: &HashMap<Uuid, AssetTold>) -> Result<Option<Value>, StoreError> {
    let Some(asset) = assets.get(&change.life.asset.0) else { return Ok(None) };
    let finding = FindingTold {
        id: change.life.id.0,
        control: change.control.to_owned(),
        severity: change.life.severity,
        reason: change.life.reason.clone(),
        asset: asset.clone(),
        connection: change.connection,
    };
    to_json("outbox", &finding).map(Some)
}

fn counted(ranks: impl Iterator<Item = i16>) -> [i64; 5] {
    let mut by_severity = [0; 5];
    for rank in ranks {
        if let Some(count) = usize::try_from(rank).ok().and_then(|rank| by_severity.get_mut(rank)) {
            *count += 1;
        }
    }
    by_severity
}

async fn named<'a>(
    tx: &mut Tx,
    changes: impl Iterator<Item = &'a &'a Change>,
) -> Result<HashMap<Uuid, AssetTold>, StoreError> {
    let mut ids: Vec<Uuid> = changes.map(|one| one.life.asset.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT id, name, kind, account, region FROM assets WHERE tenant_id = $1 AND id = ANY($2)",
        tenant,
        &ids
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = parsed("assets", &row.kind)?;
            let asset =
                AssetTold { id: row.id, name: row.name, kind, account: row.account, region: row.region };
            Ok((row.id, asset))
        })
        .collect()
}

/// What became of a ticket.
#[derive(Debug, Clone)]
pub(in crate::store) struct Became<'a> {
    pub(in crate::store) ticket: Uuid,
    pub(in crate::store) event: WebhookEvent,
    pub(in crate::store) by: &'a str,
    pub(in crate::store) words: &'a str,
}

/// Tells of tickets, those who want to know.
pub(in crate::store) async fn tickets(
    tx: &mut Tx,
    became: &[Became<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut events: Vec<WebhookEvent> = became.iter().map(|one| one.event).collect();
    events.sort_unstable();
    events.dedup();
    let all = wanting(tx, &events).await?;
    if all.is_empty() {
        return Ok(());
    }
    let tickets = of_tickets(tx, became).await?;
    let mut messages = Vec::new();
    for one in &all {
        let within = within(tx, one, became).await?;
        let mut groups: BTreeMap<WebhookEvent, Vec<TicketTold>> = BTreeMap::new();
        for change in became.iter().filter(|change| one.events.contains(&change.event)) {
            let Some(ticket) = tickets.get(&change.ticket) else { continue };
            let wanted = one.filter.admits(&ticket.control, ticket.severity)
                && within.as_ref().is_none_or(|ids| ids.contains(&change.ticket));
            if wanted {
                let told = TicketTold { by: change.by.into(), words: change.words.into(), ..ticket.clone() };
                groups.entry(change.event).or_default().push(told);
            }
        }
        for (event, group) in groups {
            messages.extend(of_group(one.webhook, event, &group)?);
        }
    }
    write(tx, &messages, now).await
}

/// A message for each ticket; one for all of them where they are many.
fn of_group(webhook: Uuid, event: WebhookEvent, group: &[TicketTold]) -> Result<Vec<New>, StoreError> {
    let mut parts: BTreeMap<String, Vec<&TicketTold>> = BTreeMap::new();
    for one in group {
        let subject = if group.len() > ONE_BY_ONE { "tickets".into() } else { format!("ticket:{}", one.id) };
        parts.entry(subject).or_default().push(one);
    }
    parts
        .into_iter()
        .map(|(subject, mut tickets)| {
            tickets.sort_by_key(|one| one.severity);
            let items = tickets.iter().take(MOST_TOLD).map(|one| to_json("outbox", one));
            Ok(New {
                webhook,
                event,
                subject,
                connection: None,
                items: items.collect::<Result<_, _>>()?,
                by_severity: counted(tickets.iter().map(|one| rank(one.severity))),
                count: i64::try_from(tickets.len()).unwrap_or(i64::MAX),
            })
        })
        .collect()
}

async fn of_tickets(tx: &mut Tx, became: &[Became<'_>]) -> Result<HashMap<Uuid, TicketTold>, StoreError> {
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        r#"SELECT t.id, t.number, t.control, t.owner, t.state, t.severity, t.findings, t.open_findings, t.due_at,
                p.name AS "assignee?"
         FROM tickets t LEFT JOIN people p ON p.id = t.assignee WHERE t.tenant_id = $1 AND t.id = ANY($2)"#,
        tenant,
        &became.iter().map(|one| one.ticket).collect::<Vec<_>>()
    )
    .fetch_all(tx.on())
    .await?;
    rows.into_iter()
        .map(|row| {
            let told = TicketTold {
                id: row.id,
                number: row.number,
                control: row.control,
                owner: row.owner,
                state: parsed("tickets", &row.state)?,
                severity: parsed("tickets", &row.severity)?,
                findings: row.findings,
                open_findings: row.open_findings,
                assignee: row.assignee,
                due_at: row.due_at,
                by: String::new(),
                words: String::new(),
            };
            Ok((row.id, told))
        })
        .collect()
}

/// Of these tickets, those with a finding of the family and connection a webhook is narrowed to;
/// none where it is narrowed to neither.
async fn within(tx: &mut Tx, one: &Wanting, became: &[Became<'_>]) -> Result<Option<Vec<Uuid>>, StoreError> {
    if one.filter.family.is_none() && one.filter.connection.is_none() {
        return Ok(None);
    }
    let tenant = tx.tenant().0;
    let rows = sqlx::query!(
        "SELECT t.id FROM tickets t WHERE t.tenant_id = $1 AND t.id = ANY($2) AND EXISTS (
            SELECT FROM ticket_findings tf JOIN findings f ON f.tenant_id = tf.tenant_id AND f.id = tf.finding_id
            WHERE tf.tenant_id = $1 AND tf.ticket_id = t.id AND ($3::text IS NULL OR f.family = $3)
              AND ($4::uuid IS NULL OR f.connection_id = $4))",
        tenant,
        &became.iter().map(|change| change.ticket).collect::<Vec<_>>(),
        one.filter.family.map(crate::model::Family::code),
        one.filter.connection
    )
    .fetch_all(tx.on())
    .await?;
    Ok(Some(rows.into_iter().map(|row| row.id).collect()))
}

/// Tells of a run that ended and did not read everything.
pub(in crate::store) async fn run(tx: &mut Tx, run: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let all = wanting(tx, &[WebhookEvent::RunGaps, WebhookEvent::RunFailed]).await?;
    if all.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        "SELECT r.connection_id, c.name, r.state, r.assets_seen, r.gap_count, r.fault
         FROM runs r JOIN connections c ON c.tenant_id = r.tenant_id AND c.id = r.connection_id
         WHERE r.tenant_id = $1 AND r.id = $2",
        tenant,
        run
    )
    .fetch_optional(tx.on())
    .await?;
    let Some(row) = row else { return Ok(()) };
    let event = match row.state.as_str() {
        "done" if row.gap_count > 0 => WebhookEvent::RunGaps,
        "failed" | "interrupted" => WebhookEvent::RunFailed,
        _ => return Ok(()),
    };
    let told = RunTold {
        id: run,
        connection: row.connection_id,
        connection_name: row.name,
        state: row.state,
        assets: row.assets_seen,
        gaps: row.gap_count,
        fault: row.fault,
    };
    let item = to_json("outbox", &told)?;
    let wanted = all.iter().filter(|one| {
        one.events.contains(&event) && one.filter.connection.is_none_or(|wanted| wanted == row.connection_id)
    });
    let messages: Vec<New> = wanted
        .map(|one| New {
            webhook: one.webhook,
            event,
            subject: format!("connection:{}", row.connection_id),
            connection: None,
            items: vec![item.clone()],
            by_severity: [0; 5],
            count: 1,
        })
        .collect();
    write(tx, &messages, now).await
}

/// A message that tells of nothing, to one webhook.
pub async fn test(tx: &mut Tx, webhook: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let message = New {
        webhook,
        event: WebhookEvent::Test,
        subject: "test".into(),
        connection: None,
        items: Vec::new(),
        by_severity: [0; 5],
        count: 1,
    };
    write(tx, &[message], now).await
}

/// Writes messages; one that gathers takes in what happened at the same moment. Behind a message
/// about the same subject that is to be tried again, the new one waits with it.
async fn write(tx: &mut Tx, messages: &[New], now: DateTime<Utc>) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant().0;
    let severity = |rank: usize| messages.iter().map(|one| one.by_severity[rank]).collect::<Vec<_>>();
    sqlx::query!(
        "INSERT INTO outbox (tenant_id, id, webhook_id, event, subject, at, connection_id, items, critical, high,
                             medium, low, info, count, next_try_at)
         SELECT $1, n.id, n.webhook, n.event, n.subject, $2, n.connection, n.items, n.critical, n.high, n.medium,
                n.low, n.info, n.count,
                greatest($2, (SELECT max(o.next_try_at) FROM outbox o WHERE o.tenant_id = $1
                              AND o.webhook_id = n.webhook AND o.subject = n.subject AND o.state = 'waiting'))
         FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::jsonb[], $9::bigint[],
                     $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])
              AS n(id, webhook, event, subject, connection, items, critical, high, medium, low, info, count)
         ON CONFLICT (tenant_id, webhook_id, subject, event, at) WHERE gathering DO UPDATE SET
            items = CASE WHEN jsonb_array_length(outbox.items) < $15 THEN outbox.items || EXCLUDED.items
                         ELSE outbox.items END,
            critical = outbox.critical + EXCLUDED.critical, high = outbox.high + EXCLUDED.high,
            medium = outbox.medium + EXCLUDED.medium, low = outbox.low + EXCLUDED.low,
            info = outbox.info + EXCLUDED.info, count = outbox.count + EXCLUDED.count",
        tenant,
        now,
        &messages.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
        &messages.iter().map(|one| one.webhook).collect::<Vec<_>>(),
        &messages.iter().map(|one| one.event.code().to_owned()).collect::<Vec<_>>(),
        &messages.iter().map(|one| one.subject.clone()).collect::<Vec<_>>(),
        &messages.iter().map(|one| one.connection).collect::<Vec<_>>() as &[Option<Uuid>],
        &messages.iter().map(|one| Value::Array(one.items.clone())).collect::<Vec<_>>(),
        &severity(0),
        &severity(1),
        &severity(2),
        &severity(3),
        &severity(4),
        &messages.iter().map(|one| one.count).collect::<Vec<_>>(),
        i32::try_from(MOST_TOLD).unwrap_or(i32::MAX)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
