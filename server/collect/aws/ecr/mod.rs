//! ECR repositories of one region, with their images.

mod contents;
mod images;

use std::collections::HashMap;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    ImageTagMutability, RegistryScanningConfiguration, Repository, ScanFrequency, ScanType,
};
use futures::{StreamExt, stream};

pub use contents::Downloads;
pub(super) use contents::{ADDRESS, MANIFESTS, try_contents};
pub(super) use images::IMAGES;

use super::caller::Operation;
use super::region::Reader;
use super::trail;
use crate::analysis::iam;
use crate::collect::touched::Touched;
use crate::collect::{RunBuilder, Stopped};
use crate::model::{
    Asset, AssetKey, Encryption, Fact, Facts, Platform, Provider, RegistryAccess, RepositoryFacts,
    ResourcePolicy, Scanning, Tag, TagMutability,
};

pub(super) const LIST: Operation = Operation::listing("ecr:DescribeRepositories", "repositories");
pub(super) const POLICY: Operation =
    Operation::of("ecr:GetRepositoryPolicy", "who may pull", &["RepositoryPolicyNotFoundException"]);
pub(super) const LIFECYCLE: Operation =
    Operation::of("ecr:GetLifecyclePolicy", "removal of old images", &["LifecyclePolicyNotFoundException"]);
pub(super) const TAGS: Operation = Operation::of("ecr:ListTagsForResource", "tags", &[]);
pub(super) const SCANNING: Operation =
    Operation::of("ecr:GetRegistryScanningConfiguration", "scanning rules", &[]);

/// Repositories of one region read at once.
const AT_ONCE: usize = 8;
/// Reads every repository of the region.
pub async fn read(reader: &Reader) -> Result<(), Stopped> {
    let client = Client::new(&reader.config);
    let mut pages = client.describe_repositories().into_paginator().send();
    let mut once: Option<(Fact<Option<RegistryScanningConfiguration>>, Touched)> = None;
    let mut done = 0;
    loop {
        let page = reader.caller.call(LIST, &reader.region, async { pages.next().await.transpose() }).await;
        let Fact::Known(Some(Some(page))) = page else { return Ok(()) };
        let repositories = page.repositories.unwrap_or_default();
        done += repositories.len() as u64;
        if repositories.is_empty() {
            continue;
        }
        let (scanning, touched) = match &mut once {
            Some(read) => read,
            unread => unread.insert(tokio::join!(
                scanning_rules(reader, &client),
                trail::repositories(reader, repositories.len())
            )),
        };
        let mut known = untouched(reader, touched, &repositories).await?;
        let mut reading = stream::iter(repositories)
            .map(|one| {
                let before = known.remove(&asset_key(reader, one.repository_arn.clone().unwrap_or_default()));
                read_one(reader, &client, scanning, one, before)
            })
            .buffer_unordered(AT_ONCE);
        while let Some(ended) = reading.next().await {
            ended?;
        }
        reader.run.progress(&format!("repositories in {}", reader.region), done, None).await?;
    }
}

async fn scanning_rules(reader: &Reader, client: &Client) -> Fact<Option<RegistryScanningConfiguration>> {
    let send = client.get_registry_scanning_configuration().send();
    let read = reader.caller.call(SCANNING, &reader.region, send).await;
    read.map(|answer| answer.and_then(|one| one.scanning_configuration))
}

/// What was found of those repositories that nobody has touched since.
async fn untouched(
    reader: &Reader,
    touched: &Touched,
    repositories: &[Repository],
) -> Result<HashMap<AssetKey, Asset>, Stopped> {
    let named = repositories
        .iter()
        .filter(|one| one.repository_name.as_deref().is_some_and(|name| !touched.may_hold(name)));
    let keys: Vec<_> =
        named.map(|one| asset_key(reader, one.repository_arn.clone().unwrap_or_default())).collect();
    let mut known = HashMap::new();
    for some in keys.chunks(RunBuilder::MOST_RECALLED) {
        known.extend(reader.run.standing(some.to_vec()).await?);
    }
    Ok(known)
}

/// What a repository is asked for by itself, but for its images.
struct Asked {
    access: Fact<RegistryAccess>,
    lifecycle: Fact<bool>,
    tags: Fact<Vec<Tag>>,
}

impl Asked {
    /// What was found before; none where that was not all: a refusal may have been lifted since.
    fn before(asset: Asset) -> Option<Self> {
        let Facts::Repository(facts) = asset.facts else { return None };
        let RepositoryFacts { access, lifecycle, tags, .. } = *facts;
        let all = access.known().is_some() && lifecycle.known().is_some() && tags.known().is_some();
        all.then_some(Self { access, lifecycle, tags })
    }

    async fn now(reader: &Reader, client: &Client, name: &str, arn: &str) -> Self {
        let caller = &*reader.caller;
        let (policy, lifecycle, tags) = tokio::join!(
            caller.call(POLICY, arn, client.get_repository_policy().repository_name(name).send()),
            caller.call(LIFECYCLE, arn, client.get_lifecycle_policy().repository_name(name).send()),
            caller.call(TAGS, arn, client.list_tags_for_resource().resource_arn(arn).send()),
        );
        let policy = match policy {
            Fact::Known(None) => Fact::Known(ResourcePolicy::default()),
            Fact::Known(Some(answer)) => {
                let text = answer.policy_text.unwrap_or_default();
                reader.policy(POLICY, arn, &text)
            }
            Fact::Unknown(why) => Fact::Unknown(why),
        };
        Self {
            access: policy.map(|policy| RegistryAccess { anonymous_pull: false, policy }),
            lifecycle: lifecycle.map(|answer| answer.is_some()),
            tags: tags.map(|answer| {
                let tags = answer.and_then(|one| one.tags).unwrap_or_default();
                let mut tags: Vec<Tag> =
                    tags.into_iter().map(|one| Tag { key: one.key, value: one.value }).collect();
                tags.sort();
                tags
            }),
        }
    }
}

