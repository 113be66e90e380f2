//! Manifests and blobs of one repository, through the distribution API.

use reqwest::Method;

use super::client::{Ask, Client, Who};
use super::wire;
use crate::collect::image::wire::{self as form, is_digest};
use crate::collect::image::{Fault, Fetched, MANIFEST_LIMIT, Missed, Source, proven};

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

    /// The digest of what a tag names, without fetching it; none where the registry does not say.
    pub(super) async fn digest(&self, tag: &str) -> Result<Option<String>, Fault> {
        let ask = self.client.ask(Who::Us, &self.manifest_path(tag), self.scope, MANIFEST_LIMIT)?;
        let answer = self.client.call(&Ask { method: Method::HEAD, accept: wire::MANIFESTS, ..ask }).await?;
        Ok(answer.digest.filter(|text| is_digest(text)))
    }
}

impl Source for Blobs<'_> {
    fn scope(&self) -> &str {
        self.scope
    }

    /// The manifest a tag or a digest names.
    async fn manifest(&self, reference: &str) -> Result<Fetched, Missed> {
        let ask = self.client.ask(Who::Us, &self.manifest_path(reference), self.scope, MANIFEST_LIMIT)?;
        let answer = self.client.call(&Ask { accept: wire::MANIFESTS, ..ask }).await?;
        let stated = if is_digest(reference) {
            Some(reference.to_owned())
        } else {
            answer.digest.filter(|text| is_digest(text))
        };
        if let Some(expected) = &stated {
            proven(expected, &answer.body)?;
        }
        let got = form::digest(&answer.body, stated.as_deref().unwrap_or_default());
        match form::manifest(&answer.body) {
            Ok(manifest) => Ok(Fetched { digest: got, manifest }),
            Err(Fault::Unreadable(why)) if answer.content_type.contains("html") => {
                Err(Fault::Unreadable(format!("it is a web page ({why})")).into())
            }
            // Without a digest from the registry, a body that was cut looks like another manifest.
            Err(fault) => Err(Missed { fault, digest: stated.is_some().then_some(got) }),
        }
    }

    async fn blob(&self, digest: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        let path = format!("v2/{}/blobs/{digest}", self.repository);
        let ask = self.client.ask(Who::Us, &path, self.scope, limit)?;
        Ok(self.client.call(&Ask { accept: "*/*", ..ask }).await?.body)
    }
}
