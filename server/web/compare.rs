//! The compare page: every area and control, serverless to the left, containers to the right.

use std::collections::HashSet;

use askama::Template;
use axum::extract::Query;
use serde::Deserialize;

use super::{Answer, Frame, Visit, page, picture, show};
use crate::rules;
use crate::rules::sides::{Group, Reading, Side, gap, groups};
use crate::store::pages::totals;

/// One side of a row as the table shows it.
pub struct Wing {
    /// `judged`, `idle`, `provider`, `not-yet` or `absent`.
    pub look: &'static str,
    /// The figure: a share for an area, `62 of 1,284` for a control, or a word.
    pub figure: String,
    /// Beside the figure: how many are unknown.
    pub beside: String,
    /// Width of the bar, 0 to 100.
    pub bar: String,
    /// Where the bar starts on the left wing: 100 minus its width.
    pub start: String,
    /// Why, where it is not checked.
    pub why: &'static str,
    /// Judged, yet the provider carries most of it.
    pub carried: bool,
}

/// A row of the table.
pub struct Line {
    /// Code of the area or control.
    pub code: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Functions.
    pub serverless: Wing,
    /// Containers.
    pub container: Wing,
    /// `s` where serverless is worse, `c` where containers are, empty where neither.
    pub worse: &'static str,
    /// Points between them.
    pub points: String,
    /// The difference in words.
    pub difference: String,
}

/// An area with its controls.
pub struct Block {
    /// The area's own row.
    pub head: Line,
    /// Whether its controls are shown.
    pub open: bool,
    /// Address that opens or closes it without script.
    pub toggle: String,
    /// Its controls.
    pub lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "pages/compare.html")]
struct ComparePage {
    frame: Frame,
    blocks: Vec<Block>,
    empty: bool,
    all: String,
    opened: bool,
}

/// What the address may ask for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    open: Option<String>,
}

/// `GET /compare`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let mut tx = visit.begin().await?;
    let tallies = totals::tallies(&mut tx, None).await?;
    drop(tx);
    let groups = groups(rules::all(), &tallies);
    let all: Vec<&str> = groups.iter().map(|group| group.area.code()).collect();
    let open: HashSet<&str> = match &asked.open {
        Some(text) => text.split(',').collect(),
        None => widest(&groups).into_iter().collect(),
    };
    let blocks: Vec<Block> = groups.iter().map(|group| block(group, &open, &all)).collect();
    page(&ComparePage {
        frame: visit.frame("compare"),
        empty: tallies.is_empty(),
        opened: open.len() >= all.len(),
        all: all.join(","),
        blocks,
    })
}

/// The area with the widest gap: the one to open for somebody who has not asked for any.
fn widest(groups: &[Group]) -> Option<&'static str> {
    let wide = |group: &&Group| gap(&group.serverless, &group.container).map_or(0.0, f64::abs);
    groups.iter().max_by(|one, other| wide(one).total_cmp(&wide(other))).map(|group| group.area.code())
}

fn block(group: &Group, open: &HashSet<&str>, all: &[&str]) -> Block {
    let code = group.area.code();
    let shown = open.contains(code);
    let after: Vec<&str> =
        all.iter().copied().filter(|one| if *one == code { !shown } else { open.contains(one) }).collect();
    // An address that names no area would show the default again.
    let after = if after.is_empty() { "none".to_owned() } else { after.join(",") };
    Block {
        head: line(code, group.area.label(), (&group.serverless, &group.container), area_wing),
        open: shown,
        toggle: format!("/compare?open={after}#{code}"),
        lines: group
            .rows
            .iter()
            .map(|row| {
                let control = row.control;
                let sides = (&row.serverless, &row.container);
                line(control.code, control.title(), sides, control_wing)
            })
            .collect(),
    }
}

fn line(
    code: &'static str,
    title: &'static str,
    (serverless, container): (&Side, &Side),
    wing: fn(&Side) -> Wing,
) -> Line {
    let (worse, points, difference) = difference(serverless, container);
    Line { code, title, serverless: wing(serverless), container: wing(container), worse, points, difference }
}