async fn read_one(
    reader: &Reader,
    client: &Client,
    rules: &Fact<Option<RegistryScanningConfiguration>>,
    repository: Repository,
    before: Option<Asset>,
) -> Result<(), Stopped> {
    let name = repository.repository_name.clone().unwrap_or_default();
    let arn = repository.repository_arn.clone().unwrap_or_default();
    let name = name.as_str();
    let asking = async {
        match before.and_then(Asked::before) {
            Some(asked) => asked,
            None => Box::pin(Asked::now(reader, client, name, &arn)).await,
        }
    };
    let (asked, images) = tokio::join!(asking, images::list(reader, client, name, &arn));
    let (image_tags, pushes, count) = images::summary(&images);
    let facts = RepositoryFacts {
        access: asked.access,
        tls: Fact::Known(true),
        scanning: scanning(&repository, rules),
        tag_mutability: mutability(&repository),
        lifecycle: asked.lifecycle,
        encryption: Fact::Known(Encryption {
            customer_key: repository.encryption_configuration().and_then(|one| one.kms_key.clone()),
        }),
        tags: asked.tags,
        image_tags,
        pushes,
        image_count: count,
        ..RepositoryFacts::default()
    };
    let uri = repository.repository_uri.clone().unwrap_or_else(|| name.to_owned());
    if let Fact::Known(images) = images {
        images::read(reader, client, &Kept { uri: &uri, name, arn: &arn }, images).await?;
    }
    let asset = asset(reader, arn, name.to_owned(), Platform::Ecr, Facts::Repository(Box::new(facts)));
    reader.run.asset(asset).await
}

/// A repository, as its images speak of it.
struct Kept<'a> {
    /// `<account>.dkr.ecr.<region>.amazonaws.com/<name>`
    uri: &'a str,
    name: &'a str,
    arn: &'a str,
}

impl Kept<'_> {
    /// What the image of a digest is known by.
    fn image(&self, digest: Option<&str>) -> String {
        format!("{}@{}", self.uri, digest.unwrap_or_default())
    }
}

fn asset(reader: &Reader, native_id: String, name: String, platform: Platform, facts: Facts) -> Asset {
    Asset { key: asset_key(reader, native_id), name, platform, facts }
}

fn asset_key(reader: &Reader, native_id: String) -> AssetKey {
    let (account, region) = (reader.account.clone(), reader.region.clone());
    AssetKey { provider: Provider::Aws, account, region, native_id }
}

/// The registry's rules decide; the repository's own switch counts only for basic scanning.
fn scanning(repository: &Repository, rules: &Fact<Option<RegistryScanningConfiguration>>) -> Fact<Scanning> {
    let own = repository.image_scanning_configuration().is_some_and(|one| one.scan_on_push);
    let name = repository.repository_name().unwrap_or_default();
    match rules {
        Fact::Unknown(_) if own => {
            Fact::Known(Scanning { on_push: true, continuous: false, source: "repository".into() })
        }
        Fact::Unknown(why) => Fact::Unknown(why.clone()),
        Fact::Known(None) => {
            Fact::Known(Scanning { on_push: own, continuous: false, source: "repository".into() })
        }
        Fact::Known(Some(rules)) => {
            let applies = |frequency: &ScanFrequency| {
                rules.rules().iter().any(|rule| {
                    &rule.scan_frequency == frequency
                        && rule.repository_filters().iter().any(|filter| covers(&filter.filter, name))
                })
            };
            let enhanced = rules.scan_type() == Some(&ScanType::Enhanced);
            let continuous = enhanced && applies(&ScanFrequency::ContinuousScan);
            let by_rule = continuous || applies(&ScanFrequency::ScanOnPush);
            let source = if by_rule { "registry rule" } else { "repository" };
            Fact::Known(Scanning {
                on_push: by_rule || (own && !enhanced),
                continuous,
                source: source.into(),
            })
        }
    }
}

/// A filter without a star covers what contains it; so says ECR.
fn covers(filter: &str, name: &str) -> bool {
    if filter.contains('*') { iam::matches(filter, name) } else { name.contains(filter) }
}

fn mutability(repository: &Repository) -> Fact<TagMutability> {
    let exclusions =
        repository.image_tag_mutability_exclusion_filters().iter().map(|one| one.filter.clone()).collect();
    match &repository.image_tag_mutability {
        Some(ImageTagMutability::Immutable) => {
            Fact::Known(TagMutability { immutable: true, exclusions: Vec::new() })
        }
        Some(ImageTagMutability::Mutable) => Fact::Known(TagMutability::default()),
        Some(other) if other.as_str() == "IMMUTABLE_WITH_EXCLUSION" => {
            Fact::Known(TagMutability { immutable: true, exclusions })
        }
        Some(other) if other.as_str() == "MUTABLE_WITH_EXCLUSION" => Fact::Known(TagMutability::default()),
        Some(other) => Fact::unknown(format!("ECR says {}", other.as_str())),
        None => Fact::unknown("ECR did not say whether tags may move"),
    }
}
