//! From an image's own words to facts.
//!
//! A tag that names an index is one image with several architectures: what people deploy is the
//! tag, and eight copies of one finding help nobody. Its facts are those of its worst platform, so
//! that no defect hides behind another architecture; a platform that could not be read makes
//! unknown whatever the others do not already show to be bad.

use chrono::{DateTime, Datelike, Utc};

use super::base;
use super::fault::Fault;
use super::wire::{ImageConfig, RunConfig, Step};
use crate::analysis::secrets::{self, FingerprintKey};
use crate::model::{BaseImage, Fact, ImageFacts, SecretHit, Tag, Variable, is_root};

const MOST_VARIABLES: usize = 1_000;
const MOST_STEPS: usize = 2_000;
const MOST_LABELS: usize = 200;
const LONGEST_LABEL: usize = 1_000;
const MOST_SECRETS: usize = 100;

/// The facts one configuration tells.
pub(super) fn image(config: &ImageConfig, key: &FingerprintKey) -> ImageFacts {
    let none = RunConfig::default();
    let run = config.config.as_ref().unwrap_or(&none);
    let labels = labels(run);
    let history = config.history.as_deref().unwrap_or_default();
    ImageFacts {
        user: run.user.clone().map(|user| user.trim().to_owned()).filter(|user| !user.is_empty()).into(),
        environment: environment(run, key),
        history_secrets: history_secrets(history),
        exposed_ports: run
            .exposed_ports
            .iter()
            .flatten()
            .map(|(port, _)| port.clone())
            .collect::<Vec<_>>()
            .into(),
        healthcheck: has_healthcheck(run).into(),
        created: created(config).into(),
        base: base::of(&labels, run, history).into(),
        labels: labels.into(),
        architectures: architecture(config),
        ..ImageFacts::default()
    }
}

/// The facts of an image whose configuration could not be read.
pub(super) fn unread(fault: &Fault, scope: &str) -> ImageFacts {
    ImageFacts {
        user: fault.unknown(scope),
        environment: fault.unknown(scope),
        history_secrets: fault.unknown(scope),
        exposed_ports: fault.unknown(scope),
        healthcheck: fault.unknown(scope),
        created: fault.unknown(scope),
        base: fault.unknown(scope),
        labels: fault.unknown(scope),
        architectures: fault.unknown(scope),
        size_bytes: fault.unknown(scope),
        ..ImageFacts::default()
    }
}

/// What was not looked at may hold a secret: only one that was found makes a cut list known.
fn environment(run: &RunConfig, key: &FingerprintKey) -> Fact<Vec<Variable>> {
    let entries = run.env.iter().flatten().take(MOST_VARIABLES);
    let read: Vec<Variable> = entries
        .map(|entry| {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            secrets::inspect(name, value, key)
        })
        .collect();
    if run.env.iter().flatten().count() > MOST_VARIABLES && read.iter().all(|one| one.secret.is_none()) {
        return Fact::unknown(format!("it has more than {MOST_VARIABLES} variables"));
    }
    Fact::Known(read)
}

fn history_secrets(history: &[Step]) -> Fact<Vec<SecretHit>> {
    let texts = history.iter().take(MOST_STEPS).flat_map(|step| [&step.created_by, &step.comment]).flatten();
    let mut found: Vec<SecretHit> = Vec::new();
    for hit in texts.flat_map(|text| secrets::scan_text(text)) {
        if found.len() < MOST_SECRETS && !found.contains(&hit) {
            found.push(hit);
        }
    }
    if history.len() > MOST_STEPS && found.is_empty() {
        return Fact::unknown(format!("it has more than {MOST_STEPS} steps"));
    }
    Fact::Known(found)
}

fn has_healthcheck(run: &RunConfig) -> bool {
    let test = run.healthcheck.as_ref().and_then(|check| check.test.as_ref());
    test.is_some_and(|test| test.first().is_some_and(|first| first != "NONE"))
}

