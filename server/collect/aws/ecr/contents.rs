//! What the images of one repository are made of, through ECR's own API: manifests a hundred a call,
//! configurations from the address that ECR gives for a blob.
//!
//! The address is AWS's word and still goes through a guard; what comes from it is bounded and
//! proven against its digest by whoever reads it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::error::SdkError;
use aws_sdk_ecr::operation::batch_get_image::{BatchGetImageError, BatchGetImageOutput};
use aws_sdk_ecr::types::{Image, ImageIdentifier};
use tokio::sync::Mutex;
use url::Url;

use crate::analysis::secrets::FingerprintKey;
use crate::collect::CollectError;
use crate::collect::aws::caller::Operation;
use crate::collect::aws::probe::tried;
use crate::collect::aws::region::Reader;
use crate::collect::image::wire::{self, Manifest};
use crate::collect::image::{Fault, Fetched, MANIFEST_LIMIT, Missed, Source, proven};
use crate::model::{Fact, Try};
use crate::outgoing::{self, Guard, Unread, Zone};

/// The permission that reading manifests takes.
pub const SCOPE: &str = "ecr:BatchGetImage";
pub const MANIFESTS: Operation = Operation::of(SCOPE, "what images are made of", &[]);
pub const ADDRESS: Operation = Operation::of("ecr:GetDownloadUrlForLayer", "what images are made of", &[]);

/// Images one call may ask for.
const A_CALL: usize = 100;
/// Manifests of one index asked for ahead: as many as are read of it.
const MOST_CHILDREN: usize = 256;
/// Manifests of all indexes of a few images asked for ahead; what is wanted beyond is asked for by itself.
const MOST_AHEAD: usize = 5_000;
/// Without these names ECR would turn a manifest into another form, of another digest.
const FORMS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
const WITHIN: Duration = Duration::from_secs(30);
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Fetches blobs from the addresses that ECR gives.
#[derive(Debug)]
pub struct Downloads {
    client: reqwest::Client,
    guard: Guard,
    /// Whether any address was ever given. Until then one asks alone: an endpoint that does not know
    /// the call is found out by a few calls and not by all that wait.
    offered: Mutex<bool>,
}

impl Downloads {
    /// For an account reached at `endpoint`, where it is not AWS's own. A private network may hold
    /// endpoints of S3; this machine only what was itself reached on this machine.
    pub async fn new(endpoint: Option<&str>) -> Result<Self, CollectError> {
        let base = endpoint.and_then(|text| Url::parse(text).ok());
        let at_home = match &base {
            Some(base) => Guard::to(Zone::Loopback).around(base).await.map(|guard| guard.nearest()),
            None => Ok(Zone::Private),
        };
        let guard = Guard::to(at_home.unwrap_or(Zone::Private).max(Zone::Private));
        let client = guard.client(WITHIN).map_err(|error| CollectError::Invalid {
            what: "addresses of image layers".into(),
            problem: error.to_string(),
        })?;
        Ok(Self { client, guard, offered: Mutex::new(false) })
    }

