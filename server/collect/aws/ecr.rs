//! ECR repositories of one region, with their images.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    ImageDetail, ImageTagMutability, RegistryScanningConfiguration, Repository, ScanFrequency, ScanType,
};
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};

use super::caller::Operation;
use super::region::Reader;
use crate::analysis::iam;
use crate::collect::Stopped;
use crate::model::{
    Asset, AssetKey, Encryption, Fact, Facts, ImageFacts, ImageTag, Platform, Provider, RegistryAccess,
    RepositoryFacts, ResourcePolicy, ScanSummary, Scanning, Tag, TagMutability,
};

pub(super) const LIST: Operation = Operation::listing("ecr:DescribeRepositories", "repositories");
pub(super) const IMAGES: Operation = Operation::listing("ecr:DescribeImages", "images");
pub(super) const POLICY: Operation =
    Operation::of("ecr:GetRepositoryPolicy", "who may pull", &["RepositoryPolicyNotFoundException"]);
pub(super) const LIFECYCLE: Operation =
    Operation::of("ecr:GetLifecyclePolicy", "removal of old images", &["LifecyclePolicyNotFoundException"]);
pub(super) const TAGS: Operation = Operation::of("ecr:ListTagsForResource", "tags", &[]);
pub(super) const SCANNING: Operation =
    Operation::of("ecr:GetRegistryScanningConfiguration", "scanning rules", &[]);

/// Repositories of one region read at once.
const AT_ONCE: usize = 8;
/// Images kept of one repository.
const MOST_IMAGES: usize = 1_000;
/// Why an image's own configuration is unknown here.
const CONFIG: &str = "ECR does not tell what is in an image's configuration; connect its registry to read it";

/// Reads every repository of the region.
pub async fn read(reader: &Reader<'_>) -> Result<(), Stopped> {
    let client = Client::new(&reader.config);
    let mut pages = client.describe_repositories().into_paginator().send();
    let mut rules: Option<Fact<Option<RegistryScanningConfiguration>>> = None;
    let mut done = 0;
    loop {
        let page = reader.caller.call(LIST, reader.region, async { pages.next().await.transpose() }).await;
        let Fact::Known(Some(Some(page))) = page else { return Ok(()) };
        let repositories = page.repositories.unwrap_or_default();
        if rules.is_none() && !repositories.is_empty() {
            let send = client.get_registry_scanning_configuration().send();
            let read = reader.caller.call(SCANNING, reader.region, send).await;
            rules = Some(read.map(|answer| answer.and_then(|one| one.scanning_configuration)));
        }
        done += repositories.len() as u64;
        let scanning = rules.clone().unwrap_or_default();
        let mut reading = stream::iter(repositories)
            .map(|one| read_one(reader, &client, &scanning, one))
            .buffer_unordered(AT_ONCE);
        while let Some(ended) = reading.next().await {
            ended?;
        }
        reader.run.progress(&format!("repositories in {}", reader.region), done, None).await?;
    }
}

async fn read_one(
    reader: &Reader<'_>,
    client: &Client,
    rules: &Fact<Option<RegistryScanningConfiguration>>,
    repository: Repository,
) -> Result<(), Stopped> {
    let name = repository.repository_name.clone().unwrap_or_default();
    let arn = repository.repository_arn.clone().unwrap_or_default();
    let (caller, name) = (reader.caller, name.as_str());
    let (policy, lifecycle, tags, images) = tokio::join!(
        caller.call(POLICY, &arn, client.get_repository_policy().repository_name(name).send()),
        caller.call(LIFECYCLE, &arn, client.get_lifecycle_policy().repository_name(name).send()),
        caller.call(TAGS, &arn, client.list_tags_for_resource().resource_arn(&arn).send()),
        images(reader, client, name, &arn),
    );
    let policy = match policy {
        Fact::Known(None) => Fact::Known(ResourcePolicy::default()),
        Fact::Known(Some(answer)) => {
            let text = answer.policy_text.unwrap_or_default();
            reader.policy(POLICY, &arn, &text)
        }
        Fact::Unknown(why) => Fact::Unknown(why),
    };
    let (image_tags, pushes, count) = summary(&images);
    let facts = RepositoryFacts {
        access: policy.map(|policy| RegistryAccess { anonymous_pull: false, policy }),
        tls: Fact::Known(true),
        scanning: scanning(&repository, rules),
        tag_mutability: mutability(&repository),
        lifecycle: lifecycle.map(|answer| answer.is_some()),
        encryption: Fact::Known(Encryption {
            customer_key: repository.encryption_configuration().and_then(|one| one.kms_key.clone()),
        }),
        tags: tags.map(|answer| {
            let tags = answer.and_then(|one| one.tags).unwrap_or_default();
            let mut tags: Vec<Tag> =
                tags.into_iter().map(|one| Tag { key: one.key, value: one.value }).collect();
            tags.sort();
            tags
        }),
        image_tags,
        pushes,
        image_count: count,
        ..RepositoryFacts::default()
    };
    let uri = repository.repository_uri.clone().unwrap_or_else(|| name.to_owned());
    for detail in images.known().into_iter().flatten().filter(|one| is_image(one)) {
        reader.run.asset(image(reader, &uri, name, detail)).await?;
    }
    let asset = asset(reader, arn, name.to_owned(), Platform::Ecr, Facts::Repository(Box::new(facts)));
    reader.run.asset(asset).await
}

