//! Every account of an AWS organisation at once: the same role in each, one connection for each.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::draft::Draft;
use super::wish::{AwsWish, Terms, Wish};
use super::{interval, named};
use crate::auth::Actor;
use crate::auth::audit::{self, Change};
use crate::collect::{Access, aws};
use crate::desk::{Refusal, invalid};
use crate::model::{AwsCredentials, AwsSpec, ConnectionSpec};
use crate::outgoing::Guard;
use crate::store::Tx;
use crate::store::connections::{self, keep};

/// Accounts connected at once at most.
const MOST: usize = 500;

/// An account to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its number.
    pub id: String,
    /// What its connection is called.
    pub name: String,
}

/// An organisation: the role in its management account, which every other account has too.
#[derive(Debug)]
pub struct Organisation<'a> {
    /// The role, the regions, the endpoint.
    pub wish: &'a AwsWish,
    /// How often each account is read, in seconds.
    pub interval_seconds: i64,
    /// The accounts.
    pub chosen: &'a [Chosen],
}

/// The accounts the role in the management account lists.
pub async fn accounts(
    wish: &AwsWish,
    draft: &Draft,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<Vec<aws::Account>, Refusal> {
    let ConnectionSpec::Aws(spec) = Wish::Aws(wish.clone()).spec(&draft.external_id, terms)? else {
        return Err(invalid("source", "only AWS has organisations"));
    };
    let _place = super::look::place()?;
    let access = Access::to_look(None, Guard::new(terms.outgoing));
    let asked = tokio::time::timeout(LONGEST, Box::pin(aws::accounts(&spec, &access, now))).await;
    let late = || invalid("role_arn", "AWS did not answer in time");
    asked.map_err(|_| late())?.map_err(|fault| invalid("role_arn", fault.to_string()))
}

const LONGEST: std::time::Duration = std::time::Duration::from_secs(45);

/// The accounts that a connection reads already, by its role.
pub async fn known(tx: &mut Tx) -> Result<HashSet<String>, Refusal> {
    let all = connections::list(tx).await?;
    Ok(all.iter().filter_map(|one| account(&one.spec)).map(str::to_owned).collect())
}

fn account(spec: &ConnectionSpec) -> Option<&str> {
    match spec {
        ConnectionSpec::Aws(AwsSpec { credentials: AwsCredentials::AssumeRole { role_arn, .. }, .. }) => {
            role_arn.split(':').nth(4)
        }
        _ => None,
    }
}

/// Connects the chosen accounts, all with the same role name and external id. Those that have a
/// connection already are left as they are. Returns how many are new.
pub async fn add_all(
    tx: &mut Tx,
    actor: &Actor,
    terms: &Terms,
    draft: &Draft,
    organisation: Organisation<'_>,
    now: DateTime<Utc>,
) -> Result<usize, Refusal> {
    let interval_seconds = interval(organisation.interval_seconds)?;
    if organisation.chosen.is_empty() || organisation.chosen.len() > MOST {
        return Err(invalid("accounts", format!("choose 1 to {MOST}")));
    }
    let before = connections::list(tx).await?;
    let read: HashSet<&str> = before.iter().filter_map(|one| account(&one.spec)).collect();
    let mut names: HashSet<String> = before.iter().map(|one| one.name.clone()).collect();
    let mut all = Vec::new();
    for one in organisation.chosen.iter().filter(|one| !read.contains(one.id.as_str())) {
        if one.id.len() != 12 || !one.id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("accounts", format!("{:?} is no account number", one.id)));
        }
        let mut parts: Vec<&str> = organisation.wish.role_arn.trim().splitn(6, ':').collect();
        if parts.len() == 6 {
            parts[4] = &one.id;
        }
        let wish = AwsWish { role_arn: parts.join(":"), ..organisation.wish.clone() };
        let spec = Wish::Aws(wish).spec(&draft.external_id, terms)?;
        let name = named(&one.name).unwrap_or(&one.id).to_owned();
        let name = if names.contains(&name) { format!("{name} {}", one.id) } else { name };
        names.insert(name.clone());
        all.push((name, spec));
    }
    keep::add_many(tx, &all, interval_seconds, now).await?;
    let change = Change {
        action: "connection.organisation_added",
        subject: format!("{} accounts", all.len()),
        before: None,
        after: Some(json!({
            "role": organisation.wish.role_arn,
            "names": all.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        })),
    };
    audit::record(tx, actor, change, now).await?;
    Ok(all.len())
}
