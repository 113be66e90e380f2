//! A gap: something a run could not read, and what would let it.

use serde::{Deserialize, Serialize};

/// One thing a run could not read. A gap never fails a run; it makes verdicts unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// The part of the estate or of an asset that stays dark: `resource policy`, `eu-west-3`.
    pub facet: String,
    /// The call that failed, in the source's spelling: `lambda:GetPolicy`.
    pub call: String,
    /// The source's error code or our own: `AccessDeniedException`, `timeout`, `html-body`.
    pub code: String,
    /// One sentence for people, without secrets or tokens.
    pub message: String,
    /// The permission that would close it, if one would.
    pub permission: Option<String>,
    /// The native id of the one asset concerned; none when it concerns many.
    pub asset: Option<String>,
    /// Whether assets may be missing from the run because of it, so that those not seen are
    /// stale and not gone.
    pub hides_assets: bool,
}