    async fn fetch(&self, address: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        let url = Url::parse(address).map_err(|_| Fault::Unreadable("ECR gave no address".into()))?;
        self.guard.check(&url).map_err(|_| Fault::LedAstray(url.origin().ascii_serialization()))?;
        let mut tried = 1;
        loop {
            match self.once(url.clone(), limit).await {
                Err(fault) if fault.is_passing() && tried < TRIES => {
                    tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(tried - 1)).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn once(&self, url: Url, limit: usize) -> Result<Vec<u8>, Fault> {
        // The address carries a signature: it never enters a message.
        let lost = |error: &reqwest::Error| {
            if error.is_timeout() { Fault::Timeout } else { Fault::Network("the connection broke".into()) }
        };
        let response = self.client.get(url).send().await.map_err(|error| lost(&error))?;
        let status = response.status().as_u16();
        match status {
            200 => {}
            403 => return Err(Fault::Refused { status, code: "HTTP 403".into() }),
            404 => return Err(Fault::NotFound { code: "HTTP 404".into() }),
            _ => return Err(Fault::Status { status, code: format!("HTTP {status}") }),
        }
        outgoing::read(response, limit).await.map_err(|fault| match fault {
            Unread::Bound(limit) => Fault::TooLarge { limit },
            Unread::Broken(error) => lost(&error),
        })
    }
}

async fn ask(
    client: &Client,
    repository: &str,
    digests: &[String],
) -> Result<BatchGetImageOutput, SdkError<BatchGetImageError, HttpResponse>> {
    let ids = digests.iter().map(|digest| ImageIdentifier::builder().image_digest(digest).build());
    client
        .batch_get_image()
        .repository_name(repository)
        .set_image_ids(Some(ids.collect()))
        .set_accepted_media_types(Some(FORMS.map(String::from).to_vec()))
        .send()
        .await
}

/// The contents of some images of one repository.
pub struct Contents<'a> {
    reader: &'a Reader,
    client: &'a Client,
    repository: &'a str,
    arn: &'a str,
    manifests: HashMap<String, Result<String, Fault>>,
}

impl<'a> Contents<'a> {
    /// The manifests of these digests, and those of the platforms they name, a hundred a call.
    pub async fn open(
        reader: &'a Reader,
        client: &'a Client,
        repository: &'a str,
        arn: &'a str,
        digests: Vec<String>,
    ) -> Self {
        let mut contents = Self { reader, client, repository, arn, manifests: HashMap::new() };
        contents.take(&digests).await;
        let named = digests.iter().map(|digest| contents.platforms(digest));
        let platforms = ahead(named, |digest| contents.manifests.contains_key(digest));
        contents.take(&platforms).await;
        contents
    }

    /// Key of fingerprints.
    pub fn key(&self) -> &'a FingerprintKey {
        &self.reader.key
    }

    /// Puts down what could not be read by way of `operation`, unless the call that failed did.
    pub fn note(&self, operation: Operation, fault: &Fault) {
        if !matches!(fault, Fault::Told(_)) {
            self.reader.caller.note(operation, self.arn, &fault.code());
        }
    }

    fn platforms(&self, digest: &str) -> Vec<String> {
        let read = |text: &String| match wire::manifest(text.as_bytes()) {
            Ok(Manifest::Index(children)) => children.into_iter().map(|child| child.digest).collect(),
            _ => Vec::new(),
        };
        self.manifests.get(digest).and_then(|held| held.as_ref().ok()).map(read).unwrap_or_default()
    }

    async fn take(&mut self, digests: &[String]) {
        for some in digests.chunks(A_CALL) {
            match self.ask(some).await {
                Fact::Known(images) => {
                    for image in images {
                        let digest = image.image_id.and_then(|id| id.image_digest);
                        if let (Some(digest), Some(text)) = (digest, image.image_manifest) {
                            self.manifests.insert(digest, Ok(text));
                        }
                    }
                }
                Fact::Unknown(why) => {
                    let told = |digest: &String| (digest.clone(), Err(Fault::Told(why.clone())));
                    self.manifests.extend(some.iter().map(told));
                }
            }
        }
    }

    async fn ask(&self, digests: &[String]) -> Fact<Vec<Image>> {
        let send = ask(self.client, self.repository, digests);
        let answer = self.reader.caller.call(MANIFESTS, self.arn, send).await;
        answer.map(|answer| answer.and_then(|one| one.images).unwrap_or_default())
    }

    async fn address(&self, digest: &str) -> Fact<Option<String>> {
        let send = self
            .client
            .get_download_url_for_layer()
            .repository_name(self.repository)
            .layer_digest(digest)
            .customize()
            .config_override(
                aws_sdk_ecr::Config::builder().retry_config(RetryConfig::standard().with_max_attempts(TRIES)),
            )
            .send();
        let answer = self.reader.caller.call(ADDRESS, self.arn, send).await;
        answer.map(|answer| answer.and_then(|one| one.download_url))
    }
}

impl Source for Contents<'_> {
    fn scope(&self) -> &str {
        SCOPE
    }