fn asset(reader: &Reader<'_>, native_id: String, name: String, platform: Platform, facts: Facts) -> Asset {
    let (account, region) = (reader.account.to_owned(), reader.region.to_owned());
    Asset { key: AssetKey { provider: Provider::Aws, account, region, native_id }, name, platform, facts }
}

/// The newest images of a repository.
async fn images(reader: &Reader<'_>, client: &Client, name: &str, arn: &str) -> Fact<Vec<ImageDetail>> {
    let listed = reader.caller.call(IMAGES, arn, async {
        let mut pages = client.describe_images().repository_name(name).into_paginator().send();
        let mut found: Vec<ImageDetail> = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(page?.image_details.unwrap_or_default());
            if found.len() > 2 * MOST_IMAGES {
                newest(&mut found);
            }
        }
        Ok::<_, aws_sdk_ecr::error::SdkError<_, _>>(found)
    });
    listed.await.map(|found| {
        let mut found = found.unwrap_or_default();
        if found.len() > MOST_IMAGES {
            reader.caller.note(IMAGES, arn, "too-many");
            newest(&mut found);
        }
        found
    })
}

fn newest(images: &mut Vec<ImageDetail>) {
    images.sort_by_key(|one| std::cmp::Reverse(one.image_pushed_at.map_or(0, |time| time.secs())));
    images.truncate(MOST_IMAGES);
}

/// Signatures, attestations and charts live in repositories too; they are not images.
fn is_image(detail: &ImageDetail) -> bool {
    let artefact = detail.artifact_media_type.as_deref().unwrap_or("");
    let signature = detail.image_tags().iter().any(|tag| is_signature(tag));
    !signature
        && (artefact.is_empty() || artefact.contains("container.image") || artefact.contains("image.config"))
}

fn is_signature(tag: &str) -> bool {
    let kind = tag.strip_prefix("sha256-").and_then(|rest| rest.rsplit_once('.')).map(|(_, kind)| kind);
    matches!(kind, Some("sig" | "att" | "sbom"))
}

type Summary = (Fact<Vec<ImageTag>>, Fact<Vec<DateTime<Utc>>>, Fact<i64>);

fn summary(images: &Fact<Vec<ImageDetail>>) -> Summary {
    let images = match images {
        Fact::Known(images) => images,
        Fact::Unknown(why) => {
            return (Fact::Unknown(why.clone()), Fact::Unknown(why.clone()), Fact::Unknown(why.clone()));
        }
    };
    let images: Vec<&ImageDetail> = images.iter().filter(|one| is_image(one)).collect();
    let mut tags: Vec<ImageTag> = images
        .iter()
        .flat_map(|one| {
            one.image_tags().iter().map(|tag| ImageTag {
                tag: tag.clone(),
                digest: one.image_digest.clone().unwrap_or_default(),
                pushed_at: pushed(one),
            })
        })
        .collect();
    tags.sort_by(|a, b| a.tag.cmp(&b.tag));
    tags.truncate(MOST_IMAGES);
    let mut pushes: Vec<_> = images.iter().filter_map(|one| pushed(one)).collect();
    pushes.sort_unstable();
    let count = i64::try_from(images.len()).unwrap_or(i64::MAX);
    (Fact::Known(tags), Fact::Known(pushes), Fact::Known(count))
}

fn pushed(detail: &ImageDetail) -> Option<DateTime<Utc>> {
    detail.image_pushed_at.and_then(|time| DateTime::from_timestamp(time.secs(), 0))
}

fn image(reader: &Reader<'_>, uri: &str, repository: &str, detail: &ImageDetail) -> Asset {
    let digest = detail.image_digest.clone().unwrap_or_default();
    let scanned = detail.image_scan_findings_summary.as_ref();
    let count = |severity: &str| {
        let counts = scanned.and_then(|scan| scan.finding_severity_counts.as_ref());
        counts
            .and_then(|all| all.iter().find(|(key, _)| key.as_str() == severity))
            .map_or(0, |(_, count)| i64::from(*count))
    };
    let completed = scanned.and_then(|scan| scan.image_scan_completed_at);
    let facts = ImageFacts {
        repository: Fact::Known(repository.to_owned()),
        image_tags: Fact::Known(detail.image_tags().to_vec()),
        user: Fact::unknown(CONFIG),
        environment: Fact::unknown(CONFIG),
        history_secrets: Fact::unknown(CONFIG),
        exposed_ports: Fact::unknown(CONFIG),
        healthcheck: Fact::unknown(CONFIG),
        created: Fact::unknown(CONFIG),
        labels: Fact::unknown(CONFIG),
        base: Fact::unknown(CONFIG),
        architectures: Fact::unknown(CONFIG),
        signed: Fact::unknown(CONFIG),
        pushed_at: Fact::Known(pushed(detail)),
        size_bytes: detail.image_size_in_bytes.map_or_else(|| Fact::unknown("ECR gave no size"), Fact::Known),
        scan: Fact::Known(ScanSummary {
            completed_at: completed.and_then(|time| DateTime::from_timestamp(time.secs(), 0)),
            critical: count("CRITICAL"),
            high: count("HIGH"),
        }),
    };
    let short = digest.strip_prefix("sha256:").unwrap_or(&digest).chars().take(12).collect::<String>();
    let name = match detail.image_tags().first() {
        Some(tag) => format!("{repository}:{tag}"),
        None => format!("{repository}@{short}"),
    };
    asset(reader, format!("{uri}@{digest}"), name, Platform::OciImage, Facts::Image(Box::new(facts)))
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
