//! Base images: an operating system as an image states it, or the image reference it was built on.

use super::{lookup, lookup_version};
use crate::model::EndOfLife;

/// Names as images, labels and `os-release` spell them, and the table's own.
const PRODUCTS: &[(&str, &str)] = &[
    ("almalinux", "almalinux"),
    ("alpine", "alpine-linux"),
    ("amazoncorretto", "amazon-corretto"),
    ("amazonlinux", "amazon-linux"),
    ("amzn", "amazon-linux"),
    ("centos", "centos"),
    ("debian", "debian"),
    ("eclipse-temurin", "eclipse-temurin"),
    ("fedora", "fedora"),
    ("golang", "go"),
    ("nginx", "nginx"),
    ("node", "nodejs"),
    ("ol", "oracle-linux"),
    ("opensuse-leap", "opensuse"),
    ("leap", "opensuse"),
    ("oraclelinux", "oracle-linux"),
    ("php", "php"),
    ("postgres", "postgresql"),
    ("python", "python"),
    ("redis", "redis"),
    ("rhel", "rhel"),
    ("rockylinux", "rocky-linux"),
    ("rocky", "rocky-linux"),
    ("ruby", "ruby"),
    ("rust", "rust"),
    ("sles", "sles"),
    ("ubi", "rhel"),
    ("ubi-minimal", "rhel"),
    ("ubi7", "rhel"),
    ("ubi8", "rhel"),
    ("ubi9", "rhel"),
    ("ubi10", "rhel"),
    ("ubuntu", "ubuntu"),
];

/// Release names that stand for a version.
const CODENAMES: &[(&str, &str, &str)] = &[
    ("stretch", "debian", "9"),
    ("buster", "debian", "10"),
    ("bullseye", "debian", "11"),
    ("bookworm", "debian", "12"),
    ("trixie", "debian", "13"),
    ("trusty", "ubuntu", "14.04"),
    ("xenial", "ubuntu", "16.04"),
    ("bionic", "ubuntu", "18.04"),
    ("focal", "ubuntu", "20.04"),
    ("jammy", "ubuntu", "22.04"),
    ("noble", "ubuntu", "24.04"),
];

/// The end of support of what an image is built on: `debian:12`, `ubuntu 22.04`,
/// `docker.io/library/python:3.9-slim-bullseye`, `amazonlinux:2`. Where a language image names its
/// system too, the earlier end counts.
pub fn base_image(name_or_os: &str) -> EndOfLife {
    let text = name_or_os.trim().to_ascii_lowercase();
    let text = text.split('@').next().unwrap_or("");
    let (name, version) = split(text);
    let short = name.rsplit('/').next().unwrap_or(name);
    let own = PRODUCTS
        .iter()
        .find(|(spelling, _)| *spelling == short)
        .map_or(EndOfLife::NotListed, |(spelling, product)| release(spelling, product, version));
    earlier(own, system(version))
}

fn split(text: &str) -> (&str, &str) {
    if let Some((name, version)) = text.split_once(' ') {
        return (name, version.trim());
    }
    match text.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((name, version)) if !version.contains('/') => (name, version),
        _ => (text, ""),
    }
}

fn release(spelling: &str, product: &str, tag: &str) -> EndOfLife {
    let version = tag.split(['-', '_', '+']).next().unwrap_or("");
    match (spelling, version) {
        (major @ ("ubi7" | "ubi8" | "ubi9" | "ubi10"), _) => lookup(product, &major[3..]),
        ("centos", version) if version.starts_with("stream") => {
            lookup("centos-stream", version.trim_start_matches("stream"))
        }
        (_, version) => match lookup_version(product, version) {
            EndOfLife::NotListed => codename(product, version),
            found => found,
        },
    }
}

fn codename(product: &str, version: &str) -> EndOfLife {
    CODENAMES
        .iter()
        .find(|(name, of, _)| *name == version && *of == product)
        .map_or(EndOfLife::NotListed, |(_, product, release)| lookup(product, release))
}

/// The system a tag names after the version: `3.9-slim-bullseye`, `20-alpine3.16`.
fn system(tag: &str) -> EndOfLife {
    tag.split('-').skip(1).fold(EndOfLife::NotListed, |found, part| {
        let here = match part.strip_prefix("alpine").filter(|version| !version.is_empty()) {
            Some(version) => lookup_version("alpine-linux", version),
            None => CODENAMES
                .iter()
                .find(|(name, _, _)| *name == part)
                .map_or(EndOfLife::NotListed, |(_, product, release)| lookup(product, release)),
        };
        earlier(found, here)
    })
}

/// The end that comes first; what is not listed says nothing against the other.
fn earlier(left: EndOfLife, right: EndOfLife) -> EndOfLife {
    use EndOfLife::{Ended, NotListed, On, Open};
    match (left, right) {
        (NotListed, other) | (other, NotListed) => other,
        (Ended, _) | (_, Ended) => Ended,
        (On(one), On(two)) => On(one.min(two)),
        (On(day), Open) | (Open, On(day)) => On(day),
        (Open, Open) => Open,
    }
}
