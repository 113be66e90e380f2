//! Digests that are due become mails, and mails go out: once a recipient and period, also when
//! workers die or meet.
//!
//! A mail is taken before it is sent and ended after. A worker that dies in between leaves it taken;
//! another tries again some minutes later under the same message id, by which a server that had it
//! already knows it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;
use uuid::Uuid;

use crate::mail::{Failure, Letter, Mailer};
use crate::model::TenantId;
use crate::pipeline::digest::{self, Told};
use crate::store::digests::{self, Ended, Mail};
use crate::store::{Store, StoreError};
use crate::telemetry::meter;

/// A mail is tried for so long.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// How soon a database that was away is asked again to note a mail.
const AGAIN: Duration = Duration::from_millis(500);
/// Mails of a tenant sent at one go; the rest follow.
const AT_ONCE: usize = 200;

/// How mails go out, and what their links begin with.
#[derive(Debug, Clone)]
pub struct Post {
    /// The SMTP server.
    pub mailer: Mailer,
    /// Where browsers find our pages.
    pub public_url: Url,
}

/// Makes the mails that are due and sends those that wait. Returns how many went out.
pub async fn send_due(
    store: &Store,
    tenant: TenantId,
    post: Option<&Post>,
    clock: fn() -> DateTime<Utc>,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let mut tx = store.begin(tenant).await?;
    digests::fall_due(&mut tx, clock()).await?;
    tx.commit().await?;
    let mut told = HashMap::new();
    let mut sent = 0;
    for _ in 0..AT_ONCE {
        // Between mails, never in one: it would be sent and not known to be.
        if stop.is_cancelled() {
            break;
        }
        let mut tx = store.begin(tenant).await?;
        let Some(mail) = digests::take(&mut tx, clock()).await? else { break };
        tx.commit().await?;
        let key = (mail.since, mail.until);
        if let std::collections::hash_map::Entry::Vacant(place) = told.entry(key) {
            let mut tx = store.begin(tenant).await?;
            place.insert(digest::read(&mut tx, mail.since, mail.until).await?);
        }
        let ended = send(&mail, &told[&key], tenant, post, clock()).await;
        sent += usize::from(ended == Ended::Sent);
        meter::mail(ended.code());
        note(store, tenant, &mail, &ended, clock).await?;
    }
    Ok(sent)
}

/// Notes how a mail ended. A mail that went out and is not known to have goes out again, so a
/// database that is away is waited for, as long as nobody else may have taken the mail up.
async fn note(
    store: &Store,
    tenant: TenantId,
    mail: &Mail,
    ended: &Ended,
    clock: fn() -> DateTime<Utc>,
) -> Result<(), StoreError> {
    let until = clock() + digests::SILENCE - TimeDelta::seconds(10);
    loop {
        match note_once(store, tenant, mail, ended, clock()).await {
            Err(StoreError::Unavailable(_)) if clock() < until => tokio::time::sleep(AGAIN).await,
            done => return done,
        }
    }
}

async fn note_once(
    store: &Store,
    tenant: TenantId,
    mail: &Mail,
    ended: &Ended,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin(tenant).await?;
    digests::ended(&mut tx, mail, ended, now).await?;
    tx.commit().await
}

async fn send(mail: &Mail, told: &Told, tenant: TenantId, post: Option<&Post>, now: DateTime<Utc>) -> Ended {
    if !told.news() && !mail.heartbeat {
        return Ended::Quiet;
    }
    let Some(post) = post else {
        return later(mail, "no mail server is configured: set PARALLAX_SMTP_URL".to_owned(), now);
    };
    let letter = match letter(mail, told, tenant, &post.public_url) {
        Ok(letter) => letter,
        Err(fault) => return Ended::GivenUp(fault.to_string()),
    };
    match post.mailer.send(&letter).await {
        Ok(()) => {
            info!(digest = %mail.digest, recipient = %mail.recipient, "digest sent");
            Ended::Sent
        }
        Err(Failure::Refused(fault)) => {
            warn!(digest = %mail.digest, recipient = %mail.recipient, fault, "digest refused");
            Ended::Refused(fault)
        }
        Err(Failure::Away(fault)) => {
            warn!(digest = %mail.digest, recipient = %mail.recipient, fault, "digest not sent yet");
            later(mail, fault, now)
        }
    }
}

/// After one minute, two, four, at most half an hour; for a day.
fn later(mail: &Mail, fault: String, now: DateTime<Utc>) -> Ended {
    if now - mail.period >= PATIENCE {
        return Ended::GivenUp(fault);
    }
    let minutes = 1_i64 << mail.attempt.clamp(1, 6).saturating_sub(1);
    Ended::Later(now + TimeDelta::minutes(minutes.min(30)), fault)
}

fn letter(mail: &Mail, told: &Told, tenant: TenantId, base: &Url) -> Result<Letter, askama::Error> {
    let leave = leaving_link(base, tenant, mail.recipient, &mail.word);
    let (text, html) = digest::render(told, base.as_str(), &leave)?;
    Ok(Letter {
        to: mail.email.clone(),
        subject: told.subject(),
        text,
        html,
        id: format!("{}.{}.{}", mail.digest.simple(), mail.recipient.simple(), mail.period.timestamp()),
        leave,
    })
}

/// The address by which a recipient leaves the list.
pub fn leaving_link(base: &Url, tenant: TenantId, recipient: Uuid, word: &str) -> String {
    format!(
        "{}/leave/{}.{}.{word}",
        base.as_str().trim_end_matches('/'),
        tenant.0.simple(),
        recipient.simple()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_away_is_asked_less_and_less_often_for_a_day() {
        let start: DateTime<Utc> = "2026-01-01T08:00:00Z".parse().expect("a time");
        let mail = |attempt| Mail {
            digest: Uuid::nil(),
            name: "d".into(),
            heartbeat: true,
            recipient: Uuid::nil(),
            email: "a@example.org".into(),
            word: "w".into(),
            period: start,
            since: start,
            until: start,
            attempt,
        };
        let wait = |attempt| match later(&mail(attempt), String::new(), start) {
            Ended::Later(at, _) => (at - start).num_minutes(),
            other => panic!("{other:?}"),
        };
        assert_eq!([1, 2, 3, 6, 40].map(wait), [1, 2, 4, 30, 30]);
        assert_eq!(later(&mail(40), "x".into(), start + PATIENCE), Ended::GivenUp("x".into()));
    }
}
