//! Manifests, indexes and configurations of images, as the OCI image specification and Docker's older
//! form have them. What is left out is never invented.

use std::collections::BTreeMap;

use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, ImageIndexEntry, OciDescriptor,
};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sha2::{Digest as _, Sha256, Sha512};

use super::fault::Fault;

/// Media types of layers that make up a root file system.
const LAYERS: [&str; 2] = ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/// Reads JSON, naming what could not be read.
pub(in crate::collect) fn json<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::Unreadable(format!("{what}: {error}")))
}

/// The digest of `bytes` in the algorithm of `like`; SHA-256 where it names none we know.
pub(in crate::collect) fn digest(bytes: &[u8], like: &str) -> String {
    let (name, sum) = if like.starts_with("sha512:") {
        ("sha512", Sha512::digest(bytes).to_vec())
    } else {
        ("sha256", Sha256::digest(bytes).to_vec())
    };
    let mut text = format!("{name}:");
    for byte in sum {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}

/// Whether `digest` is one we can verify.
pub(in crate::collect) fn is_digest(digest: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    match digest.split_once(':') {
        Some(("sha256", rest)) => rest.len() == 64 && hex(rest),
        Some(("sha512", rest)) => rest.len() == 128 && hex(rest),
        _ => false,
    }
}

/// A blob a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Blob {
    pub(in crate::collect) digest: String,
    pub(in crate::collect) size: i64,
}

/// A manifest an index names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) struct Child {
    pub(in crate::collect) digest: String,
    /// `linux/amd64`, where the index says.
    pub(in crate::collect) platform: Option<String>,
}

/// What a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::collect) enum Manifest {
    /// An image for one platform.
    Image {
        /// Its configuration.
        config: Blob,
        /// Compressed size of configuration and layers.
        size: i64,
    },
    /// Images for several platforms.
    Index(Vec<Child>),
    /// Something else that is kept in a registry: a chart, a signature, a bill of materials.
    Artefact,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: Option<u32>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<OciDescriptor>,
    layers: Option<Vec<OciDescriptor>>,
    manifests: Option<Vec<ImageIndexEntry>>,
    fs_layers: Option<IgnoredAny>,
}

/// Reads a manifest or an index.
pub(in crate::collect) fn manifest(body: &[u8]) -> Result<Manifest, Fault> {
    let outline: Outline = json("the manifest", body)?;
    if outline.schema_version == Some(1) || outline.fs_layers.is_some() {
        return Err(Fault::Schema1);
    }
    match (outline.config, outline.manifests) {
        (Some(_), Some(_)) => Err(Fault::Unreadable("the manifest is an image and an index at once".into())),
        (None, Some(manifests)) => Ok(index(manifests, outline.artifact_type.as_deref())),
        (Some(config), None) => {
            let layers = outline.layers.unwrap_or_default();
            Ok(image(&config, &layers, outline.artifact_type.as_deref()))
        }
        (None, None) if outline.artifact_type.is_some() => Ok(Manifest::Artefact),
        (None, None) => {
            let kind = outline.media_type.unwrap_or_else(|| "no media type".into());
            Err(Fault::Unreadable(format!(
                "the manifest names neither a configuration nor manifests ({kind:.100})"
            )))
        }
    }
}

fn image(config: &OciDescriptor, layers: &[OciDescriptor], artifact_type: Option<&str>) -> Manifest {
    let is_image =
        matches!(config.media_type.as_str(), IMAGE_CONFIG_MEDIA_TYPE | IMAGE_DOCKER_CONFIG_MEDIA_TYPE)
            && artifact_type.is_none_or(str::is_empty)
            && layers.iter().all(|layer| LAYERS.iter().any(|prefix| layer.media_type.starts_with(prefix)));
    if !is_image {
        return Manifest::Artefact;
    }
    let size = layers.iter().chain([config]).fold(0_i64, |sum, blob| sum.saturating_add(blob.size.max(0)));
    Manifest::Image { config: Blob { digest: config.digest.clone(), size: config.size }, size }
}

fn index(manifests: Vec<ImageIndexEntry>, artifact_type: Option<&str>) -> Manifest {
    if artifact_type.is_some_and(|kind| !kind.is_empty()) {
        return Manifest::Artefact;
    }
    let mut children: Vec<Child> = Vec::new();
    for entry in manifests {
        let platform = entry.platform.map(|platform| {
            let variant = platform.variant.map(|variant| format!("/{variant}")).unwrap_or_default();
            format!("{}/{}{variant}", platform.os, platform.architecture)
        });
        let about_another = platform.as_deref() == Some("unknown/unknown");
        if !about_another && !children.iter().any(|child| child.digest == entry.digest) {
            children.push(Child { digest: entry.digest, platform });
        }
    }
    Manifest::Index(children)
}

