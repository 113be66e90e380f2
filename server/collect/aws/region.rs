//! What reading one region needs at hand.

use aws_config::SdkConfig;

use super::caller::{Caller, Operation};
use super::counts::Counts;
use super::ecr::Downloads;
use super::roles::Roles;
use crate::analysis::iam;
use crate::analysis::secrets::FingerprintKey;
use crate::collect::RunBuilder;
use crate::model::{Fact, ResourcePolicy};

/// One region of one account, being read.
pub struct Reader<'a> {
    /// SDK settings for the region.
    pub config: SdkConfig,
    /// The account.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// Key of fingerprints.
    pub key: &'a FingerprintKey,
    /// Makes the calls.
    pub caller: &'a Caller,
    /// Fetches what images are made of.
    pub downloads: &'a Downloads,
    /// Roles read so far.
    pub roles: &'a Roles,
    /// How many functions run as each role.
    pub shared: &'a Counts,
    /// Where assets go.
    pub run: &'a RunBuilder,
}

impl Reader<'_> {
    /// What a resource policy amounts to; unknown, with a gap, where it is none that we can read.
    pub fn policy(&self, operation: Operation, subject: &str, document: &str) -> Fact<ResourcePolicy> {
        match iam::resource_policy(document, self.account) {
            Ok(policy) => Fact::Known(policy),
            Err(fault) => {
                self.caller.note(operation, subject, "bad-policy");
                Fact::unknown(fault.to_string())
            }
        }
    }
}
