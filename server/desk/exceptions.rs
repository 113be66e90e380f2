//! Exceptions: made after a look at what they would do, changed, taken back.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::tickets::{MOST_FINDINGS, some};
use super::{Refusal, invalid};
use crate::auth::Actor;
use crate::auth::audit::{self, Change};
use crate::error::AppError;
use crate::model::{ExceptionKind, ExceptionScope};
use crate::rules;
use crate::store::exceptions::{self, NewException, Subject, work};
use crate::store::pages::exceptions::Exception;
use crate::store::pages::findings::{self, Filter};
use crate::store::{Tx, connections};

/// Exceptions of controls that hold at one time at most: each is asked of each asset.
const MOST_SCOPED: i64 = 1_000;
/// Letters of a reason at most.
const MOST_WORDS: usize = 2_000;
/// Letters of a part of a scope at most.
const MOST_PART: usize = 255;

/// Why, and until when.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Why, as a kind.
    pub kind: ExceptionKind,
    /// Why, in words.
    pub reason: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// A subject that makes sense here: findings and connections that are there, a control there is.
pub async fn checked(tx: &mut Tx, subject: Subject) -> Result<Subject, Refusal> {
    match subject {
        Subject::Findings(ids) => Ok(Subject::Findings(some(ids)?)),
        Subject::Control { control, scope } => {
            if rules::find(&control).is_none() {
                return Err(invalid("control", "there is no control of this code"));
            }
            for (field, part) in [
                ("account", scope.account.as_deref()),
                ("region", scope.region.as_deref()),
                ("tag", scope.tag.as_ref().map(|(key, _)| key.as_str())),
                ("tag", scope.tag.as_ref().map(|(_, value)| value.as_str())),
            ] {
                if part.is_some_and(|part| part.chars().count() > MOST_PART || part.contains('\0')) {
                    return Err(invalid(field, format!("write at most {MOST_PART} letters")));
                }
            }
            if let Some(id) = scope.connection
                && connections::get(tx, id).await?.is_none()
            {
                return Err(invalid("connection", "there is no connection of this id"));
            }
            Ok(Subject::Control { control, scope })
        }
    }
}

/// The findings of a ticket that still fail: what closing it by an exception accepts.
pub async fn of_ticket(tx: &mut Tx, ticket: Uuid, now: DateTime<Utc>) -> Result<Vec<Uuid>, Refusal> {
    let most = i64::try_from(MOST_FINDINGS).unwrap_or(i64::MAX);
    let mut ids = Vec::new();
    for state in ["open", "stale"] {
        let filter = Filter { state: Some(state.into()), ticket: Some(ticket), ..Filter::default() };
        let found = findings::list(tx, &filter, now, None, most).await?;
        ids.extend(found.rows.iter().map(|one| one.id));
        if found.more || ids.len() > MOST_FINDINGS {
            let problem =
                format!("more than {MOST_FINDINGS} of its findings fail: accept their control for a scope");
            return Err(AppError::Conflict(problem).into());
        }
    }
    Ok(ids)
}

async fn agreed(tx: &mut Tx, terms: &Terms, now: DateTime<Utc>) -> Result<Terms, Refusal> {
    let reason = terms.reason.trim();
    if reason.is_empty() || reason.chars().count() > MOST_WORDS || reason.contains('\0') {
        return Err(invalid("reason", format!("write 1 to {MOST_WORDS} letters")));
    }
    let longest = exceptions::longest(tx).await?;
    if terms.until <= now {
        return Err(invalid("until", "choose a moment that is to come"));
    }
    if terms.until > now + longest {
        return Err(invalid("until", format!("choose a day within {} days", longest.num_days())));
    }
    Ok(Terms { reason: reason.to_owned(), ..terms.clone() })
}

