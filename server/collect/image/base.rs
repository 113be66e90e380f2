//! What an image says it is built on: by the labels made for that, or by the marks its distribution
//! leaves in labels, variables and the first build steps.

use chrono::NaiveDate;

use super::wire::{RunConfig, Step};
use crate::analysis::eol;
use crate::model::{BaseImage, EndOfLife, Tag};

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// The base image, as far as the image tells.
pub(super) fn of(labels: &[Tag], run: &RunConfig, history: &[Step]) -> Option<BaseImage> {
    let label = |key: &str| {
        let found = labels.iter().find(|label| label.key == key).map(|label| label.value.trim());
        found.filter(|value| !value.is_empty() && *value != "scratch")
    };
    let named = label(NAME).map(String::from);
    let system = by_label(label).or_else(|| by_variable(run)).or_else(|| by_history(history));
    // The name says more to people; where our table does not know it, the system may still be old.
    let name = match (named, system) {
        (Some(named), Some(system)) if eol::base_image(&named) == EndOfLife::NotListed => {
            if eol::base_image(&system) == EndOfLife::NotListed { named } else { system }
        }
        (Some(named), _) => named,
        (None, system) => system?,
    };
    let end_of_life = eol::base_image(&name);
    Some(BaseImage { name, digest: label(DIGEST).map(String::from), end_of_life })
}

/// Ubuntu and the Red Hat family label their images.
fn by_label<'a>(label: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    if label("org.opencontainers.image.ref.name") == Some("ubuntu") {
        return label("org.opencontainers.image.version").map(|version| format!("ubuntu:{version}"));
    }
    if label("com.redhat.component").is_some_and(|name| name.starts_with("ubi")) {
        return label("version").map(|version| format!("ubi:{version}"));
    }
    let distribution = ["almalinux", "fedora", "rockylinux"].into_iter();
    let named = distribution
        .filter(|name| label("name") == Some(name))
        .find_map(|name| Some((name, label("version")?)));
    named.map(|(name, version)| format!("{name}:{version}"))
}

/// Fedora leaves `FGC=f39` behind.
fn by_variable(run: &RunConfig) -> Option<String> {
    let version = run.env.iter().flatten().find_map(|entry| entry.strip_prefix("FGC=f"))?;
    is_version(version).then(|| format!("fedora:{version}"))
}

/// Debian's and Alpine's images begin with a step that names the release.
fn by_history(history: &[Step]) -> Option<String> {
    let mut steps = history.iter().take(3).flat_map(|step| [&step.created_by, &step.comment]).flatten();
    steps.find_map(|step| alpine(step).or_else(|| debian(step)))
}

/// `ADD alpine-minirootfs-3.19.1-x86_64.tar.gz / # buildkit`
fn alpine(step: &str) -> Option<String> {
    let (_, rest) = step.split_once("alpine-minirootfs-")?;
    let version = rest.split('-').next().filter(|version| is_version(version))?;
    let release: Vec<&str> = version.split('.').take(2).collect();
    Some(format!("alpine:{}", release.join(".")))
}

/// `# debian.sh --arch 'amd64' out/ 'bookworm' '@1727654400'`
fn debian(step: &str) -> Option<String> {
    let (_, rest) = step.split_once("debian.sh ")?;
    let words = rest.split_whitespace().map(|word| word.trim_matches('\''));
    let release = words.skip_while(|word| *word != "out/").nth(1)?;
    release.bytes().all(|b| b.is_ascii_lowercase()).then(|| format!("debian:{release}"))
}

fn is_version(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Earlier ends first, then none announced, then not known.
pub(super) fn order(end: EndOfLife) -> (u8, NaiveDate) {
    match end {
        EndOfLife::Ended => (0, NaiveDate::MIN),
        EndOfLife::On(day) => (1, day),
        EndOfLife::Open => (2, NaiveDate::MAX),
        EndOfLife::NotListed => (3, NaiveDate::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    fn name(labels: &[Tag], env: &[&str], step: &str) -> Option<String> {
        let run =
            RunConfig { env: Some(env.iter().map(ToString::to_string).collect()), ..RunConfig::default() };
        let history = [Step { created_by: Some(step.into()), comment: None }];
        of(labels, &run, &history).map(|base| base.name)
    }

    #[test]
    fn a_base_is_known_by_its_label_or_by_the_marks_of_its_distribution() {
        assert_eq!(
            name(&[tag(NAME, "docker.io/library/debian:12-slim")], &[], ""),
            Some("docker.io/library/debian:12-slim".into())
        );
        let ubuntu = [
            tag("org.opencontainers.image.ref.name", "ubuntu"),
            tag("org.opencontainers.image.version", "22.04"),
        ];
        assert_eq!(name(&ubuntu, &[], ""), Some("ubuntu:22.04".into()));
        let ubi = [tag("com.redhat.component", "ubi9-container"), tag("version", "9.4")];
        assert_eq!(name(&ubi, &[], ""), Some("ubi:9.4".into()));
        assert_eq!(name(&[], &["FGC=f39"], ""), Some("fedora:39".into()));
        assert_eq!(
            name(&[], &[], "ADD alpine-minirootfs-3.19.1-x86_64.tar.gz / # buildkit"),
            Some("alpine:3.19".into())
        );
        assert_eq!(
            name(&[], &[], "# debian.sh --arch 'amd64' out/ 'bookworm' '@1727654400'"),
            Some("debian:bookworm".into())
        );
        assert_eq!(name(&[tag(NAME, "scratch")], &[], "COPY app /app"), None);
    }

    #[test]
    fn a_private_name_does_not_hide_an_old_system() {
        let labels = [tag(NAME, "registry.example/team/base:7")];
        let step = "ADD alpine-minirootfs-3.12.0-x86_64.tar.gz / # buildkit";
        assert_eq!(name(&labels, &[], step), Some("alpine:3.12".into()));
        assert_eq!(name(&labels, &[], ""), Some("registry.example/team/base:7".into()));
    }

    proptest! {
        #[test]
        fn no_step_makes_it_stumble(step in "\\PC{0,60}") {
            let _ = name(&[], &[], &format!("debian.sh {step}"));
            let _ = name(&[], &[], &format!("alpine-minirootfs-{step}"));
        }
    }
}
