//! Execution roles: each read once, its policies boiled down, however many functions run as it.

mod listed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_iam::Client;
use futures::future::join_all;
use tokio::sync::OnceCell;

use super::caller::{Caller, Operation};
use crate::analysis::iam::{BadPolicy, Document, Sources, identity, parse};
use crate::model::{Fact, Identity};

pub(super) const ROLE: Operation = Operation::of("iam:GetRole", "execution role", &[]);
pub(super) const ATTACHED: Operation =
    Operation::of("iam:ListAttachedRolePolicies", "policies of the execution role", &[]);
pub(super) const INLINE: Operation =
    Operation::of("iam:ListRolePolicies", "policies of the execution role", &[]);
pub(super) const INLINE_TEXT: Operation =
    Operation::of("iam:GetRolePolicy", "policies of the execution role", &[]);
pub(super) const MANAGED: Operation = Operation::of("iam:GetPolicy", "policies of the execution role", &[]);
pub(super) const MANAGED_TEXT: Operation =
    Operation::of("iam:GetPolicyVersion", "policies of the execution role", &[]);

/// Cells that are filled once, by whoever comes first.
type Once<T> = Mutex<HashMap<String, Arc<OnceCell<T>>>>;

/// Roles and managed policies read so far.
pub struct Roles {
    client: Client,
    caller: Arc<Caller>,
    identities: Once<Fact<Identity>>,
    managed: Once<Fact<Document>>,
}

impl Roles {
    /// None read yet.
    pub fn new(client: Client, caller: Arc<Caller>) -> Self {
        Self { client, caller, identities: Mutex::default(), managed: Mutex::default() }
    }

    /// What the role amounts to. One policy that cannot be read makes the whole role unknown: what
    /// it allows might be in there.
    pub async fn identity(&self, arn: &str) -> Fact<Identity> {
        cell(&self.identities, arn).get_or_init(|| self.read(arn)).await.clone()
    }

    async fn read(&self, arn: &str) -> Fact<Identity> {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        match tokio::join!(self.attached(name), self.inline(name), self.boundary(arn, name)) {
            (Fact::Unknown(why), _, _) | (_, Fact::Unknown(why), _) | (_, _, Fact::Unknown(why)) => {
                Fact::Unknown(why)
            }
            (Fact::Known(mut policies), Fact::Known(inline), Fact::Known(boundary)) => {
                policies.extend(inline);
                Fact::Known(identity(arn, name, &Sources { policies, boundary }))
            }
        }
    }

    async fn attached(&self, role: &str) -> Fact<Vec<(String, Document)>> {
        let listed = self.caller.call(ATTACHED, role, async {
            let mut pages = self.client.list_attached_role_policies().role_name(role).into_paginator().send();
            let mut arns = Vec::new();
            while let Some(page) = pages.next().await {
                arns.extend(
                    page?.attached_policies().iter().filter_map(|one| one.policy_arn().map(str::to_owned)),
                );
            }
            Ok::<_, aws_sdk_iam::error::SdkError<_, _>>(arns)
        });
        let arns = match listed.await {
            Fact::Known(arns) => arns.unwrap_or_default(),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        all(join_all(arns.iter().map(|arn| self.attached_policy(arn))).await)
    }

    /// A managed policy under the name it is spoken of by.
    async fn attached_policy(&self, arn: &str) -> Fact<(String, Document)> {
        let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
        self.managed(arn).await.map(|document| (name, document))
    }

    async fn inline(&self, role: &str) -> Fact<Vec<(String, Document)>> {
        let listed = self.caller.call(INLINE, role, async {
            let mut pages = self.client.list_role_policies().role_name(role).into_paginator().send();
            let mut names = Vec::new();
            while let Some(page) = pages.next().await {
                names.extend(page?.policy_names().iter().cloned());
            }
            Ok::<_, aws_sdk_iam::error::SdkError<_, _>>(names)
        });
        let names = match listed.await {
            Fact::Known(names) => names.unwrap_or_default(),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        all(join_all(names.iter().map(|name| async move {
            let send = self.client.get_role_policy().role_name(role).policy_name(name).send();
            let text = self.caller.call(INLINE_TEXT, role, send).await;
            self.document(INLINE_TEXT, role, text.map(|answer| answer.map(|answer| answer.policy_document)))
                .map(|document| (name.clone(), document))
        }))
        .await)
    }

    /// Roles are asked for by name, so it is also here that one of another account, or one that has
    /// gone and come back elsewhere, is told from the role that is meant.
    async fn boundary(&self, arn: &str, name: &str) -> Fact<Option<Document>> {
        let read = self.caller.call(ROLE, name, self.client.get_role().role_name(name).send()).await;
        let role = match read {
            Fact::Known(answer) => answer.and_then(|answer| answer.role).filter(|role| role.arn() == arn),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let Some(role) = role else {
            return Fact::unknown(format!("{} told of another role of this name", ROLE.call));
        };
        match role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn) {
            Some(arn) => self.managed(&arn).await.map(Some),
            None => Fact::Known(None),
        }
    }

    async fn managed(&self, arn: &str) -> Fact<Document> {
        cell(&self.managed, arn).get_or_init(|| self.read_managed(arn)).await.clone()
    }

    async fn read_managed(&self, arn: &str) -> Fact<Document> {
        let policy = self.caller.call(MANAGED, arn, self.client.get_policy().policy_arn(arn).send()).await;
        let version = match policy {
            Fact::Known(answer) => {
                answer.and_then(|answer| answer.policy).and_then(|policy| policy.default_version_id)
            }
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let Some(version) = version else {
            return Fact::unknown(format!("{} named no default version", MANAGED.call));
        };
        let send = self.client.get_policy_version().policy_arn(arn).version_id(version).send();
        let text = self.caller.call(MANAGED_TEXT, arn, send).await;
        let text = text.map(|answer| {
            answer.and_then(|answer| answer.policy_version).and_then(|version| version.document)
        });
        self.document(MANAGED_TEXT, arn, text)
    }

    fn document(&self, operation: Operation, subject: &str, text: Fact<Option<String>>) -> Fact<Document> {
        let text = match text {
            Fact::Known(text) => text.unwrap_or_default(),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        decoded(&text).map_or_else(
            |fault| {
                self.caller.note(operation, subject, "bad-policy");
                Fact::unknown(fault.to_string())
            },
            Fact::Known,
        )
    }
}

/// IAM hands documents out percent-encoded (RFC 3986).
fn decoded(text: &str) -> Result<Document, BadPolicy> {
    parse(&percent_encoding::percent_decode_str(text).decode_utf8_lossy())
}

fn cell<T>(cells: &Once<T>, key: &str) -> Arc<OnceCell<T>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key.to_owned()).or_default())
}

/// All of them, or the first reason why not.
fn all<T>(facts: Vec<Fact<T>>) -> Fact<Vec<T>> {
    let mut values = Vec::with_capacity(facts.len());
    for fact in facts {
        match fact {
            Fact::Known(value) => values.push(value),
            Fact::Unknown(why) => return Fact::Unknown(why),
        }
    }
    Fact::Known(values)
}