/// Makes an exception. It decides from now on; what is there already is brought in line by
/// `pipeline::exceptions`.
pub async fn make(
    tx: &mut Tx,
    actor: &Actor,
    subject: Subject,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<Uuid, Refusal> {
    let terms = agreed(tx, terms, now).await?;
    let subject = checked(tx, subject).await?;
    if matches!(subject, Subject::Control { .. }) && exceptions::scoped_count(tx, now).await? >= MOST_SCOPED {
        return Err(
            AppError::Conflict(format!("there are {MOST_SCOPED} exceptions of controls already")).into()
        );
    }
    let looked = work::Work { id: Uuid::nil(), subject: subject.clone(), over: false };
    let matched = work::count(tx, &looked).await?;
    if matched == 0 && matches!(subject, Subject::Findings(_)) {
        return Err(invalid("findings", "none of these is here and open"));
    }
    let words = words(&subject);
    let new = NewException {
        subject,
        kind: terms.kind,
        reason: terms.reason,
        until: terms.until,
        by: actor.reference(),
        by_name: actor.name.clone(),
        matched,
    };
    let id = exceptions::add(tx, &new, now).await?;
    let after =
        json!({ "id": id, "kind": new.kind, "reason": new.reason, "until": new.until, "assets": matched });
    let change = Change { action: "exception.made", subject: words, before: None, after: Some(after) };
    audit::record(tx, actor, change, now).await?;
    Ok(id)
}

/// Gives an exception other terms.
pub async fn change(
    tx: &mut Tx,
    actor: &Actor,
    exception: &Exception,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let terms = if terms.until == exception.until {
        Terms {
            until: exception.until,
            ..agreed(tx, &Terms { until: now + chrono::TimeDelta::hours(1), ..terms.clone() }, now).await?
        }
    } else {
        agreed(tx, terms, now).await?
    };
    let told = |kind: ExceptionKind, reason: &str, until: DateTime<Utc>| json!({ "kind": kind, "reason": reason, "until": until });
    if !exceptions::change(tx, exception.id, (terms.kind, &terms.reason), terms.until, now).await? {
        return Err(AppError::Conflict("this exception is over: make another".into()).into());
    }
    let change = Change {
        action: "exception.changed",
        subject: subject_of(exception),
        before: Some(told(exception.kind, &exception.reason, exception.until)),
        after: Some(told(terms.kind, &terms.reason, terms.until)),
    };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Takes an exception back: what it accepted is open again.
pub async fn revoke(
    tx: &mut Tx,
    actor: &Actor,
    exception: &Exception,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    if !exceptions::revoke(tx, exception.id, &actor.name, now).await? {
        return Err(AppError::Conflict("this exception is over already".into()).into());
    }
    let before = Some(json!({ "id": exception.id, "until": exception.until }));
    let change = Change { action: "exception.revoked", subject: subject_of(exception), before, after: None };
    Ok(audit::record(tx, actor, change, now).await?)
}

/// Decides how long anything may be accepted at most.
pub async fn decide(tx: &mut Tx, actor: &Actor, days: i32, now: DateTime<Utc>) -> Result<(), Refusal> {
    if !(1..=3_650).contains(&days) {
        return Err(invalid("days", "choose 1 to 3650 days"));
    }
    let before = Some(json!({ "days": exceptions::longest(tx).await?.num_days() }));
    exceptions::set_longest(tx, days).await?;
    let after = Some(json!({ "days": days }));
    let change = Change { action: "exception.policy_changed", subject: "exceptions".into(), before, after };
    Ok(audit::record(tx, actor, change, now).await?)
}

fn words(subject: &Subject) -> String {
    match subject {
        Subject::Findings(ids) if ids.len() == 1 => "1 finding".to_owned(),
        Subject::Findings(ids) => format!("{} findings", ids.len()),
        Subject::Control { control, scope } => told(control, scope, None),
    }
}

/// What an exception accepts, in words.
pub fn subject_of(exception: &Exception) -> String {
    match &exception.control {
        Some(control) => told(control, &exception.scope, exception.connection_name.as_deref()),
        None if exception.chosen == 1 => "1 finding".to_owned(),
        None => format!("{} findings", exception.chosen),
    }
}

fn told(control: &str, scope: &ExceptionScope, connection: Option<&str>) -> String {
    format!("{control} {}", scope.words(connection))
}
