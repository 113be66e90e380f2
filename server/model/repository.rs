//! Facts of a container repository, or of a registry where settings are registry-wide (ACR).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{PublicNetwork, ResourcePolicy, Tag, fact::facts};

/// Who may pull without proving who they are, and who else may.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryAccess {
    /// Anyone may pull.
    pub anonymous_pull: bool,
    /// The repository policy, where there is one.
    pub policy: ResourcePolicy,
}

/// Vulnerability scanning of pushed images.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scanning {
    /// On each push.
    pub on_push: bool,
    /// Again whenever an advisory appears.
    pub continuous: bool,
    /// What says so: `repository`, `registry rule`.
    pub source: String,
}

/// Whether a tag may be moved to another image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagMutability {
    /// Tags stay where they are.
    pub immutable: bool,
    /// Tag patterns that may move all the same.
    pub exclusions: Vec<String>,
}

/// Encryption at rest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Encryption {
    /// The customer's own key; none is the provider's.
    pub customer_key: Option<String>,
}

/// A tag and the image it points to now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageTag {
    /// The tag.
    pub tag: String,
    /// Digest of the image or index.
    pub digest: String,
    /// When the image was pushed, if the source says.
    pub pushed_at: Option<DateTime<Utc>>,
}

/// A tag that pointed to another image when we last looked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagMove {
    /// The tag.
    pub tag: String,
    /// Digest it pointed to.
    pub from: String,
    /// Digest it points to since.
    pub to: String,
    /// When we noticed.
    pub seen_at: DateTime<Utc>,
}

facts! {
    /// Everything the controls read of a repository.
    pub struct RepositoryFacts {
        /// Who may pull.
        pub access: RegistryAccess,
        /// Network access from the internet.
        pub public_network: PublicNetwork,
        /// The registry answers its API without authentication.
        pub open_api: bool,
        /// The registry is spoken to over TLS.
        pub tls: bool,
        /// Vulnerability scanning.
        pub scanning: Scanning,
        /// Whether tags may move.
        pub tag_mutability: TagMutability,
        /// Old images are removed by a rule.
        pub lifecycle: bool,
        /// Encryption at rest.
        pub encryption: Encryption,
        /// A shared administrator account can log in.
        pub admin_user: bool,
        /// Unscanned images are held back.
        pub quarantine: bool,
        /// Content trust or signing is switched on.
        pub content_trust: bool,
        /// Access is logged somewhere of yours.
        pub diagnostics: bool,
        /// Regions it is replicated to.
        pub replicas: Vec<String>,
        /// Tags.
        pub tags: Vec<Tag>,
        /// Image tags and where they point; at most the newest thousand.
        pub image_tags: Vec<ImageTag>,
        /// Image tags when they could last be read; known only while they cannot be read.
        pub last_image_tags: Vec<ImageTag>,
        /// Tags that moved, newest last; from our own history, at most a hundred.
        pub tag_moves: Vec<TagMove>,
        /// Images pushed, by time, newest last, at most a thousand.
        pub pushes: Vec<DateTime<Utc>>,
        /// How many images it holds.
        pub image_count: i64,
    }
}
