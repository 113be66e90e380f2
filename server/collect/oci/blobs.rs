//! Manifests and configurations of one repository, each proven against the digest that names it.

use super::address::is_digest;
use super::client::{Ask, Client, Who};
use super::fault::Fault;
use super::wire::{self, Blob, ImageConfig, Manifest};

const MANIFEST_LIMIT: usize = 4 << 20;
const CONFIG_LIMIT: usize = 8 << 20;

/// A manifest and the digest of what was read.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) digest: String,
    pub(super) manifest: Manifest,
}

/// A manifest that could not be had.
#[derive(Debug)]
pub(super) struct Missed {
    pub(super) fault: Fault,
    /// Its digest, where it arrived whole and only its form is beyond us.
    pub(super) digest: Option<String>,
}

impl From<Fault> for Missed {
    fn from(fault: Fault) -> Self {
        Self { fault, digest: None }
    }
}

/// Where the blobs of one repository are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blobs<'a> {
    pub(super) client: &'a Client,
    pub(super) repository: &'a str,
    pub(super) scope: &'a str,
}

impl Blobs<'_> {
    /// The path of a manifest.
    pub(super) fn manifest_path(&self, reference: &str) -> String {
        format!("v2/{}/manifests/{reference}", self.repository)
    }

    /// The manifest a tag or a digest names.
    pub(super) async fn manifest(&self, reference: &str) -> Result<Fetched, Missed> {
        let ask = self.client.ask(Who::Us, &self.manifest_path(reference), self.scope, MANIFEST_LIMIT)?;
        let answer = self.client.call(&Ask { accept: wire::MANIFESTS, ..ask }).await?;
        let stated = if is_digest(reference) {
            Some(reference.to_owned())
        } else {
            answer.digest.filter(|text| is_digest(text))
        };
        let got = wire::digest(&answer.body, stated.as_deref().unwrap_or_default());
        match &stated {
            Some(expected) if *expected != got => {
                return Err(Fault::Digest { expected: expected.clone(), got }.into());
            }
            _ => {}
        }
        match wire::manifest(&answer.body) {
            Ok(manifest) => Ok(Fetched { digest: got, manifest }),
            Err(Fault::Unreadable(why)) if answer.content_type.contains("html") => {
                Err(Fault::Unreadable(format!("it is a web page ({why})")).into())
            }
            // Without a digest from the registry, a body that was cut looks like another manifest.
            Err(fault) => Err(Missed { fault, digest: stated.is_some().then_some(got) }),
        }
    }

    /// An image's configuration.
    pub(super) async fn config(&self, blob: &Blob) -> Result<ImageConfig, Fault> {
        if !is_digest(&blob.digest) {
            return Err(Fault::Unreadable(
                "the manifest names its configuration by no digest we know".into(),
            ));
        }
        if usize::try_from(blob.size).unwrap_or(0) > CONFIG_LIMIT {
            return Err(Fault::TooLarge { limit: CONFIG_LIMIT });
        }
        let path = format!("v2/{}/blobs/{}", self.repository, blob.digest);
        let ask = self.client.ask(Who::Us, &path, self.scope, CONFIG_LIMIT)?;
        let answer = self.client.call(&Ask { accept: "*/*", ..ask }).await?;
        let got = wire::digest(&answer.body, &blob.digest);
        if got != blob.digest {
            return Err(Fault::Digest { expected: blob.digest.clone(), got });
        }
        wire::json("the image configuration", &answer.body)
    }
}
