//! What can go wrong in one call to where images are kept, and the gap it becomes.

use std::time::Duration;

use crate::model::{Fact, Gap, Unknown};

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::collect) enum Fault {
    /// We are not allowed.
    #[error("the registry refused us (HTTP {status}, {code})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The registry's code.
        code: String,
    },
    /// There is no such thing.
    #[error("there is no such thing (HTTP 404, {code})")]
    NotFound {
        /// The registry's code.
        code: String,
    },
    /// Asked to slow down for longer than we are willing to wait.
    #[error("the registry kept asking us to slow down")]
    Throttled {
        /// What it asked for last.
        after: Option<Duration>,
    },
    /// It answered, and not with what we asked for.
    #[error("the registry answered HTTP {status} ({code})")]
    Status {
        /// HTTP status.
        status: u16,
        /// The registry's code.
        code: String,
    },
    /// More than we are willing to read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection, or one that broke.
    #[error("{0}")]
    Network(String),
    /// Led somewhere we do not go.
    #[error("the registry led to {0}, where it may not lead")]
    LedAstray(String),
    /// The body is not what it should be.
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    /// The body is not what the digest names.
    #[error("asked for {expected}, got {got}")]
    Digest {
        /// The digest that was named.
        expected: String,
        /// The digest of what came.
        got: String,
    },
    /// An index that holds itself.
    #[error("the index points to itself")]
    Cycle,
    /// More of something than we are willing to follow.
    #[error("{0}")]
    Bound(String),
    /// Put down as a gap already by whoever made the call.
    #[error("{reason}", reason = .0.reason)]
    Told(Unknown),
    /// A form of manifest nobody pushes any more.
    #[error("the manifest is of schema 1, which carries no image configuration")]
    Schema1,
}

impl Fault {
    /// A short code, the registry's own where it gave one.
    pub(in crate::collect) fn code(&self) -> String {
        match self {
            Self::Refused { code, .. } | Self::NotFound { code } | Self::Status { code, .. } => code.clone(),
            Self::Throttled { .. } => "throttled".into(),
            Self::TooLarge { .. } => "too-large".into(),
            Self::Timeout => "timeout".into(),
            Self::Network(_) => "network".into(),
            Self::LedAstray(_) => "led-astray".into(),
            Self::Unreadable(_) => "unreadable-body".into(),
            Self::Digest { .. } => "digest-mismatch".into(),
            Self::Cycle => "index-cycle".into(),
            Self::Bound(_) => "bound".into(),
            Self::Told(_) => "told".into(),
            Self::Schema1 => "schema-1".into(),
        }
    }

    /// Whether a permission would help.
    pub(in crate::collect) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether trying again may help.
    pub(in crate::collect) fn is_passing(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Timeout | Self::Network(_) => true,
            Self::Status { status, .. } => *status >= 500 && *status != 501 && *status != 505,
            _ => false,
        }
    }

    /// The fact that was not read because of it.
    pub(in crate::collect) fn unknown<T>(&self, scope: &str) -> Fact<T> {
        if let Self::Told(why) = self {
            return Fact::Unknown(why.clone());
        }
        let permission = self.is_refusal().then(|| scope.to_owned());
        Fact::Unknown(Unknown { reason: self.to_string(), permission })
    }

    /// The gap it leaves where assets may be missing because of it. `asset` is the native id
    /// concerned, if it is one.
    pub(in crate::collect) fn gap(&self, facet: &str, call: &str, scope: &str, asset: Option<String>) -> Gap {
        Gap {
            facet: facet.to_owned(),
            call: call.to_owned(),
            code: self.code(),
            message: format!("{facet}: {self}"),
            permission: self.is_refusal().then(|| scope.to_owned()),
            asset,
            hides_assets: true,
        }
    }
}
