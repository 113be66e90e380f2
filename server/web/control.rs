//! One control: why it matters, both readings side by side, and where it fails.

use askama::Template;
use axum::extract::Path;
use uuid::Uuid;

use super::compare::{Wing, difference};
use super::controls::said;
use super::findings::Line;
use super::{Answer, Frame, Visit, page, prose};
use crate::error::AppError;
use crate::model::{Family, Kind, Verdict};
use crate::rules::sides::side;
use crate::rules::{self, Control};
use crate::store::pages::findings::{self, Filter};
use crate::store::pages::totals;

struct KindReading {
    kind: &'static str,
    asked: bool,
    says: &'static str,
}

struct SidePart {
    code: &'static str,
    label: &'static str,
    wing: Wing,
    readings: Vec<KindReading>,
}

struct Example {
    verdict: &'static str,
    look: &'static str,
    kind: &'static str,
    name: &'static str,
}

#[derive(Template)]
#[template(path = "pages/control.html")]
struct ControlPage {
    frame: Frame,
    code: &'static str,
    title: &'static str,
    area: &'static str,
    area_code: &'static str,
    severity: &'static str,
    severity_label: &'static str,
    since: &'static str,
    why: String,
    todo: String,
    sides: Vec<SidePart>,
    worse: &'static str,
    points: String,
    difference: String,
    frameworks: Vec<(&'static str, String)>,
    examples: Vec<Example>,
    failing: Vec<Line>,
    more_failing: bool,
    unknown: Vec<(Uuid, String)>,
}

const SHOWN: i64 = 15;

/// `GET /controls/{code}`.
pub async fn show(visit: Visit, Path(code): Path<String>) -> Answer {
    let control = rules::find(&code).ok_or(AppError::NotFound("this control"))?;
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let tallies = totals::tallies(&mut tx, Some(control.code)).await?;
    let filter = Filter { control: Some(control.code.into()), ..Filter::default() };
    let failing = findings::list(&mut tx, &filter, now, None, SHOWN).await?;
    let some_unknown = tallies.iter().any(|tally| tally.verdict == Verdict::Unknown);
    let unknown =
        if some_unknown { findings::unknown_on(&mut tx, control.code, SHOWN).await? } else { Vec::new() };
    drop(tx);
    let both =
        Family::ALL.iter().map(|family| (*family, side(control, *family, &tallies))).collect::<Vec<_>>();
    let (worse, points, difference) = difference(&both[0].1, &both[1].1);
    page(&ControlPage {
        frame: visit.frame("controls"),
        code: control.code,
        title: control.title(),
        area: control.area.label(),
        area_code: control.area.code(),
        severity: control.severity.code(),
        severity_label: control.severity.label(),
        since: control.since,
        why: prose::html(control.section("Why it matters").unwrap_or("")),
        todo: prose::html(control.section("What to do").unwrap_or("")),
        sides: both
            .iter()
            .map(|(family, side)| SidePart {
                code: family.code(),
                label: family.label(),
                wing: said(side),
                readings: readings(control, *family),
            })
            .collect(),
        worse,
        points,
        difference,
        frameworks: frameworks(control),
        examples: examples(control),
        failing: failing.rows.into_iter().map(|row| Line::of(row, now)).collect(),
        more_failing: failing.more,
        unknown,
    })
}

fn readings(control: &Control, family: Family) -> Vec<KindReading> {
    let of = |kind: &Kind| {
        let fixed = control.readings.fixed(*kind);
        KindReading {
            kind: kind.label(),
            asked: fixed.is_none(),
            says: fixed.map_or("checked on every asset of this kind", |(_, why)| why),
        }
    };
    Kind::ALL.iter().filter(|kind| kind.family() == family).map(of).collect()
}

/// Entries of public lists, those of one list together.
fn frameworks(control: &Control) -> Vec<(&'static str, String)> {
    let mut lists: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for (list, entry) in control.frameworks.iter().map(|framework| framework.parts()) {
        match lists.iter_mut().find(|(name, _)| *name == list) {
            Some((_, entries)) => entries.push(entry),
            None => lists.push((list, vec![entry])),
        }
    }
    lists.into_iter().map(|(list, entries)| (list, entries.join(", "))).collect()
}

fn examples(control: &Control) -> Vec<Example> {
    let of = |vector: &rules::Vector| Example {
        verdict: vector.verdict.label(),
        look: vector.verdict.code(),
        kind: vector.kind.label(),
        name: vector.name,
    };
    control.vectors.iter().map(of).collect()
}
