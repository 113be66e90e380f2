//! One repository: its tags, the images they name, and the two kinds of asset that come of it.

use std::collections::{HashMap, HashSet};

use futures::stream;
use futures::{StreamExt, TryStreamExt};
use reqwest::Method;

use super::blobs::Blobs;
use super::client::{Ask, Client, Who};
use super::signatures::Signatures;
use super::tags::{AT_ONCE, Before, Named, Tags};
use super::{listing, wire};
use crate::analysis::secrets::FingerprintKey;
use crate::collect::image::wire::Manifest;
use crate::collect::image::{self, Fault, Missed, Source};
use crate::collect::{RunBuilder, Stopped};
use crate::model::{
    Asset, AssetKey, Fact, Facts, Gap, ImageFacts, Mark, Platform, Provider, PublicNetwork, RegistryAccess,
    RepositoryFacts, ResourcePolicy,
};
use crate::outgoing::Zone;

/// Tags whose failure gets a gap of its own; the rest share one.
const MOST_GAPS: usize = 20;

/// What came of an image that was named.
#[derive(Debug)]
enum Found {
    Image,
    /// What lies under this digest is no image.
    Nothing(String),
    /// It could not be had, and why.
    Lost(Named, Missed),
}

/// The mark of an image: what its repository shows of it, and what was looked up of who signs it.
fn mark(name: &str, listed: &ImageFacts) -> Option<Mark> {
    Mark::of(name, Platform::OciImage, listed)
}

