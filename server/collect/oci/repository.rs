//! One repository: its tags, the images they name, and the two kinds of asset that come of it.

use std::collections::BTreeMap;

use futures::stream;
use futures::{StreamExt, TryStreamExt};
use reqwest::Method;

use super::blobs::Blobs;
use super::client::{Ask, Client, Who};
use super::signatures::Signatures;
use super::{listing, wire};
use crate::analysis::secrets::FingerprintKey;
use crate::collect::image::wire::Manifest;
use crate::collect::image::{self, Fault, Fetched, Missed, Source};
use crate::collect::{RunBuilder, Stopped};
use crate::model::{
    Asset, AssetKey, Fact, Facts, Gap, ImageFacts, ImageTag, Platform, Provider, PublicNetwork,
    RegistryAccess, RepositoryFacts, ResourcePolicy,
};
use crate::outgoing::Zone;

/// Manifests read at once in one repository.
const AT_ONCE: usize = 6;
/// Tags whose failure gets a gap of its own; the rest share one.
const MOST_GAPS: usize = 20;

/// An image or index and the tags that name it.
#[derive(Debug)]
struct Named {
    digest: String,
    manifest: Manifest,
    tags: Vec<String>,
}

/// What the tags of a repository name.
#[derive(Debug, Default)]
struct Contents {
    tags: Vec<ImageTag>,
    /// Images and indexes by digest.
    images: BTreeMap<String, Named>,
    faults: Vec<(String, Fault)>,
    /// A tag's digest is not known.
    dark: Option<Fault>,
}

impl Contents {
    fn add(&mut self, tag: String, outcome: Result<Fetched, Missed>) {
        match outcome {
            Ok(Fetched { manifest: Manifest::Artefact, .. }) => {}
            Ok(Fetched { digest, manifest }) => {
                self.tags.push(ImageTag { tag: tag.clone(), digest: digest.clone(), pushed_at: None });
                let fresh = || Named { digest: digest.clone(), manifest, tags: Vec::new() };
                self.images.entry(digest.clone()).or_insert_with(fresh).tags.push(tag);
            }
            Err(Missed { fault, digest: Some(digest) }) => {
                self.tags.push(ImageTag { tag: tag.clone(), digest, pushed_at: None });
                self.faults.push((tag, fault));
            }
            // The tag went away between the list and now.
            Err(Missed { fault: Fault::NotFound { .. }, .. }) => {}
            Err(Missed { fault, digest: None }) => {
                self.dark.get_or_insert_with(|| fault.clone());
                self.faults.push((tag, fault));
            }
        }
    }
}

/// Reads one repository.
#[derive(Debug)]
pub(super) struct Repository<'a> {
    client: &'a Client,
    key: &'a FingerprintKey,
    name: String,
    scope: String,
}

impl<'a> Repository<'a> {
    /// The repository `name` of a registry.
    pub(super) fn new(client: &'a Client, key: &'a FingerprintKey, name: String) -> Self {
        let scope = format!("repository:{name}:pull");
        Self { client, key, name, scope }
    }

