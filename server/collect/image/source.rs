//! Where the manifests and configurations of one repository come from: a registry's own API, or the
//! API of the cloud that runs it. Whoever implements it proves bytes against the digest that names them.

use std::future::Future;

use super::fault::Fault;
use super::wire::{self, Blob, ImageConfig, Manifest};

/// Longest manifest or index we read, in bytes: what registries themselves accept.
pub(in crate::collect) const MANIFEST_LIMIT: usize = 4 << 20;
/// Longest image configuration we read, in bytes.
const CONFIG_LIMIT: usize = 8 << 20;

/// A manifest and the digest of what was read.
#[derive(Debug)]
pub(in crate::collect) struct Fetched {
    pub(in crate::collect) digest: String,
    pub(in crate::collect) manifest: Manifest,
}

/// A manifest that could not be had.
#[derive(Debug)]
pub(in crate::collect) struct Missed {
    pub(in crate::collect) fault: Fault,
    /// Its digest, where it arrived whole and only its form is beyond us.
    pub(in crate::collect) digest: Option<String>,
}

impl From<Fault> for Missed {
    fn from(fault: Fault) -> Self {
        Self { fault, digest: None }
    }
}

/// The contents of one repository.
pub(in crate::collect) trait Source: Sync {
    /// The permission that reading takes.
    fn scope(&self) -> &str;

    /// The manifest a digest names.
    fn manifest(&self, digest: &str) -> impl Future<Output = Result<Fetched, Missed>> + Send;

    /// The bytes of a blob, at most `limit` of them; not proven yet.
    fn blob(&self, digest: &str, limit: usize) -> impl Future<Output = Result<Vec<u8>, Fault>> + Send;

    /// An image's configuration, proven.
    fn config(&self, blob: &Blob) -> impl Future<Output = Result<ImageConfig, Fault>> + Send {
        async move {
            if !wire::is_digest(&blob.digest) {
                return Err(Fault::Unreadable(
                    "the manifest names its configuration by no digest we know".into(),
                ));
            }
            if usize::try_from(blob.size).unwrap_or(0) > CONFIG_LIMIT {
                return Err(Fault::TooLarge { limit: CONFIG_LIMIT });
            }
            let body = self.blob(&blob.digest, CONFIG_LIMIT).await?;
            proven(&blob.digest, &body)?;
            wire::json("the image configuration", &body)
        }
    }
}

/// Holds `body` against the digest that named it.
pub(in crate::collect) fn proven(expected: &str, body: &[u8]) -> Result<(), Fault> {
    let got = wire::digest(body, expected);
    if got == expected { Ok(()) } else { Err(Fault::Digest { expected: expected.to_owned(), got }) }
}
