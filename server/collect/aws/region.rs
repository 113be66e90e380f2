//! What reading one region needs at hand.

use std::sync::Arc;

use aws_config::SdkConfig;
use tokio::sync::Mutex;

use super::caller::{Caller, Operation};
use super::counts::Counts;
use super::ecr::Downloads;
use super::roles::Roles;
use crate::analysis::iam;
use crate::analysis::secrets::FingerprintKey;
use crate::collect::RunBuilder;
use crate::model::{Fact, ResourcePolicy};

/// One region of one account, being read. Owned, so that it can be read in tasks of its own.
pub struct Reader {
    /// SDK settings for the region.
    pub config: SdkConfig,
    /// The account.
    pub account: String,
    /// The region.
    pub region: String,
    /// Key of fingerprints.
    pub key: FingerprintKey,
    /// Makes the calls.
    pub caller: Arc<Caller>,
    /// Fetches what images are made of.
    pub downloads: Arc<Downloads>,
    /// Roles read so far.
    pub roles: Arc<Roles>,
    /// How many functions run as each role.
    pub shared: Arc<Counts>,
    /// Whose turn it is to ask the region's history.
    pub history: Mutex<()>,
    /// Where assets go.
    pub run: RunBuilder,
}

impl Reader {
    /// What a resource policy amounts to; unknown, with a gap, where it is none that we can read.
    pub fn policy(&self, operation: Operation, subject: &str, document: &str) -> Fact<ResourcePolicy> {
        self.told(operation, subject, iam::resource_policy(document, &self.account))
    }

    /// The same of a function's policy beside a URL; and whether statements were left out for not knowing it.
    pub fn invoke_policy(
        &self,
        operation: Operation,
        subject: &str,
        document: &str,
        url: iam::Url,
    ) -> Fact<(ResourcePolicy, bool)> {
        self.told(operation, subject, iam::invoke_policy(document, &self.account, url))
    }

    fn told<T>(&self, operation: Operation, subject: &str, read: Result<T, iam::BadPolicy>) -> Fact<T> {
        read.map_or_else(
            |fault| {
                self.caller.note(operation, subject, "bad-policy");
                Fact::unknown(fault.to_string())
            },
            Fact::Known,
        )
    }
}
