//! One repository: what ECR's lists show of it, and what it is asked for by itself.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    ImageDetail, ImageTagMutability, RegistryScanningConfiguration, Repository, ScanFrequency, ScanType,
};

use super::images;
use super::{Kept, asset, asset_key};
use crate::analysis::iam;
use crate::collect::Stopped;
use crate::collect::aws::caller::Operation;
use crate::collect::aws::region::Reader;
use crate::collect::touched::Touched;
use crate::model::{
    Asset, AssetKey, Encryption, Fact, Facts, Mark, Platform, RegistryAccess, RepositoryFacts,
    ResourcePolicy, Scanning, Tag, TagMutability,
};

pub const POLICY: Operation =
    Operation::of("ecr:GetRepositoryPolicy", "who may pull", &["RepositoryPolicyNotFoundException"]);
pub const LIFECYCLE: Operation =
    Operation::of("ecr:GetLifecyclePolicy", "removal of old images", &["LifecyclePolicyNotFoundException"]);
pub const TAGS: Operation = Operation::of("ecr:ListTagsForResource", "tags", &[]);

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
        Some(Self { access, lifecycle, tags }).filter(Self::is_whole)
    }

    fn is_whole(&self) -> bool {
        self.access.known().is_some() && self.lifecycle.known().is_some() && self.tags.known().is_some()
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

/// Hands over one repository with its images. What it is asked for by itself is taken over where nobody has
/// `touched` it since; where it is listed as it was then, nothing of it is handed over.
pub async fn read(
    reader: &Reader,
    client: &Client,
    rules: &Fact<Option<RegistryScanningConfiguration>>,
    touched: &Touched,
    repository: Repository,
) -> Result<(), Stopped> {
    let name = repository.repository_name.clone().unwrap_or_default();
    let arn = repository.repository_arn.clone().unwrap_or_default();
    let name = name.as_str();
    let asking = async {
        if touched.may_hold(name) {
            Some(Box::pin(Asked::now(reader, client, name, &arn)).await)
        } else {
            None
        }
    };
    let (asked, images) = tokio::join!(asking, images::list(reader, client, name, &arn));
    let listed = listed(&repository, rules, &images);
    let mark = Mark::of(name, Platform::Ecr, &listed);
    let uri = repository.repository_uri.clone().unwrap_or_else(|| name.to_owned());
    if let Fact::Known(images) = images {
        images::read(reader, client, &Kept { uri: &uri, name, arn: &arn }, images).await?;
    }
    let key = asset_key(reader, arn.clone());
    let asked = match asked {
        Some(asked) => asked,
        None if is_as_it_was(reader, &key, mark).await? => return Ok(()),
        None => match reader.run.standing(vec![key.clone()]).await?.remove(&key).and_then(Asked::before) {
            Some(asked) => asked,
            None => Box::pin(Asked::now(reader, client, name, &arn)).await,
        },
    };
    let mark = mark.filter(|_| asked.is_whole());
    let Asked { access, lifecycle, tags } = asked;
    let facts = Facts::Repository(Box::new(RepositoryFacts { access, lifecycle, tags, ..listed }));
    reader.run.marked(asset(reader, arn, name.to_owned(), Platform::Ecr, facts), mark).await
}

async fn is_as_it_was(reader: &Reader, key: &AssetKey, mark: Option<Mark>) -> Result<bool, Stopped> {
    let marked = mark.map(|mark| (key.clone(), mark));
    Ok(!reader.run.unchanged(marked.into_iter()).await?.is_empty())
}

/// What lists show of a repository.
fn listed(
    repository: &Repository,
    rules: &Fact<Option<RegistryScanningConfiguration>>,
    images: &Fact<Vec<ImageDetail>>,
) -> RepositoryFacts {
    let (image_tags, pushes, image_count) = images::summary(images);
    RepositoryFacts {
        tls: Fact::Known(true),
        scanning: scanning(repository, rules),
        tag_mutability: mutability(repository),
        encryption: Fact::Known(Encryption {
            customer_key: repository.encryption_configuration().and_then(|one| one.kms_key.clone()),
        }),
        image_tags,
        pushes,
        image_count,
        ..RepositoryFacts::default()
    }
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