/// An image's configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::collect) struct ImageConfig {
    pub(in crate::collect) created: Option<String>,
    pub(in crate::collect) architecture: Option<String>,
    pub(in crate::collect) os: Option<String>,
    pub(in crate::collect) variant: Option<String>,
    pub(in crate::collect) config: Option<RunConfig>,
    pub(in crate::collect) history: Option<Vec<Step>>,
}

/// How an image is run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::collect) struct RunConfig {
    pub(in crate::collect) user: Option<String>,
    pub(in crate::collect) env: Option<Vec<String>>,
    pub(in crate::collect) exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    pub(in crate::collect) healthcheck: Option<Healthcheck>,
    pub(in crate::collect) labels: Option<BTreeMap<String, serde_json::Value>>,
}

/// How to tell that a container of the image is healthy.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(in crate::collect) struct Healthcheck {
    pub(in crate::collect) test: Option<Vec<String>>,
}

/// One step of the build.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::collect) struct Step {
    pub(in crate::collect) created_by: Option<String>,
    pub(in crate::collect) comment: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:aa","size":10}}"#)
    }

    fn image_of(config: &str, layer: &str) -> Result<Manifest, Fault> {
        let (config, layer) = (descriptor(config), descriptor(layer));
        manifest(format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]}}"#).as_bytes())
    }

    #[test]
    fn images_of_both_families_are_images_and_the_rest_is_not() {
        let layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let blob = Blob { digest: "sha256:aa".into(), size: 10 };
        let wanted = Ok(Manifest::Image { config: blob, size: 20 });
        assert_eq!(image_of("application/vnd.docker.container.image.v1+json", layer), wanted);
        assert_eq!(
            image_of(
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+zstd"
            ),
            wanted
        );
        let cosign = "application/vnd.dev.cosign.simplesigning.v1+json";
        assert_eq!(image_of("application/vnd.oci.image.config.v1+json", cosign), Ok(Manifest::Artefact));
        let chart = "application/vnd.cncf.helm.config.v1+json";
        assert_eq!(
            image_of(chart, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
            Ok(Manifest::Artefact)
        );
        assert_eq!(manifest(br#"{"schemaVersion":1,"fsLayers":[]}"#), Err(Fault::Schema1));
    }

    #[test]
    fn an_index_lists_its_platforms_once_and_leaves_attestations_out() {
        let body = br#"{"schemaVersion":2,"manifests":[
            {"mediaType":"m","digest":"sha256:1","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},
            {"mediaType":"m","digest":"sha256:1","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}},
            {"mediaType":"m","digest":"sha256:2","size":1,"platform":{"os":"unknown","architecture":"unknown"}},
            {"mediaType":"m","digest":"sha256:3","size":1}]}"#;
        let child = |digest: &str, platform: Option<&str>| Child {
            digest: digest.into(),
            platform: platform.map(String::from),
        };
        let wanted = vec![child("sha256:1", Some("linux/arm/v7")), child("sha256:3", None)];
        assert_eq!(manifest(body), Ok(Manifest::Index(wanted)));
    }

    #[test]
    fn a_manifest_that_is_two_things_or_none_is_not_believed() {
        for body in [
            format!(r#"{{"schemaVersion":2,"config":{},"manifests":[]}}"#, descriptor("x")),
            r#"{"schemaVersion":2}"#.to_owned(),
            r#"{"schemaVersion":2,"manifests":[{"digest""#.to_owned(),
            "<html>".to_owned(),
            "null".to_owned(),
        ] {
            assert!(matches!(manifest(body.as_bytes()), Err(Fault::Unreadable(_))), "{body}");
        }
    }

    #[test]
    fn only_what_can_be_proven_is_a_digest() {
        assert!(!is_digest("sha256:..") && !is_digest("md5:00"));
        assert!(is_digest(&format!("sha256:{}", "0f".repeat(32))));
    }

    #[test]
    fn a_digest_is_in_the_algorithm_asked_for() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b"", "sha256:"), empty);
        assert_eq!(digest(b"", "sha512:").len(), 7 + 128);
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_stumble(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = manifest(&bytes);
            let _ = json::<ImageConfig>("config", &bytes);
        }

        #[test]
        fn a_cut_manifest_is_unreadable_and_never_smaller(cut in 0_usize..150) {
            let whole = format!(r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#, descriptor(IMAGE_CONFIG_MEDIA_TYPE));
            let cut = cut.min(whole.len() - 1);
            prop_assert!(manifest(&whole.as_bytes()[..cut]).is_err());
        }
    }
}
