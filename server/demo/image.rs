//! Container images of the sample estate: manifests and configurations whose digests are right.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::estate::{before, on};
use super::names::{Service, TEAMS};
use super::secrets;
use super::seed::{Draw, Place};

/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an index over several platforms.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Base images by how often they are met: name, a word of its user, and whether it is a system
/// with a package manager.
const BASES: [(u32, (&str, &str)); 11] = [
    (22, ("debian:12-slim", "debian")),
    (16, ("alpine:3.22", "alpine")),
    (12, ("ubuntu:24.04", "ubuntu")),
    (9, ("ubuntu:22.04", "ubuntu")),
    (9, ("debian:13-slim", "debian")),
    (8, ("node:22-bookworm-slim", "debian")),
    (7, ("python:3.12-slim", "debian")),
    (5, ("alpine:3.16", "alpine")),
    (4, ("debian:10", "debian")),
    (3, ("ubuntu:18.04", "ubuntu")),
    (5, ("centos:7", "centos")),
];

/// Bytes with their digest.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Blob {
    fn of(value: &Value) -> Self {
        let bytes = value.to_string().into_bytes();
        let mut digest = String::from("sha256:");
        for byte in Sha256::digest(&bytes) {
            digest.extend(
                [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
            );
        }
        Self { digest, bytes }
    }
}

/// One build of one service's image.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    place: Place,
    service: Service,
    number: u64,
    born: u32,
}

/// What images are known by, once one was shown: no registry works out a digest for each question.
#[derive(Debug, Default)]
pub struct Digests(Mutex<HashMap<Place, (String, usize)>>);

impl Image {
    /// Image number `number` under `place`, pushed on `born` (0: some time before the first day).
    pub fn new(place: Place, service: Service, number: u64, born: u32) -> Self {
        Self { place: place.at("image").nth(number).nth(u64::from(born)), service, number, born }
    }

    /// The tag it was pushed under.
    pub fn version_tag(&self) -> String {
        format!("1.{}.0", self.number)
    }

    /// It is an index over two platforms.
    pub fn is_index(&self) -> bool {
        self.place.draw("index").chance(12.0)
    }

    /// When it was pushed.
    pub fn pushed_at(&self) -> chrono::DateTime<chrono::Utc> {
        if self.born > 0 { on(self.born) } else { before(&mut self.place.draw("pushed"), 500) }
    }

