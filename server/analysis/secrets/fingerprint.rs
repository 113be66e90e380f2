//! Keyed fingerprints: tell that a value changed without telling what it is.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes kept of a fingerprint: enough to tell values apart, too few to carry one.
const KEPT_BYTES: usize = 12;

/// The installation's key for fingerprints. Never printed, never stored beside them.
#[derive(Clone)]
pub struct FingerprintKey([u8; 32]);

impl FingerprintKey {
    /// A key from its bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The truncated HMAC-SHA256 of `value`, in hexadecimal.
    pub fn fingerprint(&self, value: &str) -> String {
        // HMAC takes keys of any length; the empty answer of the impossible case tells nothing.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        digest.iter().take(KEPT_BYTES).fold(String::with_capacity(2 * KEPT_BYTES), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("FingerprintKey(…)")
    }
}