    async fn manifest(&self, digest: &str) -> Result<Fetched, Missed> {
        let text = match self.manifests.get(digest) {
            Some(held) => held.clone()?,
            None => match self.ask(&[digest.to_owned()]).await {
                Fact::Known(images) => images
                    .into_iter()
                    .find_map(|image| image.image_manifest)
                    .ok_or(Fault::NotFound { code: "ImageNotFound".into() })?,
                Fact::Unknown(why) => return Err(Fault::Told(why).into()),
            },
        };
        if text.len() > MANIFEST_LIMIT {
            return Err(Fault::TooLarge { limit: MANIFEST_LIMIT }.into());
        }
        proven(digest, text.as_bytes())?;
        let manifest = wire::manifest(text.as_bytes())?;
        Ok(Fetched { digest: digest.to_owned(), manifest })
    }

    async fn blob(&self, digest: &str, limit: usize) -> Result<Vec<u8>, Fault> {
        let downloads = &self.reader.downloads;
        let mut offered = downloads.offered.lock().await;
        let answer = if *offered {
            drop(offered);
            self.address(digest).await
        } else {
            let first = self.address(digest).await;
            *offered = first.known().is_some();
            first
        };
        match answer {
            Fact::Known(Some(address)) => {
                let _place = self.reader.caller.place().await;
                downloads.fetch(&address, limit).await
            }
            Fact::Known(None) => Err(Fault::NotFound { code: "no address".into() }),
            Fact::Unknown(why) => Err(Fault::Told(why)),
        }
    }
}

/// What indexes name and nobody holds, each once.
fn ahead(named: impl Iterator<Item = Vec<String>>, held: impl Fn(&str) -> bool) -> Vec<String> {
    let mut seen = HashSet::new();
    let some = named.flat_map(|children| children.into_iter().take(MOST_CHILDREN));
    let wanted = some.filter(|digest| !held(digest) && seen.insert(digest.clone()));
    wanted.take(MOST_AHEAD).collect()
}

/// Tries, on one image, what reading images takes.
pub async fn try_contents(client: &Client, repository: &str, digest: Option<&str>) -> [Try; 2] {
    let untried = |one: Operation| Try::untried(one.call, "there is no image");
    let Some(digest) = digest else { return [untried(MANIFESTS), untried(ADDRESS)] };
    let (read, answer) = tried(MANIFESTS, repository, ask(client, repository, &[digest.to_owned()])).await;
    let text = answer.and_then(|one| one.images?.into_iter().next()?.image_manifest).unwrap_or_default();
    let blob = match wire::manifest(text.as_bytes()) {
        Ok(Manifest::Image { config, .. }) => config.digest,
        Ok(Manifest::Index(children)) => children.into_iter().next().map_or(String::new(), |one| one.digest),
        _ => String::new(),
    };
    if !wire::is_digest(&blob) {
        return [read, untried(ADDRESS)];
    }
    let send = client.get_download_url_for_layer().repository_name(repository).layer_digest(&blob).send();
    [read, tried(ADDRESS, repository, send).await.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn children(from: usize, count: usize) -> Vec<String> {
        (from..from + count).map(|number| format!("sha256:{number}")).collect()
    }

    #[test]
    fn what_is_asked_for_ahead_is_bounded_and_asked_once() {
        let named = [children(0, 3), children(1, 3)].into_iter();
        assert_eq!(ahead(named, |digest| digest == "sha256:0"), children(1, 3));
        assert_eq!(ahead([children(0, 1_000)].into_iter(), |_| false), children(0, MOST_CHILDREN));
        let many = (0..100).map(|number| children(number * 1_000, MOST_CHILDREN));
        assert_eq!(ahead(many, |_| false).len(), MOST_AHEAD);
    }
}
