//! Whether a signature is attached to an image: by the tags that cosign writes beside it, or by
//! what the registry says refers to it.

use std::collections::HashSet;

use super::blobs::Blobs;
use super::client::{Ask, Who};
use super::wire::{self, Referrers};
use crate::collect::image::Fault;
use crate::collect::image::wire::{is_digest, json};
use crate::model::Fact;

const REFERRERS_LIMIT: usize = 4 << 20;
const MOST_PAGES: usize = 10;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// What the tags of a repository say of signatures.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    /// Digests with a `.sig` or `.att` tag.
    signed: HashSet<String>,
    /// Digests with a tag that lists what refers to them, where the registry keeps no such list.
    listed: HashSet<String>,
    /// Whether all tags were seen.
    complete: bool,
}

impl Signatures {
    /// Takes the tags that are about other images out of `tags`.
    pub(super) fn take(tags: &mut Vec<String>, complete: bool) -> Self {
        let mut found = Self { complete, ..Self::default() };
        tags.retain(|tag| {
            let Some((digest, ending)) = about(tag) else { return true };
            match ending {
                "sig" | "att" => found.signed.insert(digest),
                "" => found.listed.insert(digest),
                _ => false,
            };
            false
        });
        found
    }

    /// Whether `digest` is signed.
    pub(super) async fn of(&self, blobs: Blobs<'_>, digest: &str) -> Fact<bool> {
        if self.signed.contains(digest) {
            return Fact::Known(true);
        }
        match referrers(blobs, digest, self.listed.contains(digest)).await {
            Ok(true) => Fact::Known(true),
            Ok(false) if self.complete => Fact::Known(false),
            Ok(false) => Fact::unknown("not all tags were read, and a signature may be among the rest"),
            Err(fault) => fault.unknown(blobs.scope),
        }
    }
}

/// `sha256-<hex>.sig` is about `sha256:<hex>`.
fn about(tag: &str) -> Option<(String, &str)> {
    let rest = tag.strip_prefix("sha256-")?;
    let (hex, ending) = rest.split_once('.').unwrap_or((rest, ""));
    let digest = format!("sha256:{hex}");
    is_digest(&digest).then_some((digest, ending))
}

async fn referrers(blobs: Blobs<'_>, digest: &str, listed: bool) -> Result<bool, Fault> {
    if blobs.client.lists_referrers() {
        let path = format!("v2/{}/referrers/{digest}", blobs.repository);
        match signs(blobs, &path).await {
            Err(Fault::NotFound { code }) if code.starts_with("HTTP") => blobs.client.lacks_referrers(),
            Err(Fault::Status { status: 400 | 405 | 501, .. }) => blobs.client.lacks_referrers(),
            Err(Fault::NotFound { .. }) => return Ok(false),
            answer => return answer,
        }
    }
    if !listed {
        return Ok(false);
    }
    signs(blobs, &blobs.manifest_path(&digest.replacen(':', "-", 1))).await
}

/// Whether a list of referrers holds a signature.
async fn signs(blobs: Blobs<'_>, path: &str) -> Result<bool, Fault> {
    let mut ask = Ask { accept: INDEX, ..blobs.client.ask(Who::Us, path, blobs.scope, REFERRERS_LIMIT)? };
    for _ in 0..MOST_PAGES {
        let answer = blobs.client.call(&ask).await?;
        let page: Referrers = json("the list of referrers", &answer.body)?;
        if page.manifests.iter().any(wire::Referrer::signs) {
            return Ok(true);
        }
        match blobs.client.next_page(&ask, &answer)? {
            Some(next) => ask = next,
            None => return Ok(false),
        }
    }
    Err(Fault::Bound(format!("more than {MOST_PAGES} pages of referrers")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_about_other_images_are_taken_out_and_understood() {
        let hex = "0f".repeat(32);
        let of = |ending: &str| format!("sha256-{hex}{ending}");
        let mut tags = vec!["1.0".into(), of(".sig"), of(".sbom"), of(""), "sha256-short.sig".into()];
        let found = Signatures::take(&mut tags, true);
        assert_eq!(tags, ["1.0", "sha256-short.sig"]);
        assert!(found.signed.contains(&format!("sha256:{hex}")) && found.listed.len() == 1);
        let mut only_sbom = vec![of(".sbom")];
        assert!(
            Signatures::take(&mut only_sbom, true).signed.is_empty(),
            "a bill of materials is no signature"
        );
    }
}
