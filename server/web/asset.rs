//! One asset: its verdicts with what made them, its facts, its history, what the provider carries,
//! and what the same controls would ask of it on the other side.

use std::collections::HashMap;

use askama::Template;
use axum::extract::Path;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::asset_facts::{self, Change, Group, Shown};
use super::connection::known;
use super::findings::place;
use super::{Answer, Frame, Visit, page, show};
use crate::error::AppError;
use crate::model::{Area, Evidence, Family, Kind, Verdict};
use crate::rules;
use crate::score;
use crate::store::assessments::Judged;
use crate::store::pages::asset::{self, Whole};

struct Line {
    control: String,
    title: String,
    verdict: String,
    look: &'static str,
    severity: &'static str,
    severity_label: &'static str,
    weight: String,
    reason: String,
    evidence: Vec<Evidence>,
    permission: Option<String>,
    finding: Option<Uuid>,
}

struct AreaPart {
    code: &'static str,
    title: &'static str,
    tells: String,
    open: bool,
    lines: Vec<Line>,
}

struct Crossing {
    control: &'static str,
    title: &'static str,
    now: String,
    then: String,
}

struct Version {
    at: String,
    moment: String,
    changes: Vec<Change>,
}

#[derive(Template)]
#[template(path = "pages/asset.html")]
struct AssetPage {
    frame: Frame,
    name: String,
    family: &'static str,
    kind: &'static str,
    place: String,
    native_id: String,
    connection: Uuid,
    connection_name: String,
    state: String,
    score: String,
    formula: String,
    coverage: String,
    first_seen: String,
    last_seen: String,
    judged: bool,
    areas: Vec<AreaPart>,
    carried: Vec<Line>,
    crossing: Vec<Crossing>,
    other: &'static str,
    facts: Vec<Group>,
    versions: Vec<Version>,
}

/// `GET /assets/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id = known(&id)?;
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let whole = asset::get(&mut tx, id).await?.ok_or(AppError::NotFound("this asset"))?;
    let findings = asset::findings(&mut tx, id).await?;
    let earlier = asset::versions(&mut tx, id, 20).await?;
    drop(tx);
    let (carried, asked): (Vec<&Judged>, Vec<&Judged>) =
        whole.verdicts.iter().partition(|said| said.verdict == Verdict::Provider);
    let (formula, coverage) = formula(&whole);
    let other = if whole.kind.family() == Family::Serverless { "containers" } else { "serverless" };
    page(&AssetPage {
        frame: visit.frame("inventory"),
        family: whole.kind.family().code(),
        kind: whole.kind.label(),
        place: place(whole.platform.label(), &whole.account, &whole.region),
        score: show::score(whole.score.map(f64::from)),
        formula,
        coverage,
        first_seen: show::ago(now, whole.first_seen),
        last_seen: whole.last_seen.map_or_else(|| "never".into(), |at| show::ago(now, at)),
        judged: whole.assessed_at.is_some(),
        areas: areas(&asked, &findings, whole.kind),
        carried: carried.iter().map(|said| line(said, &findings, whole.kind)).collect(),
        crossing: crossing(&whole),
        other,
        facts: asset_facts::groups(&whole.facts),
        versions: versions(&whole.facts, whole.changed_at, &earlier),
        name: whole.name,
        native_id: whole.native_id,
        connection: whole.connection,
        connection_name: whole.connection_name,
        state: whole.state,
    })
}

/// How the score came about, and the coverage, in words.
fn formula(whole: &Whole) -> (String, String) {
    let weight = |verdict| -> i64 {
        let all = whole.verdicts.iter().filter(|said| said.verdict == verdict);
        all.map(|said| i64::from(score::weight(said.severity))).sum()
    };
    let count = |verdict| whole.verdicts.iter().filter(|said| said.verdict == verdict).count();
    let (passed, failed) = (weight(Verdict::Pass), weight(Verdict::Fail));
    let fails = || whole.verdicts.iter().filter(|said| said.verdict == Verdict::Fail);
    let cap = match fails().map(|said| said.severity).min() {
        Some(crate::model::Severity::Critical) => ", at most 39 while a critical is open",
        Some(crate::model::Severity::High) => ", at most 69 while a high is open",
        _ => "",
    };
    let known = count(Verdict::Pass) + count(Verdict::Fail);
    let accepted = count(Verdict::Accepted);
    let all = known + count(Verdict::Unknown) + accepted;
    let made = if passed + failed == 0 {
        "nothing that weighs is known".into()
    } else {
        format!("weight passed {passed} of {}{cap}", passed + failed)
    };
    let beside = if accepted > 0 { format!(", {accepted} accepted") } else { String::new() };
    (made, format!("{known} of {all} applicable verdicts count{beside}"))
}

