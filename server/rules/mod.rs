//! The controls: every question asked of serverless and containers alike.
//!
//! Pure: a control looks at one asset and a date. No I/O, no clock, no knowledge of where facts
//! come from or where verdicts go. One file a control, in the folder of its area; adding one is
//! that file, its `mod` line and its entry in [`all`] (a test holds the two together).

pub mod access;
pub mod api;
pub mod baseline;
pub mod dependencies;
pub mod frameworks;
pub mod host;
pub mod operations;
pub mod resources;
pub mod sides;

mod control;
mod declare;
mod evidence;
mod framework;
mod what_if;

pub use control::{Check, Context, Control, NoFacts, Reading, Readings, Vector};
use declare::{control, known};
use evidence::listed;
pub use framework::Framework;
pub use what_if::{Duty, Moved, what_if};

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

use crate::model::Outcome;

static ALL: &[&Control] = &[
    &baseline::UNUSUAL_COUNT,
    &baseline::NEW_TRIGGER,
    &baseline::UNUSUAL_CHANGE,
    &dependencies::NOT_SCANNED,
    &dependencies::STALE_SCAN,
    &dependencies::END_OF_SUPPORT,
    &dependencies::UNPATCHED,
    &dependencies::FOREIGN_CODE,
    &dependencies::UNSIGNED,
    &dependencies::MOVABLE_VERSION,
    &dependencies::NO_RETENTION,
    &dependencies::NO_QUARANTINE,
    &dependencies::SECRET_IN_HISTORY,
    &dependencies::OVERSIZED,
    &access::PUBLIC_ACCESS,
    &access::ADMIN_IDENTITY,
    &access::BROAD_RIGHTS,
    &access::ESCALATION,
    &access::SHARED_IDENTITY,
    &access::NO_IDENTITY,
    &access::SECRET_IN_ENVIRONMENT,
    &access::NO_CUSTOMER_KEY,
    &access::UNKNOWN_ACCOUNT,
    &access::NO_PRIVATE_NETWORK,
    &access::SHARED_LOGIN,
    &access::PUBLISHING_PASSWORD,
    &access::OPEN_DEPLOYMENT_SITE,
    &access::CONFUSED_DEPUTY,
    &access::DORMANT,
    &api::OPEN_ENDPOINT,
    &api::KEY_ONLY,
    &api::ANY_ORIGIN,
    &api::PLAIN_HTTP,
    &api::OLD_TLS,
    &api::NO_CLIENT_CERTIFICATE,
    &api::REMOTE_DEBUGGING,
    &host::WHO_PATCHES,
    &host::PRIVILEGED,
    &host::HOST_NAMESPACES,
    &host::HOST_NETWORK,
    &host::RUNS_AS_ROOT,
    &host::WRITABLE_SPACE,
    &host::CAPABILITIES,
    &host::HOST_PATHS,
    &resources::NO_CEILING,
    &resources::MEMORY_UNUSED,
    &resources::LONG_TIMEOUT,
    &resources::LOST_WORK,
    &resources::SINGLE_ZONE,
    &resources::LOOP_ALLOWED,
    &frameworks::UNTRACEABLE_IMAGE,
    &frameworks::SPLIT,
    &frameworks::WRONG_REGION,
    &frameworks::ONE_ARCHITECTURE,
    &operations::NO_LOGS,
    &operations::NO_TRACING,
    &operations::NO_OWNER,
    &operations::STALE,
    &operations::MISSING_PERMISSION,
];

/// Every control, ordered by area and number.
pub fn all() -> &'static [&'static Control] {
    ALL
}

/// The control with this code.
pub fn find(code: &str) -> Option<&'static Control> {
    all().iter().copied().find(|control| control.code == code)
}

/// Every control's verdict on one asset, in the order of [`all`].
pub fn evaluate(context: &Context<'_>) -> Vec<Outcome> {
    all().iter().map(|control| control.judge(context)).collect()
}

/// A digest of the set of controls: it changes when a control comes or goes and with each version
/// of the program, so that whoever stores verdicts knows what to judge again.
pub fn control_set() -> [u8; 32] {
    static SET: LazyLock<[u8; 32]> = LazyLock::new(|| {
        let mut digest = Sha256::new();
        digest.update(env!("CARGO_PKG_VERSION"));
        for control in all() {
            digest.update([0]);
            digest.update(control.code);
        }
        digest.finalize().into()
    });
    *SET
}

#[cfg(test)]
mod tests;
