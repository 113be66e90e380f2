//! Messages of the outbox go out to their webhooks: at least once each, under one id, several at a
//! time, the same subject in order.
//!
//! A message is taken before it is sent and ended after. A worker that dies in between leaves it
//! taken; another sends it again a minute later under the same id, by which the receiver knows it.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::Outward;
use super::side_by_side::{Rounds, serve_all};
use crate::auth::{AuthError, secrets};
use crate::model::TenantId;
use crate::notify::{self, Fate, Secrets};
use crate::store::audit::{self, Deed};
use crate::store::outbox::{self, Answer, Ended, Taken};
use crate::store::{StoreError, webhooks};

/// Tenants whose messages are under way at once.
const TENANTS: usize = 16;
/// Messages of a tenant taken at one go; the rest follow.
const AT_ONCE: i64 = 16;
/// The secret before signs beside the new one for so long.
const BOTH_SIGN: TimeDelta = TimeDelta::hours(24);
/// A webhook that takes nothing for so long is paused.
const FAILS_LONGEST: TimeDelta = TimeDelta::days(3);

/// How messages go out.
#[derive(Debug, Clone)]
pub struct Courier(Outward);

impl Courier {
    /// By these means.
    pub const fn new(means: Outward) -> Self {
        Self(means)
    }

    /// Sends what is due, of several tenants side by side. Returns how many messages were tried. Stops
    /// between messages, never in one: it would arrive and not be known to.
    pub async fn send_due(&self, stop: &CancellationToken) -> Result<usize, StoreError> {
        serve_all(self, TENANTS, stop).await
    }

    /// Sends some of what is due of one tenant.
    pub async fn send_some(&self, tenant: TenantId) -> Result<usize, StoreError> {
        let mut tx = self.0.store.begin(tenant).await?;
        let taken = outbox::take(&mut tx, AT_ONCE, (self.0.clock)()).await?;
        tx.commit().await?;
        let tried = taken.len();
        let mut sending = JoinSet::new();
        for one in taken {
            let courier = self.clone();
            sending.spawn(async move { courier.carry(tenant, one).await });
        }
        while let Some(done) = sending.join_next().await {
            // A message whose end could not be noted is sent again: at least once.
            match done {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => {
                    warn!(error = &fault as &dyn std::error::Error, "a message's end was not noted");
                }
                Err(panic) => warn!(error = %panic, "sending a message broke off"),
            }
        }
        Ok(tried)
    }

    async fn carry(&self, tenant: TenantId, taken: Taken) -> Result<(), StoreError> {
        let answer = match self.opened(tenant, &taken) {
            Ok((url, keys)) => self.post(&taken, &url, &keys).await,
            Err(fault) => notify::Answer::none(fault),
        };
        let now = (self.0.clock)();
        let (fate, wait) = (answer.fate(), answer.wait);
        let ended = match fate {
            Fate::Arrived => Ended::Sent,
            Fate::Again | Fate::Gone => {
                let next = notify::later(taken.attempt, wait, now, &mut rand::rng());
                next.map_or(Ended::Dead, Ended::Later)
            }
        };
        let kept = Answer { status: answer.status, reply: answer.reply, fault: answer.fault };
        match &kept.fault {
            _ if fate == Fate::Arrived => {
                info!(webhook = %taken.webhook, message = %taken.message.id, "message sent");
            }
            fault => warn!(webhook = %taken.webhook, message = %taken.message.id, attempt = taken.attempt,
                           status = kept.status, fault, "message not sent"),
        }
        let mut tx = self.0.store.begin(tenant).await?;
        if outbox::ended(&mut tx, &taken, ended, &kept, now).await? {
            webhooks::took(&mut tx, taken.webhook, fate == Fate::Arrived, now).await?;
            if let Some(why) = give_up(&taken, fate, now) {
                pause(&mut tx, &taken, why, now).await?;
            }
        }
        tx.commit().await
    }

    /// Where a message goes, and what signs it.
    fn opened(&self, tenant: TenantId, taken: &Taken) -> Result<(Url, Vec<notify::Key>), String> {
        let plain = self.0.vault.open(&taken.sealed, &secrets::bound(tenant, taken.secret));
        let plain = plain.map_err(|fault: AuthError| fault.to_string())?;
        let opened: Secrets =
            serde_json::from_slice(&plain).map_err(|_| "its secrets cannot be read".to_owned())?;
        let url = Url::parse(&opened.url).map_err(|_| "its address cannot be read".to_owned())?;
        self.0.guard.check(&url).map_err(|refused| refused.to_string())?;
        let both = taken.rotated_at.is_some_and(|at| (self.0.clock)() - at < BOTH_SIGN);
        let keys = std::iter::once(opened.key).chain(opened.former.filter(|_| both));
        Ok((url, keys.collect()))
    }

    async fn post(&self, taken: &Taken, url: &Url, keys: &[notify::Key]) -> notify::Answer {
        let body = notify::body(&taken.message, taken.form, &self.0.base).to_string().into_bytes();
        let (id, now) = (format!("msg_{}", taken.message.id.simple()), (self.0.clock)());
        let headers = [
            ("webhook-timestamp", now.timestamp().to_string()),
            ("webhook-signature", notify::sign(&id, now.timestamp(), &body, keys)),
            ("webhook-id", id),
        ];
        notify::post(&self.0.client, url, &headers, body, now).await
    }
}

#[async_trait]
impl Rounds for Courier {
    const WHAT: &'static str = "webhooks";

    async fn whose_turn(&self) -> Result<Vec<TenantId>, StoreError> {
        let mut gate = self.0.store.gate().await?;
        outbox::whose_turn(&mut gate).await
    }

    async fn serve(&self, tenant: TenantId) -> Result<usize, StoreError> {
        self.send_some(tenant).await
    }
}

/// Why a webhook is to be paused, if it is.
fn give_up(taken: &Taken, fate: Fate, now: DateTime<Utc>) -> Option<&'static str> {
    match fate {
        Fate::Gone => Some("its receiver answered that it is gone for good (410)"),
        Fate::Again if taken.failing_since.is_some_and(|since| now - since >= FAILS_LONGEST) => {
            Some("nothing arrived for three days")
        }
        Fate::Again | Fate::Arrived => None,
    }
}

async fn pause(
    tx: &mut crate::store::Tx,
    taken: &Taken,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if !webhooks::pause(tx, taken.webhook, Some(why), now).await? {
        return Ok(());
    }
    let deed = Deed {
        actor: "system".into(),
        actor_name: "Parallax".into(),
        address: String::new(),
        action: "webhook.paused".into(),
        subject: taken.name.clone(),
        before: None,
        after: Some(serde_json::json!({ "why": why })),
    };
    audit::add(tx, &deed, now).await
}