/// When it was built. Builds that want to be repeatable write the year 1 or 1970, which is no date.
fn created(config: &ImageConfig) -> Option<DateTime<Utc>> {
    let stated = DateTime::parse_from_rfc3339(config.created.as_deref()?).ok()?.to_utc();
    (stated.year() > 1980).then_some(stated)
}

fn labels(run: &RunConfig) -> Vec<Tag> {
    let entries = run.labels.iter().flatten().take(MOST_LABELS);
    entries
        .filter_map(|(key, value)| {
            let value = value.as_str()?.chars().take(LONGEST_LABEL).collect();
            Some(Tag { key: key.clone(), value })
        })
        .collect()
}

fn architecture(config: &ImageConfig) -> Fact<Vec<String>> {
    match (&config.os, &config.architecture) {
        (Some(os), Some(processor)) if !os.is_empty() && !processor.is_empty() => {
            let variant = config.variant.iter().filter(|variant| !variant.is_empty());
            let parts: Vec<&str> = [os, processor].into_iter().chain(variant).map(String::as_str).collect();
            vec![parts.join("/")].into()
        }
        _ => Fact::unknown("the image does not say what it runs on"),
    }
}

/// Several platforms as one image: see the head of this file.
pub(super) fn merge(of: &[ImageFacts]) -> ImageFacts {
    let has_secret = |all: &Vec<Variable>| all.iter().any(|one| one.secret.is_some());
    ImageFacts {
        user: worst(of, |one| &one.user, |user| is_root(user.as_deref()), first),
        environment: worst(of, |one| &one.environment, has_secret, union),
        history_secrets: worst(of, |one| &one.history_secrets, |hits| !hits.is_empty(), union),
        exposed_ports: worst(of, |one| &one.exposed_ports, |_| false, union),
        healthcheck: worst(
            of,
            |one| &one.healthcheck,
            |healthy| !healthy,
            |all| all.into_iter().all(|one| one),
        ),
        created: worst(of, |one| &one.created, |_| false, |all| all.into_iter().min().flatten()),
        base: worst(of, |one| &one.base, |_| false, earliest_end),
        labels: worst(of, |one| &one.labels, |_| false, first),
        architectures: worst(of, |one| &one.architectures, |_| true, union),
        size_bytes: worst(of, |one| &one.size_bytes, |_| false, |all| all.into_iter().max().unwrap_or(0)),
        ..ImageFacts::default()
    }
}

/// Joins one fact of all platforms: the bad ones where there are any, since they stand whatever the
/// rest holds; otherwise all, if all are known.
fn worst<T: Clone>(
    platforms: &[ImageFacts],
    field: fn(&ImageFacts) -> &Fact<T>,
    is_bad: fn(&T) -> bool,
    join: fn(Vec<T>) -> T,
) -> Fact<T> {
    let known: Vec<&T> = platforms.iter().filter_map(|one| field(one).known()).collect();
    let unknown = platforms.iter().find_map(|one| field(one).why_unknown());
    let bad: Vec<T> = known.iter().copied().filter(|value| is_bad(value)).cloned().collect();
    match unknown {
        _ if !bad.is_empty() && (unknown.is_some() || bad.len() == known.len()) => Fact::Known(join(bad)),
        Some(why) => Fact::Unknown(why.clone()),
        None if known.is_empty() => Fact::default(),
        None => {
            let (bad, good): (Vec<T>, Vec<T>) = known.into_iter().cloned().partition(is_bad);
            Fact::Known(join(bad.into_iter().chain(good).collect()))
        }
    }
}

fn first<T: Default>(all: Vec<T>) -> T {
    all.into_iter().next().unwrap_or_default()
}

fn union<T: PartialEq>(all: Vec<Vec<T>>) -> Vec<T> {
    let mut joined = Vec::new();
    for value in all.into_iter().flatten() {
        if !joined.contains(&value) {
            joined.push(value);
        }
    }
    joined
}