fn line(said: &Judged, findings: &HashMap<String, Uuid>, kind: Kind) -> Line {
    let control = rules::find(&said.control);
    let fixed = control.and_then(|control| control.readings.fixed(kind)).map_or("", |(_, why)| why);
    let weighs = matches!(said.verdict, Verdict::Pass | Verdict::Fail);
    Line {
        title: control.map_or("a control that is no more", |control| control.title()).to_owned(),
        verdict: show::capital(words(said.verdict)),
        look: said.verdict.code(),
        severity: said.severity.code(),
        severity_label: said.severity.label(),
        weight: if weighs { format!("weight {}", score::weight(said.severity)) } else { String::new() },
        reason: show::capital(if said.reason.is_empty() { fixed } else { &said.reason }),
        evidence: said.evidence.clone(),
        permission: said.permission.clone(),
        finding: findings
            .get(&said.control)
            .copied()
            .filter(|_| matches!(said.verdict, Verdict::Fail | Verdict::Accepted)),
        control: said.control.clone(),
    }
}

fn areas(asked: &[&Judged], findings: &HashMap<String, Uuid>, kind: Kind) -> Vec<AreaPart> {
    let order = |said: &Judged| {
        let verdict = Verdict::ALL.iter().position(|one| *one == said.verdict);
        (verdict, said.severity, said.control.clone())
    };
    let part = |area: &Area| {
        let mut here: Vec<&Judged> =
            asked.iter().copied().filter(|said| said.control.starts_with(area.code())).collect();
        here.sort_by_key(|said| order(said));
        let count = |verdict| here.iter().filter(|said| said.verdict == verdict).count();
        let told: Vec<String> = Verdict::ALL
            .iter()
            .filter(|verdict| count(**verdict) > 0)
            .map(|verdict| format!("{} {}", count(*verdict), words(*verdict)))
            .collect();
        AreaPart {
            code: area.code(),
            title: area.label(),
            tells: told.join(", "),
            open: count(Verdict::Fail) + count(Verdict::Unknown) > 0,
            lines: here.iter().map(|said| line(said, findings, kind)).collect(),
        }
    };
    Area::ALL.iter().map(part).filter(|part| !part.lines.is_empty()).collect()
}

const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "fail",
        Verdict::Accepted => "accepted",
        Verdict::Unknown => "unknown",
        Verdict::Pass => "pass",
        Verdict::Provider => "carried",
        Verdict::Absent => "not here",
        Verdict::NotYet => "not yet",
    }
}

/// What each control asks here, and what it would ask on the other side, where the two differ.
fn crossing(whole: &Whole) -> Vec<Crossing> {
    let there =
        if whole.kind == Kind::Function { [Kind::Image, Kind::Workload] } else { [Kind::Function; 2] };
    let says = |fixed: Option<(Verdict, &'static str)>| match fixed {
        None => "yours: it is checked".to_owned(),
        Some((verdict, why)) => format!("{}: {why}", verdict.label().to_lowercase()),
    };
    rules::all()
        .iter()
        .filter_map(|control| {
            let said = whole.verdicts.iter().find(|said| said.control == control.code)?;
            let here_yours = !matches!(said.verdict, Verdict::Provider | Verdict::Absent);
            let then = there.map(|kind| control.readings.fixed(kind));
            let then = if then[0].is_none() { then[0] } else { then[1] };
            // What nobody reads yet must still be carried by somebody: you. On either side.
            let there_yours = matches!(then, None | Some((Verdict::NotYet, _)));
            (here_yours != there_yours).then(|| Crossing {
                control: control.code,
                title: control.title(),
                now: match said.verdict {
                    Verdict::Provider => "the provider carries it".into(),
                    Verdict::Absent => "does not exist here".into(),
                    Verdict::NotYet => "not yet read".into(),
                    other => format!("yours, {}", other.label().to_lowercase()),
                },
                then: says(then),
            })
        })
        .collect()
}

/// What changed each time, newest first. A version's time is when its facts began.
fn versions(now: &Value, since: DateTime<Utc>, earlier: &[(DateTime<Utc>, Value)]) -> Vec<Version> {
    let mut found = Vec::new();
    let (mut after, mut at) = (now, since);
    for (began, before) in earlier {
        let changes = asset_facts::changes(before, after);
        found.push(Version { at: show::machine(at), moment: show::moment(at), changes });
        (after, at) = (before, *began);
    }
    found
}