    fn blobs(&self) -> Blobs<'_> {
        Blobs { client: self.client, repository: &self.name, scope: &self.scope }
    }

    fn id(&self) -> String {
        self.client.address.repository_id(&self.name)
    }

    /// Hands over the repository, its images and what could not be read of them.
    pub(super) async fn read(&self, run: &RunBuilder) -> Result<(), Stopped> {
        let call = format!("GET /v2/{}/tags/list", self.name);
        let mut listing = match listing::tags(self.client, &self.name, &self.scope).await {
            Ok(listing) => listing,
            Err(fault) => {
                let facet = format!("tags of {}", self.name);
                return run.gap(fault.gap(&facet, &call, &self.scope, Some(self.id()))).await;
            }
        };
        if let Some(fault) = &listing.cut {
            let facet = format!("tags of {}", self.name);
            run.gap(fault.gap(&facet, &call, &self.scope, Some(self.id()))).await?;
        }
        let complete = listing.cut.is_none();
        let signatures = Signatures::take(&mut listing.names, complete);
        let access = self.access(listing.names.first().map(String::as_str)).await;
        let mut contents = self.contents(listing.names).await;
        self.report(run, &contents.faults).await?;
        let images = std::mem::take(&mut contents.images).into_values();
        let reading = stream::iter(images).map(|named| self.image(run, &signatures, named));
        let found: Vec<bool> = reading.buffer_unordered(AT_ONCE).try_collect().await?;
        let count = found.iter().filter(|is_image| **is_image).count();
        run.asset(self.asset(access, &contents, count, complete)).await?;
        self.client.forget(&self.scope);
        Ok(())
    }

    async fn contents(&self, tags: Vec<String>) -> Contents {
        let blobs = self.blobs();
        let mut reading = stream::iter(tags)
            .map(|tag| async move {
                let outcome = blobs.manifest(&tag).await;
                (tag, outcome)
            })
            .buffered(AT_ONCE);
        let mut contents = Contents::default();
        while let Some((tag, outcome)) = reading.next().await {
            contents.add(tag, outcome);
        }
        contents
    }

    async fn report(&self, run: &RunBuilder, faults: &[(String, Fault)]) -> Result<(), Stopped> {
        for (tag, fault) in faults.iter().take(MOST_GAPS) {
            let facet = format!("tag {tag}");
            let call = format!("GET /v2/{}/manifests/{tag}", self.name);
            run.gap(fault.gap(&facet, &call, &self.scope, Some(self.id()))).await?;
        }
        match faults.get(MOST_GAPS..) {
            Some([(_, first), rest @ ..]) => {
                let facet = format!("{} more tags", rest.len() + 1);
                let call = format!("GET /v2/{}/manifests/…", self.name);
                run.gap(first.gap(&facet, &call, &self.scope, Some(self.id()))).await
            }
            _ => Ok(()),
        }
    }

    /// Hands over one image; false where it turns out to be none.
    async fn image(&self, run: &RunBuilder, signatures: &Signatures, named: Named) -> Result<bool, Stopped> {
        let blobs = self.blobs();
        let Named { digest, manifest, tags } = named;
        let Some(image::Read { mut facts, faults }) = image::read(&blobs, self.key, &digest, manifest).await
        else {
            return Ok(false);
        };
        let name = format!("{}:{}", self.name, tags.first().map_or("", String::as_str));
        facts.repository = self.name.clone().into();
        facts.image_tags = tags.into();
        facts.signed = signatures.of(blobs, &digest).await;
        let id = self.client.address.image_id(&self.name, &digest);
        for (facet, fault) in faults {
            let call = format!("GET /v2/{}/manifests/{digest}", self.name);
            let gap = fault.gap(&facet, &call, &self.scope, Some(id.clone()));
            // The image is there; only facts of it are missing.
            run.gap(Gap { hides_assets: false, ..gap }).await?;
        }
        run.asset(self.wrap(id, name, Platform::OciImage, facts)).await?;
        Ok(true)
    }

    fn wrap(&self, native_id: String, name: String, platform: Platform, facts: ImageFacts) -> Asset {
        Asset { key: self.key_of(native_id), name, platform, facts: Facts::Image(Box::new(facts)) }
    }

    fn key_of(&self, native_id: String) -> AssetKey {
        let account = self.client.address.name.clone();
        AssetKey { provider: Provider::Registry, account, region: String::new(), native_id }
    }

    /// Whether anybody may pull: told by trying.
    async fn access(&self, tag: Option<&str>) -> Fact<RegistryAccess> {
        let anyone = |anonymous_pull| {
            Fact::Known(RegistryAccess { anonymous_pull, policy: ResourcePolicy::default() })
        };
        if self.client.is_anonymous() {
            return anyone(true);
        }
        let path = match tag {
            Some(tag) => self.blobs().manifest_path(tag),
            None => format!("v2/{}/tags/list", self.name),
        };
        let ask = self.client.ask(Who::Anyone, &path, &self.scope, 4 << 20);
        let method = if tag.is_some() { Method::HEAD } else { Method::GET };
        let answer = match ask {
            Ok(ask) => self.client.call(&Ask { method, accept: wire::MANIFESTS, ..ask }).await,
            Err(fault) => Err(fault),
        };
        match answer {
            Ok(_) => anyone(true),
            Err(Fault::Refused { .. } | Fault::NotFound { .. }) => anyone(false),
            Err(fault) => Fact::unknown(format!("trying to pull without a login: {fault}")),
        }
    }

    fn asset(
        &self,
        access: Fact<RegistryAccess>,
        contents: &Contents,
        count: usize,
        complete: bool,
    ) -> Asset {
        let open_api = self.client.is_open().into();
        let tls = (self.client.address.base.scheme() == "https").into();
        let whole = complete && contents.faults.is_empty();
        let image_count = match i64::try_from(count) {
            Ok(count) if whole => Fact::Known(count),
            _ => Fact::unknown("not all tags could be read"),
        };
        let image_tags = match &contents.dark {
            None => Fact::Known(contents.tags.clone()),
            Some(fault) => fault.unknown(&self.scope),
        };
        let public_network = match self.client.zone() {
            Zone::Private | Zone::Loopback => Fact::Known(PublicNetwork { enabled: false, restricted: true }),
            _ => Fact::unknown("from outside it cannot be seen whether address rules guard it"),
        };
        let facts = RepositoryFacts {
            access,
            public_network,
            open_api,
            tls,
            image_tags,
            image_count,
            // What the API knows nothing of stays unread: the controls say so in their own words.
            ..RepositoryFacts::default()
        };
        Asset {
            key: self.key_of(self.id()),
            name: self.name.clone(),
            platform: Platform::Oci,
            facts: Facts::Repository(Box::new(facts)),
        }
    }
}
