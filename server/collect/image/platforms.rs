//! The images of an index: every platform's configuration, under bounds on depth and number.

use futures::StreamExt;
use futures::stream;

use super::fault::Fault;
use super::normalise;
use super::source::{Missed, Source};
use super::wire::{self, Blob, Child, Manifest};
use crate::analysis::secrets::FingerprintKey;
use crate::model::ImageFacts;

/// An index within an index within an index, and no further.
const MOST_NESTING: usize = 2;
const MOST_CHILDREN: usize = 256;
const AT_ONCE: usize = 6;

/// The facts of each platform, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Platforms {
    pub(super) images: Vec<ImageFacts>,
    /// The platform or reference, and why.
    pub(super) faults: Vec<(String, Fault)>,
}

impl Platforms {
    fn miss(&mut self, what: String, fault: Fault, scope: &str) {
        self.images.push(normalise::unread(&fault, scope));
        self.faults.push((what, fault));
    }
}

/// A manifest still to be read: what it is called, its digest, and the indexes it hangs under.
struct Branch {
    name: String,
    child: Child,
    above: Vec<String>,
}

fn branches(children: Vec<Child>, above: &[String]) -> Vec<Branch> {
    let branch = |child: Child| Branch {
        name: child.platform.clone().unwrap_or_else(|| child.digest.clone()),
        child,
        above: above.to_vec(),
    };
    children.into_iter().map(branch).collect()
}

/// One image's configuration as facts.
pub(super) async fn single<S: Source>(
    source: &S,
    key: &FingerprintKey,
    config: &Blob,
    size: i64,
) -> (ImageFacts, Option<Fault>) {
    let (mut facts, fault) = match source.config(config).await {
        Ok(read) => (normalise::image(&read, key), None),
        Err(fault) => (normalise::unread(&fault, source.scope()), Some(fault)),
    };
    facts.size_bytes = size.into();
    (facts, fault)
}

/// Reads every platform under the index `digest`.
pub(super) async fn read<S: Source>(
    source: &S,
    key: &FingerprintKey,
    digest: &str,
    children: Vec<Child>,
) -> Platforms {
    let mut found = Platforms::default();
    let mut level = branches(children, &[digest.to_owned()]);
    let mut seen = 0;
    for depth in 0..=MOST_NESTING {
        let room = MOST_CHILDREN - seen;
        if level.len() > room {
            let fault = Fault::Bound(format!("the index holds more than {MOST_CHILDREN} manifests"));
            found.miss("manifests of the index".into(), fault, source.scope());
            level.truncate(room);
        }
        seen += level.len();
        let mut reading = stream::iter(level).map(|branch| follow(source, key, branch)).buffered(AT_ONCE);
        let mut next = Vec::new();
        while let Some(outcome) = reading.next().await {
            match outcome {
                Outcome::Image(facts) => found.images.push(*facts),
                Outcome::Half(facts, name, fault) => {
                    found.images.push(*facts);
                    found.faults.push((name, fault));
                }
                Outcome::Missed(name, fault) => found.miss(name, fault, source.scope()),
                Outcome::Index(deeper) if depth < MOST_NESTING => next.extend(deeper),
                Outcome::Index(_) => {
                    let fault = Fault::Bound(format!("indexes are nested more than {MOST_NESTING} deep"));
                    found.miss("an index in the index".into(), fault, source.scope());
                }
                Outcome::Artefact => {}
            }
        }
        drop(reading);
        level = next;
    }
    found
}

enum Outcome {
    Image(Box<ImageFacts>),
    Half(Box<ImageFacts>, String, Fault),
    Missed(String, Fault),
    Index(Vec<Branch>),
    Artefact,
}

async fn follow<S: Source>(source: &S, key: &FingerprintKey, branch: Branch) -> Outcome {
    let Branch { name, child, mut above } = branch;
    if above.contains(&child.digest) {
        return Outcome::Missed(name, Fault::Cycle);
    }
    if !wire::is_digest(&child.digest) {
        return Outcome::Missed(name, Fault::Unreadable("it is named by no digest we know".into()));
    }
    let fetched = match source.manifest(&child.digest).await {
        Ok(fetched) => fetched,
        // A digest cannot hold itself; a registry that serves the index again under it can.
        Err(Missed { fault: Fault::Digest { got, .. }, .. }) if above.contains(&got) => {
            return Outcome::Missed(name, Fault::Cycle);
        }
        Err(missed) => return Outcome::Missed(name, missed.fault),
    };
    match fetched.manifest {
        Manifest::Image { config, size } => {
            let (mut facts, fault) = single(source, key, &config, size).await;
            if let (Some(platform), None) = (child.platform, facts.architectures.known()) {
                facts.architectures = vec![platform].into();
            }
            match fault {
                None => Outcome::Image(Box::new(facts)),
                Some(fault) => Outcome::Half(Box::new(facts), name, fault),
            }
        }
        Manifest::Index(children) => {
            above.push(child.digest);
            Outcome::Index(branches(children, &above))
        }
        Manifest::Artefact => Outcome::Artefact,
    }
}
