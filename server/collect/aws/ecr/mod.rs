//! ECR repositories of one region, with their images.

mod contents;
mod images;
mod repository;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::RegistryScanningConfiguration;
use futures::{StreamExt, stream};

pub use contents::Downloads;
pub(super) use contents::{ADDRESS, MANIFESTS, try_contents};
pub(super) use images::IMAGES;
pub(super) use repository::{LIFECYCLE, POLICY, TAGS};

use super::caller::Operation;
use super::region::Reader;
use super::trail;
use crate::collect::Stopped;
use crate::collect::touched::Touched;
use crate::model::{Asset, AssetKey, Fact, Facts, Platform, Provider};

pub(super) const LIST: Operation = Operation::listing("ecr:DescribeRepositories", "repositories");
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
        let mut reading = stream::iter(repositories)
            .map(|one| repository::read(reader, &client, scanning, touched, one))
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
