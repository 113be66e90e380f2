//! An asset: something with a posture, under an identity that never changes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Fact, Family, FunctionFacts, ImageFacts, Kind, Platform, Provider, RepositoryFacts, Tag, Unknown,
};

/// Declares a typed id over a UUID.
macro_rules! typed_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(out)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

typed_id! {
    /// An organisation.
    TenantId
}
typed_id! {
    /// An asset of a tenant; derived from its key, so the same asset has the same id in every run.
    AssetId
}
typed_id! {
    /// A finding of a tenant; derived from asset, control and discriminator.
    FindingId
}

/// The native identity of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AssetKey {
    /// Who runs the source.
    pub provider: Provider,
    /// Account id, subscription id, or registry address.
    pub account: String,
    /// Region in the provider's canonical spelling (`eu-west-1`, `westeurope`); empty for registries.
    pub region: String,
    /// The full native id: ARN, Azure resource id, `registry/repository@digest`.
    pub native_id: String,
}

impl AssetKey {
    /// The asset's id within `tenant`: a UUID v5 over the length-prefixed parts, so that no two
    /// different keys can run together into one.
    pub fn id(&self, tenant: TenantId) -> AssetId {
        // Resource Manager's ids are the same in any case, and its answers differ in it.
        let native_id = match self.provider {
            Provider::Azure => self.native_id.to_lowercase(),
            _ => self.native_id.clone(),
        };
        let parts = [self.provider.code(), &self.account, &self.region, &native_id];
        AssetId(derive(tenant.0, &parts))
    }
}

impl AssetId {
    /// The id of the finding that `control` (and `discriminator`, empty in most) makes here.
    pub fn finding(self, control: &str, discriminator: &str) -> FindingId {
        FindingId(derive(self.0, &[control, discriminator]))
    }
}

fn derive(namespace: Uuid, parts: &[&str]) -> Uuid {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&namespace, &bytes)
}

/// The facts of an asset, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "facts", rename_all = "snake_case")]
pub enum Facts {
    /// A function.
    Function(Box<FunctionFacts>),
    /// A repository.
    Repository(Box<RepositoryFacts>),
    /// An image.
    Image(Box<ImageFacts>),
}

impl Facts {
    /// The kind these facts belong to.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Function(_) => Kind::Function,
            Self::Repository(_) => Kind::Repository,
            Self::Image(_) => Kind::Image,
        }
    }

    /// The facts a source refused or failed to give.
    pub fn unknowns(&self) -> Vec<(&'static str, &Unknown)> {
        match self {
            Self::Function(facts) => facts.unknowns(),
            Self::Repository(facts) => facts.unknowns(),
            Self::Image(facts) => facts.unknowns(),
        }
    }
}

/// Something with a posture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Its native identity.
    pub key: AssetKey,
    /// Short name for people.
    pub name: String,
    /// What it runs on.
    pub platform: Platform,
    /// What is known of it.
    #[serde(flatten)]
    pub facts: Facts,
}

impl Asset {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.facts.kind()
    }

    /// Its family.
    pub const fn family(&self) -> Family {
        self.kind().family()
    }

    /// Its tags, as far as they could be read. Images have labels instead.
    pub fn tags(&self) -> &[Tag] {
        let tags = match &self.facts {
            Facts::Function(facts) => &facts.tags,
            Facts::Repository(facts) => &facts.tags,
            Facts::Image(_) => return &[],
        };
        if let Fact::Known(tags) = tags { tags } else { &[] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(account: &str, region: &str, native_id: &str) -> AssetKey {
        AssetKey {
            provider: Provider::Aws,
            account: account.into(),
            region: region.into(),
            native_id: native_id.into(),
        }
    }

    proptest! {
        #[test]
        fn different_keys_never_share_an_id(a in ".{0,6}", b in ".{0,6}", c in ".{0,6}", d in ".{0,6}", e in ".{0,6}", f in ".{0,6}") {
            let tenant = TenantId(Uuid::nil());
            let (left, right) = (key(&a, &b, &c), key(&d, &e, &f));
            prop_assert_eq!(left == right, left.id(tenant) == right.id(tenant));
        }
    }

    #[test]
    fn two_tenants_with_the_same_asset_have_two_ids() {
        let same = key("1", "eu-west-1", "arn:x");
        assert_ne!(same.id(TenantId(Uuid::nil())), same.id(TenantId(Uuid::max())));
    }
}
