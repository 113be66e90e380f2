//! What a digest says on a quiet day and on another.

use super::*;
use crate::model::Kind;

fn sum(kind: Kind, area: Option<Area>, score: f64) -> KindSum {
    KindSum {
        kind,
        area,
        assets: 10,
        scored: 10,
        score_sum: score * 10.0,
        known: 90,
        unknown: 10,
        accepted: 0,
    }
}

#[test]
fn what_moved_apart_is_told_before_what_hardly_moved() {
    let access = Some(Area::Access);
    let host = Some(Area::Host);
    let then = [
        sum(Kind::Function, access, 80.0),
        sum(Kind::Image, access, 80.0),
        sum(Kind::Function, host, 90.0),
        sum(Kind::Image, host, 50.0),
    ];
    let now = [
        sum(Kind::Function, access, 60.0),
        sum(Kind::Image, access, 81.0),
        sum(Kind::Function, host, 90.0),
        sum(Kind::Image, host, 52.0),
    ];
    let told = moved(&then, &now);
    let words: Vec<String> = told.iter().map(Moved::words).collect();
    assert_eq!(
        words,
        [
            "Access control moved apart: serverless 80 to 60, containers 80 to 81",
            "Host environment came closer: serverless 90 to 90, containers 50 to 52",
        ]
    );
    assert!(moved(&[], &now).is_empty(), "without a day before there is nothing to compare");
}

fn ends_soon() -> Exception {
    let at: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().expect("a time");
    Exception {
        id: uuid::Uuid::nil(),
        control: Some("HST-04".into()),
        scope: crate::model::ExceptionScope { region: Some("eu-west-1".into()), ..Default::default() },
        connection_name: None,
        chosen: 0,
        kind: crate::model::ExceptionKind::Planned,
        reason: "<b>rebuilt</b> next month".into(),
        made_by: "person:1".into(),
        made_by_name: "Ann".into(),
        made_at: at,
        changed_at: at,
        until: at + TimeDelta::days(10),
        revoked_at: None,
        revoked_by_name: None,
        phase: "held".into(),
        matched: 4,
        done: 4,
        findings: 4,
    }
}

fn quiet() -> Told {
    let at: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().expect("a time");
    Told {
        tenant: "acme".into(),
        since: at - TimeDelta::days(1),
        until: at,
        alarms: Vec::new(),
        alarm_count: 0,
        moved: Vec::new(),
        overdue: Vec::new(),
        overdue_count: 0,
        under_way: 3,
        expiring: Vec::new(),
        expiring_count: 0,
        unseen: Vec::new(),
        unseen_count: 0,
        stands: vec![Stand {
            family: Family::Serverless,
            score: Some(71.4),
            assets: 12,
            criticals: 2,
            unknown: 10,
            accepted: 0,
        }],
    }
}

#[test]
fn a_quiet_day_is_a_short_mail() {
    let told = quiet();
    assert!(!told.news());
    assert_eq!(told.subject(), "Parallax, acme: nothing new");
    let (text, html) =
        render(&told, "https://p.example.org/", "https://p.example.org/leave/1").expect("rendered");
    insta::assert_snapshot!("quiet_text", text);
    assert!(html.contains("https://p.example.org/leave/1") && !html.contains("<script"));
}

#[test]
fn news_stand_first_and_strangers_words_stay_words() {
    let told = Told {
        alarms: vec![Alarm {
            id: uuid::Uuid::nil(),
            control: "ACC-02".into(),
            asset: "<img src=x>".into(),
            family: Family::Serverless,
            again: true,
        }],
        alarm_count: 12,
        expiring: vec![ends_soon()],
        expiring_count: 1,
        unseen: vec![Unseen {
            id: uuid::Uuid::nil(),
            name: "prod".into(),
            state: Some("done".into()),
            gaps: 1,
        }],
        unseen_count: 1,
        ..quiet()
    };
    assert_eq!(
        told.subject(),
        "Parallax, acme: 12 new critical findings, 1 exception about to end, 1 connection not fully seen"
    );
    let (text, html) =
        render(&told, "https://p.example.org", "https://p.example.org/leave/1").expect("rendered");
    insta::assert_snapshot!("news_text", text);
    assert!(!html.contains("<img src=x>"), "{html}");
}
