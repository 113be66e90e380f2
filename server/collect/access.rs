//! What opening a source takes beside its spec: the secret it logs in with, and how near to us its
//! addresses may lead.

use std::fmt;

use crate::analysis::secrets::FingerprintKey;
use crate::outgoing::{Guard, Zone};

/// A secret that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text, for the source alone.
    pub fn tell(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(…)")
    }
}

/// What opening a source takes beside its spec.
#[derive(Debug, Clone)]
pub struct Access {
    /// Key of the fingerprints of values that are not kept.
    pub key: FingerprintKey,
    /// The secret that was sealed apart; none where the spec needs none.
    pub secret: Option<Password>,
    /// Says how near to us its addresses may lead.
    pub guard: Guard,
}

impl Access {
    /// For a look that keeps nothing, so that nothing needs a fingerprint.
    pub fn to_look(secret: Option<Password>, guard: Guard) -> Self {
        Self { key: FingerprintKey::new([0; 32]), secret, guard }
    }
}

impl From<FingerprintKey> for Access {
    /// As the operator reaches a source from the machine itself.
    fn from(key: FingerprintKey) -> Self {
        Self { key, secret: None, guard: Guard::to(Zone::Loopback) }
    }
}
