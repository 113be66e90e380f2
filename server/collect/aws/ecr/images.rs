//! The images of one repository: what ECR tells of each, and what each says of itself.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageDetail;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};

use super::contents::{ADDRESS, Contents, MANIFESTS, SCOPE};
use super::{Kept, asset, asset_key};
use crate::collect::Stopped;
use crate::collect::aws::caller::Operation;
use crate::collect::aws::region::Reader;
use crate::collect::image::{self, Read, Source};
use crate::model::{Asset, Fact, Facts, ImageFacts, ImageTag, Mark, Platform, ScanSummary};

pub const IMAGES: Operation = Operation::listing("ecr:DescribeImages", "images");
/// Images kept of one repository.
const MOST_IMAGES: usize = 1_000;
/// Images of one repository read at once.
const AT_ONCE: usize = 4;
/// Images looked up and asked for together: as many as one call for manifests takes.
const TOGETHER: usize = 100;

/// Hands over every image among `details`.
pub async fn read(
    reader: &Reader,
    client: &Client,
    kept: &Kept<'_>,
    mut details: Vec<ImageDetail>,
) -> Result<(), Stopped> {
    details.retain(is_image);
    while !details.is_empty() {
        let rest = details.split_off(details.len().min(TOGETHER));
        let fresh = take_over(reader, kept, std::mem::replace(&mut details, rest)).await?;
        let digests = fresh.iter().filter_map(|one| one.image_digest.clone()).collect();
        let contents = Contents::open(reader, client, kept.name, kept.arn, digests).await;
        let mut reading =
            stream::iter(fresh).map(|detail| one(reader, kept, &contents, detail)).buffer_unordered(AT_ONCE);
        while let Some(found) = reading.next().await {
            if let Some((image, mark)) = found {
                reader.run.marked(image, mark).await?;
            }
        }
    }
    Ok(())
}

/// Hands over the images an earlier run has read, but for those that ECR lists as it did then: under one digest
/// there is never anything else. Gives back the others.
async fn take_over(
    reader: &Reader,
    kept: &Kept<'_>,
    mut details: Vec<ImageDetail>,
) -> Result<Vec<ImageDetail>, Stopped> {
    let key = |detail: &ImageDetail| asset_key(reader, kept.image(detail.image_digest.as_deref()));
    let marks = details.iter().filter_map(|detail| Some((key(detail), mark(reader, kept, detail)?)));
    let same = reader.run.unchanged(marks).await?;
    details.retain(|detail| !same.contains(&key(detail)));
    let mut known = reader.run.recall(details.iter().map(key).collect()).await?;
    let mut fresh = Vec::new();
    for detail in details {
        let before = known.remove(&key(&detail)).map(|asset| asset.facts);
        let said = match before {
            Some(Facts::Image(before)) => image::again(*before),
            _ => None,
        };
        match said {
            Some(said) => {
                let (image, mark) = marked(reader, kept, &detail, said);
                reader.run.marked(image, mark).await?;
            }
            None => fresh.push(detail),
        }
    }
    Ok(fresh)
}

async fn one(
    reader: &Reader,
    kept: &Kept<'_>,
    contents: &Contents<'_>,
    detail: ImageDetail,
) -> Option<(Asset, Option<Mark>)> {
    let said = said(contents, &detail).await?;
    Some(marked(reader, kept, &detail, said))
}

/// An image, and its mark where all was read that it says of itself.
fn marked(reader: &Reader, kept: &Kept<'_>, detail: &ImageDetail, said: ImageFacts) -> (Asset, Option<Mark>) {
    let mark = image::is_whole(&said).then(|| mark(reader, kept, detail)).flatten();
    (whole(reader, kept, detail, said), mark)
}

/// What ECR's list shows of an image, as a mark.
fn mark(reader: &Reader, kept: &Kept<'_>, detail: &ImageDetail) -> Option<Mark> {
    let listed = whole(reader, kept, detail, ImageFacts::default());
    Mark::of(&listed.name, listed.platform, &listed.facts)
}

/// What the image says of itself; none where it is no image after all.
async fn said(contents: &Contents<'_>, detail: &ImageDetail) -> Option<ImageFacts> {
    let digest = detail.image_digest.as_deref().unwrap_or_default();
    let manifest = match contents.manifest(digest).await {
        Ok(fetched) => fetched.manifest,
        Err(missed) => {
            contents.note(MANIFESTS, &missed.fault);
            return Some(image::unread(&missed.fault, SCOPE));
        }
    };
    let Read { facts, faults } = image::read(contents, contents.key(), digest, manifest).await?;
    for (_, fault) in &faults {
        contents.note(ADDRESS, fault);
    }
    Some(facts)
}

/// The image as an asset: its own words, and beside them what ECR tells of it.
fn whole(reader: &Reader, kept: &Kept<'_>, detail: &ImageDetail, said: ImageFacts) -> Asset {
    let digest = detail.image_digest.clone().unwrap_or_default();
    let facts = ImageFacts {
        repository: Fact::Known(kept.name.to_owned()),
        image_tags: Fact::Known(detail.image_tags().to_vec()),
        signed: Fact::unknown("ECR does not list what signs an image; an OCI connection to it reads that"),
        pushed_at: Fact::Known(pushed(detail)),
        size_bytes: detail.image_size_in_bytes.map_or_else(|| Fact::unknown("ECR gave no size"), Fact::Known),
        scan: scan(detail),
        ..said
    };
    let short = digest.strip_prefix("sha256:").unwrap_or(&digest).chars().take(12).collect::<String>();
    let name = match detail.image_tags().first() {
        Some(tag) => format!("{}:{tag}", kept.name),
        None => format!("{}@{short}", kept.name),
    };
    let id = kept.image(Some(&digest));
    asset(reader, id, name, Platform::OciImage, Facts::Image(Box::new(facts)))
}

/// What the list tells of the last scan. With ECR's own newer scanning and with Amazon Inspector it tells
/// nothing of it, so nothing there is not *never*:
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html>.
fn scan(detail: &ImageDetail) -> Fact<ScanSummary> {
    let Some(scanned) = detail.image_scan_findings_summary.as_ref() else { return Fact::default() };
    let count = |severity: &str| {
        let counts = scanned.finding_severity_counts.as_ref();
        counts
            .and_then(|all| all.iter().find(|(key, _)| key.as_str() == severity))
            .map_or(0, |(_, count)| i64::from(*count))
    };
    Fact::Known(ScanSummary {
        completed_at: scanned
            .image_scan_completed_at
            .and_then(|time| DateTime::from_timestamp(time.secs(), 0)),
        critical: count("CRITICAL"),
        high: count("HIGH"),
    })
}

/// The newest images of a repository.
pub async fn list(reader: &Reader, client: &Client, name: &str, arn: &str) -> Fact<Vec<ImageDetail>> {
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

pub type Summary = (Fact<Vec<ImageTag>>, Fact<Vec<DateTime<Utc>>>, Fact<i64>);

pub fn summary(images: &Fact<Vec<ImageDetail>>) -> Summary {
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
