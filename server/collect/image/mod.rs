//! What an image says of itself, whoever keeps it: manifests, indexes under bounds on depth and number,
//! configurations proven against their digests, and the facts that come of them.
//!
//! Everything is taken as hostile. Knows no registry and no cloud: a [`Source`] brings the bytes.

mod base;
mod fault;
mod normalise;
mod platforms;
mod source;
pub(in crate::collect) mod wire;

pub(in crate::collect) use fault::Fault;
pub(in crate::collect) use source::{Fetched, MANIFEST_LIMIT, Missed, Source, proven};

use crate::analysis::secrets::FingerprintKey;
use crate::model::{Fact, ImageFacts};
use wire::Manifest;

/// The facts an image's own words give, and what could not be read of them.
#[derive(Debug)]
pub(in crate::collect) struct Read {
    pub(in crate::collect) facts: ImageFacts,
    /// The part, and why.
    pub(in crate::collect) faults: Vec<(String, Fault)>,
}

/// Reads the image that `manifest`, found under `digest`, describes; none where it is no image.
pub(in crate::collect) async fn read<S: Source>(
    source: &S,
    key: &FingerprintKey,
    digest: &str,
    manifest: Manifest,
) -> Option<Read> {
    match manifest {
        Manifest::Artefact => None,
        Manifest::Image { config, size } => {
            let (facts, fault) = platforms::single(source, key, &config, size).await;
            let faults = fault.map(|fault| ("image configuration".to_owned(), fault));
            Some(Read { facts, faults: faults.into_iter().collect() })
        }
        Manifest::Index(children) => {
            let found = platforms::read(source, key, digest, children).await;
            let facts = (!found.images.is_empty()).then(|| normalise::merge(&found.images))?;
            Some(Read { facts, faults: found.faults })
        }
    }
}

/// Whether all that an image says of itself was read.
pub(in crate::collect) fn is_whole(facts: &ImageFacts) -> bool {
    const fn read<T>(fact: &Fact<T>) -> bool {
        matches!(fact, Fact::Known(_))
    }
    read(&facts.user)
        && read(&facts.environment)
        && read(&facts.history_secrets)
        && read(&facts.exposed_ports)
        && read(&facts.healthcheck)
        && read(&facts.created)
        && read(&facts.labels)
        && read(&facts.base)
        && read(&facts.architectures)
        && read(&facts.size_bytes)
}

/// An image's own words as an earlier run read them under the same digest; none where one of them could
/// not be read then. What others say of it (tags, pushes, scans, signatures) is not taken over.
pub(in crate::collect) fn again(before: ImageFacts) -> Option<ImageFacts> {
    let whole = is_whole(&before);
    let ImageFacts { user, environment, history_secrets, exposed_ports, healthcheck, .. } = before;
    let ImageFacts { created, labels, base, architectures, size_bytes, .. } = before;
    whole.then(|| ImageFacts {
        user,
        environment,
        history_secrets,
        exposed_ports,
        healthcheck,
        created,
        labels,
        base,
        architectures,
        size_bytes,
        ..ImageFacts::default()
    })
}

/// The facts of an image of which nothing could be read.
pub(in crate::collect) fn unread(fault: &Fault, scope: &str) -> ImageFacts {
    normalise::unread(fault, scope)
}
