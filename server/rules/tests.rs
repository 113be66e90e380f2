//! Holds every control to its own examples, and the table of controls to its rules.

use std::collections::HashSet;

use chrono::{TimeDelta, TimeZone, Utc};

use super::{Context, Control, Vector, all};
use crate::model::{Asset, AssetKey, Facts, Freshness, Kind, Outcome, Platform, Provider, Settings, Verdict};

/// All examples are judged on this day.
fn day() -> chrono::DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 1, 12, 0, 0).single().expect("a real day")
}

fn asset(vector: &Vector) -> Asset {
    let (facts, usual) = match vector.kind {
        Kind::Function => (serde_json::from_str(vector.facts).map(Facts::Function), Platform::LambdaZip),
        Kind::Repository => (serde_json::from_str(vector.facts).map(Facts::Repository), Platform::Ecr),
        Kind::Image => (serde_json::from_str(vector.facts).map(Facts::Image), Platform::OciImage),
        other => panic!("no facts for {other}"),
    };
    let platform = vector.platform.unwrap_or(usual);
    Asset {
        key: AssetKey {
            provider: Provider::Aws,
            account: "111122223333".into(),
            region: vector.region.unwrap_or("eu-west-1").into(),
            native_id: "example".into(),
        },
        name: "example".into(),
        platform,
        facts: facts.unwrap_or_else(|fault| panic!("{}: {fault}", vector.name)),
    }
}

fn judge(control: &Control, vector: &Vector) -> Outcome {
    let asset = asset(vector);
    let settings = Settings {
        allowed_regions: vec!["eu-west-1".into(), "westeurope".into()],
        trusted_accounts: vec!["999988887777".into()],
        trusted_registries: vec!["registry.example.com".into()],
        ..Settings::default()
    };
    let freshness = vector
        .seen_hours_ago
        .map(|hours| Freshness { last_seen: day() - TimeDelta::hours(hours), interval_seconds: 6 * 3600 });
    let watched_since = Some(day() - TimeDelta::days(60));
    control.judge(&Context { asset: &asset, now: day(), settings: &settings, freshness, watched_since })
}

#[test]
fn every_example_gets_its_verdict() {
    for control in all() {
        for vector in control.vectors {
            let outcome = judge(control, vector);
            assert_eq!(
                outcome.verdict, vector.verdict,
                "{} {}: {}",
                control.code, vector.name, outcome.reason
            );
            assert!(!outcome.reason.is_empty(), "{} {}: no reason", control.code, vector.name);
            if vector.verdict == Verdict::Fail {
                assert!(
                    !outcome.evidence.is_empty(),
                    "{} {}: a failure without evidence",
                    control.code,
                    vector.name
                );
            }
        }
    }
}

/// Controls that need no fact a source could refuse.
const ALWAYS_KNOWN: &[&str] = &["FRM-02", "OPS-06", "OPS-07"];

#[test]
fn a_reading_that_checks_has_an_example_of_each_outcome() {
    for control in all() {
        for kind in [Kind::Function, Kind::Repository, Kind::Image] {
            let verdicts: HashSet<_> =
                control.vectors.iter().filter(|v| v.kind == kind).map(|v| v.verdict).collect();
            if control.readings.fixed(kind).is_some() {
                assert!(verdicts.is_empty(), "{}: examples for a fixed {kind}", control.code);
                continue;
            }
            let settled = [Verdict::Provider, Verdict::Absent, Verdict::NotYet];
            if !verdicts.is_empty() && verdicts.iter().all(|verdict| settled.contains(verdict)) {
                continue; // It only sorts platforms, and its examples name them.
            }
            assert!(verdicts.contains(&Verdict::Fail), "{}: {kind} has no failing example", control.code);
            let fine = [Verdict::Pass, Verdict::Provider, Verdict::Absent];
            assert!(fine.iter().any(|one| verdicts.contains(one)), "{}: {kind} never passes", control.code);
            let unknown = verdicts.contains(&Verdict::Unknown) || ALWAYS_KNOWN.contains(&control.code);
            assert!(unknown, "{}: {kind} has no unknown example", control.code);
        }
    }
}

#[test]
fn nothing_known_never_passes_and_never_fails() {
    for control in all() {
        for kind in [Kind::Function, Kind::Repository, Kind::Image] {
            if control.readings.fixed(kind).is_some() {
                continue;
            }
            for platform in Platform::ALL.iter().copied().filter(|one| fits(*one, kind)) {
                let vector = Vector {
                    verdict: Verdict::Unknown,
                    kind,
                    platform: Some(platform),
                    region: None,
                    seen_hours_ago: None,
                    name: "nothing",
                    facts: "{}",
                };
                let outcome = judge(control, &vector);
                let allowed = matches!(
                    outcome.verdict,
                    Verdict::Unknown | Verdict::Provider | Verdict::Absent | Verdict::NotYet
                ) || READS_THE_KEY_ALONE.contains(&control.code);
                assert!(
                    allowed,
                    "{} on {platform}: {} without a fact ({})",
                    control.code, outcome.verdict, outcome.reason
                );
            }
        }
    }
}

/// Controls that judge the asset's own key or platform, which are known whenever the asset is.
const READS_THE_KEY_ALONE: &[&str] = &["FRM-01", "FRM-02", "FRM-03", "HST-00", "OPS-06", "OPS-07"];

fn fits(platform: Platform, kind: Kind) -> bool {
    use Platform as P;
    match kind {
        Kind::Function => matches!(
            platform,
            P::LambdaZip
                | P::LambdaImage
                | P::FunctionsConsumption
                | P::FunctionsFlex
                | P::FunctionsPremium
                | P::FunctionsDedicated
                | P::FunctionsContainer
        ),
        Kind::Repository => matches!(platform, P::Ecr | P::Acr | P::Oci),
        Kind::Image => platform == P::OciImage,
        _ => false,
    }
}

#[test]
fn the_table_is_in_order_and_well_formed() {
    let codes: Vec<_> = all().iter().map(|control| (control.area, control.code)).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted, "controls are listed by area and number, once each");
    for control in all() {
        assert!(control.code.starts_with(control.area.code()), "{}: not of its area", control.code);
        let title = control.title();
        assert!((10..=72).contains(&title.len()), "{}: title {title:?}", control.code);
        assert!(!title.starts_with("Ensure"), "{}: a title states the defect", control.code);
        for heading in ["Why it matters", "What to do"] {
            let text = control.section(heading).unwrap_or("");
            assert!(text.len() > 40, "{}: nothing under {heading:?}", control.code);
        }
        for kind in Kind::ALL {
            if let Some((_, why)) = control.readings.fixed(*kind) {
                assert!(why.len() > 10, "{}: {kind} has no reason", control.code);
            }
        }
    }
}

/// A control's file without its line in the table would be a control nobody asks.
#[test]
fn every_file_of_a_control_is_in_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("server/rules");
    let mut files = 0;
    for area in std::fs::read_dir(folder).expect("the folder of controls") {
        let area = area.expect("an entry").path();
        for file in std::fs::read_dir(&area).into_iter().flatten() {
            let text = std::fs::read_to_string(file.expect("an entry").path()).expect("a source file");
            let Some((_, rest)) = text.split_once("code: \"") else { continue };
            let code = rest.split('"').next().unwrap_or("");
            assert!(super::find(code).is_some(), "{code} in {} is not in the table", area.display());
            files += 1;
        }
    }
    assert_eq!(files, all().len());
}
