//! Marks: what a reading saw of an asset, in a few bytes, to be compared with what a later one sees.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::Platform;

/// Bytes of a mark: enough that no two that differ are ever met.
const LENGTH: usize = 16;

/// A digest of what the lists of a source show of an asset, before it is asked about by itself. Two readings
/// that make the same mark saw the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark([u8; LENGTH]);

impl Mark {
    /// Of an asset of this name and platform of which a list shows `facts`. None where they cannot be written.
    pub fn of(name: &str, platform: Platform, facts: &impl Serialize) -> Option<Self> {
        let mut digest = Sha256::new();
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(platform.code());
        digest.update([0]);
        digest.update(serde_json::to_vec(facts).ok()?);
        let mut mark = [0; LENGTH];
        mark.copy_from_slice(digest.finalize().get(..LENGTH)?);
        Some(Self(mark))
    }

    /// Its bytes, as they are stored.
    pub fn bytes(self) -> [u8; LENGTH] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, FunctionFacts};

    #[test]
    fn whatever_differs_makes_another_mark() {
        let facts = |memory| FunctionFacts { memory_mb: Fact::Known(memory), ..FunctionFacts::default() };
        let one = Mark::of("orders", Platform::LambdaZip, &facts(Some(128)));
        assert!(one.is_some());
        assert_eq!(one, Mark::of("orders", Platform::LambdaZip, &facts(Some(128))));
        assert_ne!(one, Mark::of("order", Platform::LambdaZip, &facts(Some(128))));
        assert_ne!(one, Mark::of("orders", Platform::LambdaImage, &facts(Some(128))));
        assert_ne!(one, Mark::of("orders", Platform::LambdaZip, &facts(Some(256))));
        assert_ne!(one, Mark::of("orders", Platform::LambdaZip, &facts(None)));
    }
}
