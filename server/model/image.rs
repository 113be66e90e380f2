//! Facts of one image, by digest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{EndOfLife, SecretHit, Tag, Variable, fact::facts};

/// What the image is built on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaseImage {
    /// Name as the image states it: `debian:12`, `ubuntu 22.04`.
    pub name: String,
    /// Digest, if stated.
    pub digest: Option<String>,
    /// When its publisher stops fixing it.
    pub end_of_life: EndOfLife,
}

/// The registry's last scan of the image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSummary {
    /// When it finished; none is never.
    pub completed_at: Option<DateTime<Utc>>,
    /// Critical problems found.
    pub critical: i64,
    /// High problems found.
    pub high: i64,
}

facts! {
    /// Everything the controls read of an image.
    pub struct ImageFacts {
        /// Repository that holds it.
        pub repository: String,
        /// Tags that point to it now.
        pub image_tags: Vec<String>,
        /// User it runs as; none means root.
        pub user: Option<String>,
        /// Environment variables baked in.
        pub environment: Vec<Variable>,
        /// Secrets seen in its build history.
        pub history_secrets: Vec<SecretHit>,
        /// Ports it declares.
        pub exposed_ports: Vec<String>,
        /// It says how to tell that it is healthy.
        pub healthcheck: bool,
        /// When it was built, as it says.
        pub created: Option<DateTime<Utc>>,
        /// When it was pushed.
        pub pushed_at: Option<DateTime<Utc>>,
        /// Labels.
        pub labels: Vec<Tag>,
        /// What it is built on; none where it does not say.
        pub base: Option<BaseImage>,
        /// Operating system and processor: `linux/amd64`; several for an index.
        pub architectures: Vec<String>,
        /// Compressed size in bytes.
        pub size_bytes: i64,
        /// The registry's last scan.
        pub scan: ScanSummary,
        /// A signature or attestation is attached.
        pub signed: bool,
    }
}