/// What an image said of itself when an earlier run read it, if that was whole.
fn again(before: Asset) -> Option<ImageFacts> {
    let Facts::Image(facts) = before.facts else { return None };
    image::again(*facts)
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
        let before = self.before(run).await?;
        let mut tags = Tags::read(self.blobs(), listing.names, &before).await;
        let count = self.images(run, &signatures, &mut tags).await?;
        self.report(run, &tags.faults).await?;
        self.hand_over(run, self.asset(access, &tags, count, complete)).await?;
        self.client.forget(&self.scope);
        Ok(())
    }

    /// Hands over the images that tags name, and gives their number.
    async fn images(
        &self,
        run: &RunBuilder,
        signatures: &Signatures,
        tags: &mut Tags,
    ) -> Result<usize, Stopped> {
        let mut count = 0;
        for mut images in tags.images(RunBuilder::MOST_RECALLED) {
            let all = images.len();
            let mut signed = self.leave_out(run, signatures, &mut images).await?;
            count += all - images.len();
            let keys = images.iter().map(|named| self.image_key(&named.digest)).collect();
            let mut known = run.recall(keys).await?;
            let reading = images.into_iter().map(|named| {
                let before = known.remove(&self.image_key(&named.digest));
                let signed = signed.remove(&named.digest);
                self.image(run, (signatures, signed), named, before)
            });
            let found: Vec<Found> = stream::iter(reading).buffer_unordered(AT_ONCE).try_collect().await?;
            for one in found {
                match one {
                    Found::Image => count += 1,
                    Found::Nothing(digest) => tags.drop(&digest),
                    Found::Lost(named, missed) => tags.lose(named, &missed),
                }
            }
        }
        Ok(count)
    }

    /// Which images need not be fetched to know what a tag names.
    async fn before(&self, run: &RunBuilder) -> Result<Before, Stopped> {
        if run.since().is_some() {
            return Ok(Before::Anything);
        }
        let own = self.key_of(self.id());
        Ok(Before::of(run.recall(vec![own.clone()]).await?.remove(&own)))
    }

    /// Takes out of `images` those that are as they were: the signed ones by their marks alone, since signatures
    /// come after an image and stay; the others after looking whether one has come. Gives what was found of
    /// those that are left.
    async fn leave_out(
        &self,
        run: &RunBuilder,
        signatures: &Signatures,
        images: &mut Vec<Named>,
    ) -> Result<HashMap<String, Fact<bool>>, Stopped> {
        let signed = run.unchanged(self.marks(images, true)).await?;
        images.retain(|named| !signed.contains(&self.image_key(&named.digest)));
        let unsigned = run.marked_so(self.marks(images, false)).await?;
        let mut asked: Vec<String> = images.iter().map(|named| named.digest.clone()).collect();
        asked.retain(|digest| unsigned.contains(&self.image_key(digest)));
        let looking = asked
            .into_iter()
            .map(|digest| async move { (signatures.of(self.blobs(), &digest).await, digest) });
        let mut looking = stream::iter(looking).buffer_unordered(AT_ONCE);
        let (mut same, mut found) = (HashSet::new(), HashMap::new());
        while let Some((signed, digest)) = looking.next().await {
            if signed == Fact::Known(false) {
                same.insert(digest);
            } else {
                found.insert(digest, signed);
            }
        }
        images.retain(|named| !same.contains(&named.digest));
        run.seen(same.iter().map(|digest| self.image_key(digest)).collect()).await?;
        Ok(found)
    }

    /// The marks these images have where they are signed, or where they are not.
    fn marks(&self, images: &[Named], signed: bool) -> impl Iterator<Item = (AssetKey, Mark)> {
        images.iter().filter_map(move |named| {
            let (name, listed) = self.listed(named, Fact::Known(signed));
            Some((self.image_key(&named.digest), mark(&name, &listed)?))
        })
    }

    /// Hands over the repository. All of it is read each time: it is as it was where its facts make the same
    /// mark.
    async fn hand_over(&self, run: &RunBuilder, asset: Asset) -> Result<(), Stopped> {
        let mark = Mark::of(&asset.name, asset.platform, &asset.facts);
        let marked = mark.map(|mark| (asset.key.clone(), mark));
        if run.unchanged(marked.into_iter()).await?.is_empty() {
            run.marked(asset, mark).await
        } else {
            Ok(())
        }
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

    /// Hands over one image: as it was read `before`, if that was whole.
    async fn image(
        &self,
        run: &RunBuilder,
        (signatures, signed): (&Signatures, Option<Fact<bool>>),
        mut named: Named,
        before: Option<Asset>,
    ) -> Result<Found, Stopped> {
        let said = match (before.and_then(again), named.manifest.take()) {
            (Some(facts), _) => Some(facts),
            (None, Some(manifest)) => self.said(run, &named.digest, manifest).await?,
            (None, None) => match self.blobs().manifest(&named.digest).await {
                Ok(fetched) => self.said(run, &named.digest, fetched.manifest).await?,
                Err(missed) => return Ok(Found::Lost(named, missed)),
            },
        };
        let Some(said) = said else { return Ok(Found::Nothing(named.digest)) };
        let signed = match signed {
            Some(signed) => signed,
            None => signatures.of(self.blobs(), &named.digest).await,
        };
        let (name, listed) = self.listed(&named, signed);
        let whole = image::is_whole(&said) && listed.signed.known().is_some();
        let mark = if whole { mark(&name, &listed) } else { None };
        let ImageFacts { repository, image_tags, signed, .. } = listed;
        let facts = Facts::Image(Box::new(ImageFacts { repository, image_tags, signed, ..said }));
        let key = self.image_key(&named.digest);
        run.marked(Asset { key, name, platform: Platform::OciImage, facts }, mark).await?;
        Ok(Found::Image)
    }

    /// The name of an image, and what is to be known of it without asking for its manifest.
    fn listed(&self, named: &Named, signed: Fact<bool>) -> (String, ImageFacts) {
        let name = format!("{}:{}", self.name, named.tags.first().map_or("", String::as_str));
        let facts = ImageFacts {
            repository: self.name.clone().into(),
            image_tags: named.tags.clone().into(),
            signed,
            ..ImageFacts::default()
        };
        (name, facts)
    }

    /// What an image says of itself; none where it turns out to be no image.
    async fn said(
        &self,
        run: &RunBuilder,
        digest: &str,
        manifest: Manifest,
    ) -> Result<Option<ImageFacts>, Stopped> {
        let Some(image::Read { facts, faults }) =
            image::read(&self.blobs(), self.key, digest, manifest).await
        else {
            return Ok(None);
        };
        for (facet, fault) in faults {
            let call = format!("GET /v2/{}/manifests/{digest}", self.name);
            let gap = fault.gap(&facet, &call, &self.scope, Some(self.image_key(digest).native_id));
            // The image is there; only facts of it are missing.
            run.gap(Gap { hides_assets: false, ..gap }).await?;
        }
        Ok(Some(facts))
    }

    fn image_key(&self, digest: &str) -> AssetKey {
        self.key_of(self.client.address.image_id(&self.name, digest))
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

    fn asset(&self, access: Fact<RegistryAccess>, tags: &Tags, count: usize, complete: bool) -> Asset {
        let open_api = self.client.is_open().into();
        let tls = (self.client.address.base.scheme() == "https").into();
        let whole = complete && tags.faults.is_empty();
        let image_count = match i64::try_from(count) {
            Ok(count) if whole => Fact::Known(count),
            _ => Fact::unknown("not all tags could be read"),
        };
        let image_tags = match &tags.dark {
            None => Fact::Known(tags.listed.clone()),
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
