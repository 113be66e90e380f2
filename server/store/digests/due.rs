//! Mails that are due: made once a period, taken by one worker at a time, ended once.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{StoreError, Tx, read_schedule};
use crate::model::Permission;
use crate::model::Role;

/// A worker that takes a mail and falls silent is believed to be dead after so long.
pub const SILENCE: TimeDelta = TimeDelta::minutes(5);

/// What happened so shortly ago may still be being written.
const BEING_WRITTEN: TimeDelta = TimeDelta::minutes(2);

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its digest.
    pub digest: Uuid,
    /// The digest's name.
    pub name: String,
    /// It is sent also when there is no news.
    pub heartbeat: bool,
    /// Who gets it.
    pub recipient: Uuid,
    /// Where.
    pub email: String,
    /// In their leaving link.
    pub word: String,
    /// When it was due.
    pub period: DateTime<Utc>,
    /// What it tells begins here.
    pub since: DateTime<Utc>,
    /// And ends here.
    pub until: DateTime<Utc>,
    /// The how manieth attempt this is.
    pub attempt: i32,
}

/// How a mail ended, or when to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The server took it.
    Sent,
    /// There was no news, and no heartbeat is wanted.
    Quiet,
    /// The server refuses this recipient, in its words.
    Refused(String),
    /// It was tried for too long; the last fault.
    GivenUp(String),
    /// Try again then; the fault.
    Later(DateTime<Utc>, String),
}

impl Ended {
    /// As it is kept and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Quiet => "quiet",
            Self::Refused(_) => "refused",
            Self::GivenUp(_) => "given_up",
            Self::Later(..) => "waiting",
        }
    }
}

/// Makes the mails of every digest whose moment has come, and sets its next moment. A digest that
/// missed several moments comes once and tells all of it. It ends a little before now: what is being
/// written at this moment bears an earlier time, and belongs to the next. Members who left or may no longer read
/// get none.
pub async fn fall_due(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let tenant = tx.tenant().0;
    let due = sqlx::query!(
        "SELECT id, schedule, covered_until, next_at FROM digests
         WHERE tenant_id = $1 AND NOT paused AND next_at <= $2 ORDER BY next_at LIMIT 50 FOR UPDATE SKIP LOCKED",
        tenant,
        now
    )
    .fetch_all(tx.on())
    .await?;
    let readers: Vec<String> = Role::ALL
        .iter()
        .filter(|role| role.permissions().contains(&Permission::Read))
        .map(|role| role.code().to_owned())
        .collect();
    let mut made = 0;
    for row in due {
        let schedule = read_schedule(row.schedule)?;
        let until = (now - BEING_WRITTEN).max(row.covered_until);
        let next = schedule.next_after(now).unwrap_or(now + TimeDelta::days(1));
        let mails = sqlx::query!(
            "INSERT INTO digest_mails (tenant_id, digest_id, recipient_id, period, since, until, next_try_at)
             SELECT $1, r.digest_id, r.id, $3, $4, $5, $7 FROM digest_recipients r
             WHERE r.tenant_id = $1 AND r.digest_id = $2 AND r.left_at IS NULL
               AND (r.person_id IS NULL OR EXISTS (SELECT FROM memberships m WHERE m.tenant_id = $1
                    AND m.person_id = r.person_id AND m.role = ANY($6)))
             ON CONFLICT DO NOTHING",
            tenant,
            row.id,
            row.next_at,
            row.covered_until,
            until,
            &readers,
            now
        )
        .execute(tx.on())
        .await?;
        made += mails.rows_affected();
        sqlx::query!(
            "UPDATE digests SET covered_until = $3, next_at = $4 WHERE tenant_id = $1 AND id = $2",
            tenant,
            row.id,
            until,
            next
        )
        .execute(tx.on())
        .await?;
    }
    Ok(made)
}

/// Takes the next mail that waits; nobody else takes it for a while.
pub async fn take(tx: &mut Tx, now: DateTime<Utc>) -> Result<Option<Mail>, StoreError> {
    let tenant = tx.tenant().0;
    let row = sqlx::query!(
        // Materialized: looked for once, or a join might look again and take another beside it.
        "WITH one AS MATERIALIZED (
            SELECT w.digest_id, w.recipient_id, w.period FROM digest_mails w
            WHERE w.tenant_id = $1 AND w.state = 'waiting' AND w.next_try_at <= $2
            ORDER BY w.next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         UPDATE digest_mails m SET attempts = m.attempts + 1, next_try_at = $3
         FROM one
         JOIN digests d ON d.tenant_id = $1 AND d.id = one.digest_id
         JOIN digest_recipients r ON r.tenant_id = $1 AND r.id = one.recipient_id
         WHERE m.tenant_id = $1 AND m.digest_id = one.digest_id AND m.recipient_id = one.recipient_id AND m.period = one.period
         RETURNING m.digest_id, d.name, d.heartbeat, m.recipient_id, r.email, r.word, m.period, m.since, m.until, m.attempts",
        tenant,
        now,
        now + SILENCE
    )
    .fetch_optional(tx.on())
    .await?;
    Ok(row.map(|row| Mail {
        digest: row.digest_id,
        name: row.name,
        heartbeat: row.heartbeat,
        recipient: row.recipient_id,
        email: row.email,
        word: row.word,
        period: row.period,
        since: row.since,
        until: row.until,
        attempt: row.attempts,
    }))
}

/// Notes how a mail ended.
pub async fn ended(tx: &mut Tx, mail: &Mail, ended: &Ended, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant = tx.tenant().0;
    let (fault, next) = match ended {
        Ended::Sent | Ended::Quiet => (None, now),
        Ended::Refused(fault) | Ended::GivenUp(fault) => (Some(fault), now),
        Ended::Later(at, fault) => (Some(fault), *at),
    };
    sqlx::query!(
        "UPDATE digest_mails SET state = $5, fault = $6, next_try_at = $7, sent_at = $8
         WHERE tenant_id = $1 AND digest_id = $2 AND recipient_id = $3 AND period = $4 AND state = 'waiting'",
        tenant,
        mail.digest,
        mail.recipient,
        mail.period,
        ended.code(),
        fault,
        next,
        (*ended == Ended::Sent).then_some(now)
    )
    .execute(tx.on())
    .await?;
    Ok(())
}