    /// Media type of what its digest names.
    pub fn media_type(&self) -> &'static str {
        if self.is_index() { INDEX } else { MANIFEST }
    }

    /// What its tag points to: a manifest, or an index of manifests.
    pub fn top(&self) -> Blob {
        if !self.is_index() {
            return self.manifest("amd64");
        }
        let entries: Vec<Value> = ["amd64", "arm64"]
            .into_iter()
            .map(|architecture| {
                let manifest = self.manifest(architecture);
                json!({ "mediaType": MANIFEST, "digest": manifest.digest, "size": manifest.bytes.len(),
                    "platform": { "architecture": architecture, "os": "linux" } })
            })
            .collect();
        Blob::of(&json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }))
    }

    /// Digest and size of [`Image::top`].
    pub fn named(&self, digests: &Digests) -> (String, usize) {
        let held = digests.0.lock().unwrap_or_else(PoisonError::into_inner).get(&self.place).cloned();
        if let Some(named) = held {
            return named;
        }
        let top = self.shown(digests);
        (top.digest, top.bytes.len())
    }

    /// [`Image::top`], of which digest and size are kept.
    pub fn shown(&self, digests: &Digests) -> Blob {
        let top = self.top();
        let named = (top.digest.clone(), top.bytes.len());
        digests.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.place, named);
        top
    }

    /// Digest of [`Image::top`].
    pub fn digest(&self, digests: &Digests) -> String {
        self.named(digests).0
    }

    /// The manifest for one architecture.
    pub fn manifest(&self, architecture: &str) -> Blob {
        let config = self.config(architecture);
        let layers: Vec<Value> = self
            .layers(architecture)
            .into_iter()
            .map(|(digest, size)| json!({ "mediaType": LAYER, "digest": digest, "size": size }))
            .collect();
        Blob::of(&json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers,
            "config": { "mediaType": CONFIG, "digest": config.digest, "size": config.bytes.len() } }))
    }

    /// Every manifest and configuration it is made of, its top first.
    pub fn parts(&self) -> Vec<(&'static str, Blob)> {
        let mut parts = vec![(self.media_type(), self.top())];
        let architectures: &[&str] = if self.is_index() { &["amd64", "arm64"] } else { &["amd64"] };
        for architecture in architectures {
            if self.is_index() {
                parts.push((MANIFEST, self.manifest(architecture)));
            }
            parts.push((CONFIG, self.config(architecture)));
        }
        parts
    }

    /// Compressed size.
    pub fn size(&self) -> u64 {
        self.layers("amd64").iter().map(|(_, size)| size).sum()
    }

    fn layers(&self, architecture: &str) -> Vec<(String, u64)> {
        let mut draw = self.place.draw("layers");
        let count = 2 + draw.below(4);
        (0..count)
            .map(|layer| {
                let digest = self.place.at(architecture).nth(layer).draw("layer").hex(64);
                (format!("sha256:{digest}"), 900_000 + draw.below(60_000_000))
            })
            .collect()
    }

    /// The configuration for one architecture.
    pub fn config(&self, architecture: &str) -> Blob {
        let careless = self.service.carelessness();
        let (base, system) = self.place.draw("base").weighted(&BASES);
        let mut draw = self.place.draw("config");
        let mut config = Map::new();
        if !draw.chance(34.0 * careless.min(2.0)) {
            config.insert("User".into(), (*draw.pick(&["10001", "app", "nobody", "1000:1000"])).into());
        }
        if draw.chance(62.0) {
            config.insert("ExposedPorts".into(), json!({ "8080/tcp": {} }));
        }
        if draw.chance(58.0) {
            config.insert(
                "Healthcheck".into(),
                json!({ "Test": ["CMD", "/app/healthy"], "Interval": 30_000_000_000_u64, "Retries": 3 }),
            );
        }
        config.insert("Env".into(), environment(&mut draw, careless).into());
        config.insert("Cmd".into(), json!(["/app/serve"]));
        config.insert("Labels".into(), self.labels(&mut draw, base).into());
        let created = self.pushed_at().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let ids: Vec<String> = self.layers(architecture).into_iter().map(|(digest, _)| digest).collect();
        Blob::of(&json!({ "architecture": architecture, "os": "linux", "created": created, "config": config,
            "rootfs": { "type": "layers", "diff_ids": ids }, "history": self.history(&created, system, careless) }))
    }

    fn labels(&self, draw: &mut Draw, base: &str) -> Map<String, Value> {
        let mut labels = Map::new();
        let team = TEAMS[self.service.team()];
        labels.insert("org.opencontainers.image.title".into(), self.service.to_string().into());
        labels.insert("org.opencontainers.image.version".into(), format!("1.{}.0", self.number).into());
        if draw.chance(88.0) {
            labels.insert("org.opencontainers.image.base.name".into(), base.into());
        }
        if draw.chance(70.0) {
            labels.insert("owner".into(), team.into());
        }
        labels
    }

    fn history(&self, created: &str, system: &str, careless: f64) -> Vec<Value> {
        let mut draw = self.place.draw("history");
        let step = |text: String| json!({ "created": created, "created_by": text });
        let mut steps = vec![
            step(format!("/bin/sh -c #(nop) ADD file:{}.tar.xz in /", draw.hex(12))),
            step("RUN /bin/sh -c install-runtime --no-cache # buildkit".into()),
            step(format!("COPY /build/{system}/app /app # buildkit")),
        ];
        if draw.chance(3.0 * careless) {
            let token = secrets::github_token(&mut draw);
            steps.push(step(format!(
                "RUN |1 GITHUB_TOKEN={token} /bin/sh -c fetch-private-modules # buildkit"
            )));
        }
        steps
    }
}

fn environment(draw: &mut Draw, careless: f64) -> Vec<String> {
    let mut found = vec!["PATH=/usr/local/bin:/usr/bin:/bin".to_string(), "LANG=C.UTF-8".to_string()];
    if draw.chance(5.0 * careless) {
        let (name, value) = secrets::variable(draw);
        found.push(format!("{name}={value}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::eol;
    use crate::model::EndOfLife;

    #[test]
    fn the_end_of_every_base_is_in_our_table() {
        for (_, (base, _)) in BASES {
            assert_ne!(eol::base_image(base), EndOfLife::NotListed, "{base}");
        }
    }

    #[test]
    fn a_manifest_names_its_configuration_by_its_digest() {
        for number in 0..40 {
            let image = Image::new(Place::root(3), Service::nth(5), number, 0);
            let manifest: Value = serde_json::from_slice(&image.manifest("amd64").bytes).unwrap();
            assert_eq!(manifest["config"]["digest"], image.config("amd64").digest);
            let top: Value = serde_json::from_slice(&image.top().bytes).unwrap();
            assert_eq!(top["manifests"].is_array(), image.is_index());
        }
    }
}
