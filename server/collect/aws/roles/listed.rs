//! Roles by the listing of the whole account: one call where each role would take four.
//!
//! A help and no more: where the account does not let us list, or lists nothing of a role, that role is
//! read by itself, and nothing is told of the listing.

use std::collections::HashMap;

use aws_sdk_iam::types::{EntityType, ManagedPolicyDetail, RoleDetail};

use super::{ATTACHED, INLINE_TEXT, Roles, all, cell, decoded};
use crate::analysis::iam::{Document, Sources, identity};
use crate::collect::aws::caller::Operation;
use crate::model::{Fact, Identity};

const LISTING: Operation =
    Operation::of("iam:GetAccountAuthorizationDetails", "execution roles at once", &[]);
/// Of fewer roles than this, each is read by itself: the listing tells of every role of the account.
const FEWEST: usize = 20;
/// What a page may hold at most.
const PAGE: i32 = 1_000;
/// Pages read at most; the quotas of an account leave it far below.
const MOST_PAGES: usize = 100;

impl Roles {
    /// Reads those among `wanted` (ARN and how often) that the account lists.
    pub async fn list(&self, wanted: &HashMap<String, u32>) {
        if wanted.len() < FEWEST {
            return;
        }
        let Some(roles) = self.pages(wanted).await else { return };
        for role in roles {
            let arn = role.arn.clone().unwrap_or_default();
            let found = self.listed(&arn, &role).await;
            if let (true, Some(found)) = (wanted.contains_key(&arn), found) {
                // Whoever was faster has read the same.
                let _ = cell(&self.identities, &arn).set(found);
            }
        }
    }

    /// The roles that are wanted; the account's own policies are kept as they come by. None where not
    /// all of it could be read.
    async fn pages(&self, wanted: &HashMap<String, u32>) -> Option<Vec<RoleDetail>> {
        let (mut roles, mut marker) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let ask = self.client.get_account_authorization_details().max_items(PAGE).set_marker(marker);
            let ask = ask.filter(EntityType::Role).filter(EntityType::LocalManagedPolicy);
            let page = self.caller.attempt(LISTING, ask.send()).await?;
            let kept = page.role_detail_list.unwrap_or_default().into_iter();
            roles.extend(kept.filter(|role| role.arn().is_some_and(|arn| wanted.contains_key(arn))));
            for policy in page.policies.unwrap_or_default() {
                self.keep(&policy);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Some(roles);
            }
        }
        None
    }

    fn keep(&self, policy: &ManagedPolicyDetail) {
        if let Some((arn, document)) = readable(policy) {
            let _ = cell(&self.managed, arn).set(Fact::Known(document));
        }
    }

    /// What a listed role amounts to. None where the listing says too little of it.
    async fn listed(&self, arn: &str, role: &RoleDetail) -> Option<Fact<Identity>> {
        let name = role.role_name.as_deref()?;
        let inline = role.role_policy_list.as_ref()?.iter().map(|policy| {
            let text = policy.policy_document.clone();
            let named = policy.policy_name.clone().unwrap_or_default();
            self.document(INLINE_TEXT, name, Fact::Known(text)).map(|document| (named, document))
        });
        let mut policies = Vec::new();
        for policy in role.attached_managed_policies.as_ref()? {
            let Some(arn) = policy.policy_arn() else {
                return Some(Fact::unknown(format!("{} named no policy", ATTACHED.call)));
            };
            policies.push(self.attached_policy(arn).await);
        }
        let boundary: Fact<Option<Document>> = match role.permissions_boundary() {
            Some(boundary) => self.managed(boundary.permissions_boundary_arn()?).await.map(Some),
            None => Fact::Known(None),
        };
        policies.extend(inline);
        Some(match (all(policies), boundary) {
            (Fact::Known(policies), Fact::Known(boundary)) => {
                Fact::Known(identity(arn, name, &Sources { policies, boundary }))
            }
            (Fact::Unknown(why), _) | (_, Fact::Unknown(why)) => Fact::Unknown(why),
        })
    }
}

/// What the policy says by default. One that cannot be read is read again, and told of, by a role that
/// is wanted and has it.
fn readable(policy: &ManagedPolicyDetail) -> Option<(&str, Document)> {
    let version = policy.policy_version_list().iter().find(|version| version.is_default_version)?;
    let document = decoded(version.document.as_deref()?).ok()?;
    Some((policy.arn()?, document))
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::PolicyVersion;

    use super::*;

    fn policy(document: &str) -> ManagedPolicyDetail {
        let version = PolicyVersion::builder().is_default_version(true).document(document).build();
        ManagedPolicyDetail::builder().arn("arn").policy_version_list(version).build()
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_left_to_the_role_that_has_it() {
        let good = policy("%7B%22Statement%22%3A%5B%5D%7D");
        assert_eq!(readable(&good), Some(("arn", Document::default())));
        assert_eq!(readable(&policy("%7B")), None);
    }
}