/// Who is worse, by how many points, in words.
pub fn difference(serverless: &Side, container: &Side) -> (&'static str, String, String) {
    let none = |text: &str| ("", String::new(), text.to_owned());
    let Some(gap) = gap(serverless, container) else {
        return match (serverless.reading, container.reading) {
            (Reading::Provider, Reading::Provider) => none("the provider carries both"),
            (Reading::Provider, _) => none("yours only in containers"),
            (_, Reading::Provider) => none("yours only in serverless"),
            (Reading::Absent, Reading::Checked) => none("only in containers"),
            (Reading::Checked, Reading::Absent) => none("only in serverless"),
            _ => none(""),
        };
    };
    let points = gap.abs().round();
    if points < 1.0 {
        return none("even");
    }
    let (worse, place) = if gap < 0.0 { ("s", "serverless") } else { ("c", "containers") };
    let unit = if points < 2.0 { "pt" } else { "pts" };
    (worse, format!("{points:.0}"), format!("{unit} worse in {place}"))
}

/// An area's side; where the provider carries most of it, that is said and hatched behind the bar.
pub fn area_wing(side: &Side) -> Wing {
    let counts = side.counts;
    let mut wing = wing(side, show::percent(counts.fail, counts.judged()));
    if wing.look == "judged" && counts.provider > counts.judged() + counts.unknown {
        let all = counts.provider + counts.judged() + counts.unknown;
        wing.carried = true;
        wing.beside = format!("{} carried", show::percent(counts.provider, all));
    }
    wing
}

fn control_wing(side: &Side) -> Wing {
    let counts = side.counts;
    wing(side, format!("{} of {}", show::number(counts.fail), show::number(counts.judged())))
}

/// One side as the table shows it, with `figure` where anything is judged.
pub fn wing(side: &Side, figure: String) -> Wing {
    let counts = side.counts;
    let bar = picture::bar(counts.fail, counts.judged());
    let start = bar.parse::<f64>().map_or_else(|_| "100".into(), |width| format!("{:.1}", 100.0 - width));
    let (look, figure) = match side.reading {
        Reading::Checked if counts.judged() > 0 => ("judged", figure),
        Reading::Checked if counts.unknown > 0 => ("idle", "none known".to_owned()),
        Reading::Checked if counts.accepted > 0 => ("idle", "accepted".to_owned()),
        Reading::Checked => ("idle", "no assets".to_owned()),
        Reading::Provider => ("provider", "provider".to_owned()),
        Reading::NotYet => ("not-yet", "not yet read".to_owned()),
        Reading::Absent => ("absent", "not here".to_owned()),
    };
    let told = [(counts.unknown, "unknown"), (counts.accepted, "accepted")];
    let beside: Vec<String> = told
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{} {word}", show::number(count)))
        .collect();
    let beside = beside.join(", ");
    Wing { look, figure, beside, bar, start, why: side.why, carried: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::sides::Counts;

    fn side(fail: i64, pass: i64, reading: Reading) -> Side {
        Side { counts: Counts { fail, pass, ..Counts::default() }, reading, why: "" }
    }

    #[test]
    fn the_gap_says_who_is_worse() {
        let told = |left: &Side, right: &Side| {
            let (worse, points, text) = difference(left, right);
            format!("{worse} {points} {text}")
        };
        let checked = |fail, pass| side(fail, pass, Reading::Checked);
        assert_eq!(told(&checked(21, 79), &checked(35, 65)), "c 14 pts worse in containers");
        assert_eq!(told(&checked(2, 98), &checked(1, 99)), "s 1 pt worse in serverless");
        assert_eq!(told(&checked(1, 1), &checked(1, 1)), "  even");
        assert_eq!(told(&side(0, 0, Reading::Provider), &checked(1, 1)), "  yours only in containers");
    }
}
