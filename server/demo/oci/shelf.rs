//! The repositories asked for last, with their manifests and configurations laid out: a client asks
//! for the parts of one repository one after the other. A fixed number, whatever the estate's size.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::repository::Repository;
use crate::demo::image::Blob;

/// Repositories kept.
const KEPT: usize = 24;

/// Media type and bytes of each part.
pub type Parts = Arc<Vec<(&'static str, Blob)>>;

/// The repositories asked for last, newest first.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<VecDeque<((u64, u32), Parts)>>);

impl Shelf {
    /// The part of `repository` with this digest.
    pub fn part(&self, repository: &Repository, digest: &str) -> Option<(&'static str, Blob)> {
        self.parts(repository).iter().find(|(_, blob)| blob.digest == digest).cloned()
    }

    fn parts(&self, repository: &Repository) -> Parts {
        let key = (repository.index(), repository.version());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, parts)) = kept.iter().find(|(known, _)| *known == key) {
            return Arc::clone(parts);
        }
        drop(kept);
        let parts: Parts = Arc::new(repository.parts());
        kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_front((key, Arc::clone(&parts)));
        kept.truncate(KEPT);
        parts
    }
}
