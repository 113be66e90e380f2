//! The AWS collector against moto, and what the controls make of it.

mod aliases;
mod contents;
mod functions;
mod hostile;
mod repositories;

use chrono::{DateTime, TimeDelta, Utc};
use parallax::model::{Asset, Kind, Settings, Verdict};
use parallax::rules::{self, Context};

use crate::support::aws::{REGION, collect, config, moto, spec};

/// In November 2026.
fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_780)
}

/// Where the controls disagree with what was planted.
fn disagreements(asset: &Asset, planted: &[(&str, Verdict)]) -> Vec<String> {
    let settings = Settings::default();
    let context = Context::fresh(asset, &settings, now());
    let said = |code| rules::find(code).unwrap_or_else(|| panic!("no control {code}")).judge(&context);
    let differs = planted.iter().map(|(code, planted)| (code, planted, said(code)));
    differs
        .filter(|(_, planted, said)| said.verdict != **planted)
        .map(|(code, planted, said)| {
            format!("{}: {code} is {} ({}), planted {planted}", asset.name, said.verdict, said.reason)
        })
        .collect()
}

#[tokio::test]
async fn every_planted_verdict_is_what_the_controls_say() {
    let moto = moto().await;
    let config = config(&moto).await;
    functions::plant(&config).await;
    repositories::plant(&config).await;
    let found = collect(&spec(&moto.address, REGION)).await.expect("reads");

    let of = |kind| found.assets.iter().filter(move |asset| asset.kind() == kind).count();
    assert_eq!(of(Kind::Function), functions::COUNT);
    assert_eq!(of(Kind::Repository), repositories::COUNT);
    assert_eq!(of(Kind::Image), 2 * repositories::COUNT, "signatures are no images");
    let mut wrong: Vec<String> = Vec::new();
    for n in 0..functions::COUNT {
        wrong.extend(disagreements(found.asset(&functions::name(n)), &functions::verdicts(n)));
    }
    for n in 0..repositories::COUNT {
        wrong.extend(disagreements(found.asset(&repositories::name(n)), &repositories::verdicts(n)));
    }
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));

    // What moto does not know are gaps, one a call, and nothing else is one.
    let mut gaps = found.gaps();
    gaps.sort_unstable();
    assert_eq!(
        gaps,
        [
            ("cloudwatch:GetMetricData", "html-body"),
            // Its digests are not those of its manifests.
            ("ecr:BatchGetImage", "digest-mismatch"),
            ("lambda:GetFunctionRecursionConfig", "html-body"),
            ("lambda:GetRuntimeManagementConfig", "html-body"),
            ("lambda:ListFunctionUrlConfigs", "html-body"),
        ]
    );
    let kept = serde_json::to_string(&found.assets).expect("serialises");
    assert!(!kept.contains(&functions::cloud_key()[4..]), "the value of a secret was kept");
    assert!(!kept.contains("vK3-qq81-Zlo9"), "the value of a password was kept");
}