fn earliest_end(all: Vec<Option<BaseImage>>) -> Option<BaseImage> {
    all.into_iter().flatten().min_by_key(|base| base::order(base.end_of_life))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> ImageFacts {
        image(&serde_json::from_str(json).expect("a configuration"), &FingerprintKey::new([7; 32]))
    }

    fn root() -> ImageFacts {
        read(r#"{"os":"linux","architecture":"amd64","config":{"User":"0"}}"#)
    }

    fn user() -> ImageFacts {
        read(
            r#"{"os":"linux","architecture":"arm64","variant":"v8","config":{"User":"app","Healthcheck":{"Test":["CMD","true"]}}}"#,
        )
    }

    #[test]
    fn the_oldest_platform_counts_and_one_without_a_date_leaves_it_open() {
        let built = |date: &str| read(&format!(r#"{{"created":"{date}","config":{{}}}}"#));
        let (old, new, none) =
            (built("2023-01-01T00:00:00Z"), built("2026-01-01T00:00:00Z"), built("1970-01-01T00:00:00Z"));
        assert_eq!(merge(&[new.clone(), old.clone()]).created, old.created);
        assert_eq!(merge(&[new, none]).created, Fact::Known(None));
    }

    #[test]
    fn what_was_not_looked_at_is_not_clean() {
        let with = |first: &str| {
            let more = (0..MOST_VARIABLES).map(|number| format!("\"A{number}=1\"")).collect::<Vec<_>>();
            let json = format!(r#"{{"config":{{"Env":["{first}",{}]}}}}"#, more.join(","));
            read(&json).environment
        };
        assert!(with("B=1").known().is_none(), "the last was not read");
        let found = with("DB_PASSWORD=k7Qw!x92Lmn4ZpT8");
        assert!(found.known().is_some_and(|all| all.iter().any(|one| one.secret.is_some())), "{found:?}");
        let steps = format!(r#"{{"history":[{}]}}"#, vec!["{}"; MOST_STEPS + 1].join(","));
        assert!(read(&steps).history_secrets.known().is_none());
    }

    #[test]
    fn a_configuration_says_only_what_it_says() {
        let facts = read(
            r#"{"created":"1970-01-01T00:00:00Z","config":{"User":" ","Healthcheck":{"Test":["NONE"]},"Labels":{"a":"b","n":1},"ExposedPorts":{"80/tcp":{}}}}"#,
        );
        assert_eq!(facts.user, Fact::Known(None));
        assert_eq!(facts.healthcheck, Fact::Known(false));
        assert_eq!(facts.created, Fact::Known(None));
        assert_eq!(facts.exposed_ports.known().map(Vec::len), Some(1));
        assert_eq!(facts.labels.known().map(Vec::len), Some(1));
        assert!(
            facts.architectures.known().is_none()
                && facts.signed.is_not_read()
                && facts.pushed_at.is_not_read()
        );
    }

    #[test]
    fn one_root_platform_makes_the_image_root_in_either_order() {
        for pair in [vec![root(), user()], vec![user(), root()]] {
            let merged = merge(&pair);
            assert_eq!(merged.user, Fact::Known(Some("0".into())));
            assert_eq!(merged.healthcheck, Fact::Known(false));
            assert_eq!(merged.architectures.known().map(Vec::len), Some(2));
        }
    }

    #[test]
    fn a_platform_that_was_not_read_hides_nothing_and_excuses_nothing() {
        let dark = || unread(&Fault::Timeout, "repository:a:pull");
        assert_eq!(merge(&[root(), dark()]).user, Fact::Known(Some("0".into())));
        let merged = merge(&[user(), dark()]);
        assert_eq!(merged.user.why_unknown().map(|why| why.reason.as_str()), Some("no answer in time"));
        assert!(merged.environment.known().is_none() && merged.healthcheck.known().is_none());
        assert_eq!(merged.architectures.known(), Some(&vec!["linux/arm64/v8".to_owned()]));
    }
}
