//! What holds for every form, whatever the words.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{Form, Hub, cut};
use crate::model::{Kind, Platform, Provider, Severity, TenantId};
use crate::store::pages::findings::{Acceptance, Listed};

fn row(words: &str, provider: Provider) -> Listed {
    let at: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    Listed {
        id: Uuid::from_u128(7),
        asset: Uuid::from_u128(8),
        name: words.into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        platform: Platform::LambdaZip,
        kind: Kind::Function,
        control: "ACC-02".into(),
        severity: Severity::Critical,
        priority: 400,
        state: "accepted".into(),
        reason: words.into(),
        opened_at: at,
        changed_at: at,
        resolved_at: None,
        connection: Uuid::from_u128(9),
        native_id: words.into(),
        provider,
        acceptance: Some(Acceptance {
            exception: Uuid::from_u128(10),
            until: at,
            by: words.into(),
            reason: words.into(),
        }),
    }
}

fn written(form: Form, rows: Vec<Listed>) -> String {
    let mut writer = form.writer(TenantId(Uuid::nil()), "https://p.example.org/");
    let mut out = Vec::new();
    writer.head(&mut out).expect("a head");
    for row in rows {
        writer.row(row, &mut out).expect("a row");
    }
    writer.tail(&mut out).expect("a tail");
    String::from_utf8(out).expect("text")
}

proptest! {
    #[test]
    fn strangers_words_stay_words(words in ".{0,40}") {
        for provider in [Provider::Aws, Provider::Azure, Provider::Registry] {
            let two = || vec![row(&words, provider), row(&words, provider)];
            let log: Value = serde_json::from_str(&written(Form::Sarif, two())).expect("one log");
            prop_assert_eq!(&log["runs"][0]["results"][1]["message"]["text"], &Value::from(words.clone()));
            for line in written(Form::Ocsf, two()).lines() {
                let event: Value = serde_json::from_str(line).expect("an event");
                prop_assert_eq!(&event["message"], &Value::from(words.clone()));
            }
            for line in written(Form::Asff(Hub::default()), two()).lines() {
                prop_assert!(serde_json::from_str::<Vec<Value>>(line).is_ok());
            }
        }
    }
}

#[test]
fn no_finding_makes_an_empty_file_that_is_whole() {
    assert_eq!(written(Form::Ocsf, Vec::new()), "");
    assert_eq!(written(Form::Asff(Hub::default()), Vec::new()), "");
    let log: Value = serde_json::from_str(&written(Form::Sarif, Vec::new())).expect("a log");
    assert_eq!(log["runs"][0]["results"], Value::Array(Vec::new()));
}

#[test]
fn a_call_takes_a_hundred_and_findings_elsewhere_need_a_hub() {
    let many: Vec<Listed> = (0..250).map(|_| row("x", Provider::Aws)).collect();
    let calls = written(Form::Asff(Hub::default()), many);
    let sizes: Vec<usize> =
        calls.lines().map(|line| serde_json::from_str::<Vec<Value>>(line).expect("a call").len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let elsewhere = || vec![row("x", Provider::Azure)];
    assert_eq!(written(Form::Asff(Hub::default()), elsewhere()), "");
    let hub = Hub { account: Some("999900001111".into()), region: Some("us-gov-west-1".into()) };
    assert!(hub.check().is_ok());
    let call = written(Form::Asff(hub), elsewhere());
    assert!(
        call.contains("arn:aws-us-gov:securityhub:us-gov-west-1:999900001111:product/999900001111/default")
    );
    for (account, region) in [("1", "eu-west-1"), ("999900001111", "Europe"), ("999900001111", "eu-west-10")]
    {
        let hub = Hub { account: Some(account.into()), region: Some(region.into()) };
        assert!(hub.check().is_err(), "{hub:?}");
    }
}

#[test]
fn a_long_text_is_cut_at_a_letter() {
    assert_eq!(cut("grün", 4), "grün");
    assert_eq!(cut("grünes", 4), "grü…");
}
