//! The database holds what it promises: tenants apart, findings with a life, history on change.

mod lives;
mod queue;
mod tenancy;
mod writes;

use parallax::model::{Asset, AssetKey, Fact, Facts, Gap, ImageFacts, Platform, Provider};

/// The control the images of these tests are told apart by.
const ROOT: &str = "HST-04";

/// An image that runs as `user`; an empty one is root, none could not be read.
fn image(name: &str, user: Option<&str>) -> Asset {
    let user = match user {
        Some("") => Fact::Known(None),
        Some(user) => Fact::Known(Some(user.to_owned())),
        None => Fact::unknown("blob not found"),
    };
    Asset {
        key: AssetKey {
            provider: Provider::Registry,
            account: "registry.example".into(),
            region: String::new(),
            native_id: format!("registry.example/{name}@sha256:0"),
        },
        name: name.into(),
        platform: Platform::OciImage,
        facts: Facts::Image(Box::new(ImageFacts { user, ..ImageFacts::default() })),
    }
}

/// A gap that may hide assets, or not.
fn gap(hides_assets: bool) -> Gap {
    Gap {
        facet: "catalogue".into(),
        call: "GET /v2/_catalog".into(),
        code: "DENIED".into(),
        message: "the catalogue was refused".into(),
        permission: Some("registry:catalog:*".into()),
        asset: None,
        hides_assets,
    }
}
