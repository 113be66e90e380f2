//! The aliases of a function. Each may have a policy and a place for failed events of its own: what the
//! function itself says is not the whole of it. What hangs on a version by its number is not asked.

use aws_sdk_lambda::Client;

use super::caller::Operation;
use super::region::Reader;
use crate::model::{Fact, Unknown};

pub(super) const ALIASES: Operation =
    Operation::of("lambda:ListAliases", "what aliases let in", &["ResourceNotFoundException"]);

/// Aliases kept of one function: each takes a call or two.
const MOST: usize = 100;

/// The aliases of one function.
#[derive(Debug, Default)]
pub struct Aliases {
    /// Their names, and whether each names a published version.
    pub names: Vec<(String, bool)>,
    /// Why these may not be all.
    pub missing: Option<Unknown>,
}

/// Lists them.
pub async fn read(reader: &Reader, client: &Client, arn: &str, name: &str) -> Aliases {
    let caller = &*reader.caller;
    let listed = caller.call(ALIASES, arn, async {
        let mut pages = client.list_aliases().function_name(name).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.aliases.unwrap_or_default().into_iter().filter_map(|alias| {
                let published = alias.function_version.is_none_or(|version| version != "$LATEST");
                Some((alias.name?, published))
            }));
            if found.len() > MOST {
                break;
            }
        }
        Ok::<_, aws_sdk_lambda::error::SdkError<_, _>>(found)
    });
    let mut names = match listed.await {
        Fact::Known(names) => names.unwrap_or_default(),
        Fact::Unknown(why) => {
            // Where there is no such call, there is no more to know.
            let offered = reader.config.endpoint_url().is_none() || !caller.is_missing(ALIASES);
            let missing = (offered || why.permission.is_some()).then_some(why);
            return Aliases { names: Vec::new(), missing };
        }
    };
    let many = names.len() > MOST;
    if many {
        caller.note(ALIASES, arn, "too-many");
        names.truncate(MOST);
    }
    let reason = format!("it has more than {MOST} aliases");
    Aliases { names, missing: many.then_some(Unknown { reason, permission: None }) }
}
