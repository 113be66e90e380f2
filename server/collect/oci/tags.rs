//! What the tags of a repository name: each image once, by its digest.
//!
//! A tag that an earlier run knew, and between whole readings any tag, is asked for its digest alone.
//! Registries count what is fetched, and under one digest there is never anything else.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, stream};

use super::blobs::Blobs;
use crate::collect::image::wire::Manifest;
use crate::collect::image::{Fault, Fetched, Missed, Source};
use crate::model::{Asset, Facts, ImageTag};

/// Manifests read at once in one repository.
pub(super) const AT_ONCE: usize = 6;

/// An image or index and the tags that name it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) digest: String,
    /// None where an earlier run had it, and nobody has fetched it in this one.
    pub(super) manifest: Option<Manifest>,
    pub(super) tags: Vec<String>,
}

/// What need not be fetched to know what a tag names.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing: whoever reads the images knows which of them were read.
    Anything,
    /// What an earlier run found the tags to name.
    Known {
        /// The tags.
        tags: HashSet<String>,
        /// The images.
        digests: HashSet<String>,
    },
}

impl Before {
    /// As the repository's own facts say it, or said it when they were last known: a hint where to look,
    /// and no more.
    pub(super) fn of(repository: Option<Asset>) -> Self {
        let known = match repository.map(|asset| asset.facts) {
            Some(Facts::Repository(facts)) => {
                facts.image_tags.known().or(facts.last_image_tags.known()).cloned()
            }
            _ => None,
        };
        let (tags, digests) = known.unwrap_or_default().into_iter().map(|one| (one.tag, one.digest)).unzip();
        Self::Known { tags, digests }
    }

    fn asks(&self, tag: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Known { tags, .. } => tags.contains(tag),
        }
    }

    fn spares(&self, digest: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Known { digests, .. } => digests.contains(digest),
        }
    }

    /// The digest a tag names now, where that is enough. Who is told to wait does not ask again.
    async fn still(&self, blobs: Blobs<'_>, tag: &str) -> Result<Option<String>, Missed> {
        if !self.asks(tag) {
            return Ok(None);
        }
        match blobs.digest(tag).await {
            Ok(digest) => Ok(digest.filter(|digest| self.spares(digest))),
            Err(fault @ Fault::Throttled { .. }) => Err(fault.into()),
            // It goes wrong again where the manifest is fetched, and is told there.
            Err(_) => Ok(None),
        }
    }
}

/// What the tags of a repository name.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub(super) listed: Vec<ImageTag>,
    /// Images and indexes by digest.
    pub(super) images: BTreeMap<String, Named>,
    pub(super) faults: Vec<(String, Fault)>,
    /// A tag's digest is not known.
    pub(super) dark: Option<Fault>,
}

impl Tags {
    /// Asks each tag what it names.
    pub(super) async fn read(blobs: Blobs<'_>, tags: Vec<String>, before: &Before) -> Self {
        let mut reading = stream::iter(tags)
            .map(|tag| async move {
                let outcome = match before.still(blobs, &tag).await {
                    Err(missed) => Err(missed),
                    Ok(Some(digest)) => Ok((digest, None)),
                    Ok(None) => blobs
                        .manifest(&tag)
                        .await
                        .map(|Fetched { digest, manifest }| (digest, Some(manifest))),
                };
                (tag, outcome)
            })
            .buffered(AT_ONCE);
        let mut found = Self::default();
        while let Some((tag, outcome)) = reading.next().await {
            found.add(tag, outcome);
        }
        found
    }

    fn add(&mut self, tag: String, outcome: Result<(String, Option<Manifest>), Missed>) {
        match outcome {
            Ok((_, Some(Manifest::Artefact))) => {}
            Ok((digest, manifest)) => {
                self.listed.push(ImageTag { tag: tag.clone(), digest: digest.clone(), pushed_at: None });
                let fresh = Named { digest: digest.clone(), manifest: None, tags: Vec::new() };
                let named = self.images.entry(digest).or_insert(fresh);
                named.manifest = named.manifest.take().or(manifest);
                named.tags.push(tag);
            }
            Err(Missed { fault, digest: Some(digest) }) => {
                self.listed.push(ImageTag { tag: tag.clone(), digest, pushed_at: None });
                self.faults.push((tag, fault));
            }
            // The tag went away between the list and now.
            Err(Missed { fault: Fault::NotFound { .. }, .. }) => {}
            Err(Missed { fault, digest: None }) => self.lack(tag, fault),
        }
    }

    /// What a tag names could not be told.
    fn lack(&mut self, tag: String, fault: Fault) {
        self.dark.get_or_insert_with(|| fault.clone());
        self.faults.push((tag, fault));
    }

    /// An image could not be had whose digest was all that its tags were asked for. Unless it arrived whole,
    /// nobody has proven that they name it.
    pub(super) fn lose(&mut self, named: Named, missed: &Missed) {
        if missed.digest.is_none() {
            self.drop(&named.digest);
        }
        for tag in named.tags {
            match missed.digest {
                Some(_) => self.faults.push((tag, missed.fault.clone())),
                None => self.lack(tag, missed.fault.clone()),
            }
        }
    }

    /// Forgets the tags of this digest: it is no image after all.
    pub(super) fn drop(&mut self, digest: &str) {
        self.listed.retain(|one| one.digest != digest);
    }

    /// The images, so many at a time.
    pub(super) fn images(&mut self, together: usize) -> impl Iterator<Item = Vec<Named>> + use<> {
        let mut images = std::mem::take(&mut self.images).into_values();
        std::iter::from_fn(move || {
            let some: Vec<Named> = images.by_ref().take(together).collect();
            (!some.is_empty()).then_some(some)
        })
    }
}
