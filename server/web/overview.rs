//! The overview: two families side by side, where they differ, what changed, what comes first, and
//! what cannot be seen.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::compare::{Wing, area_wing, difference};
use super::{Answer, Frame, Visit, findings, page, picture, show};
use crate::model::{Family, Kind, Severity, Verdict};
use crate::rules;
use crate::rules::sides::{Group, Tally, failing, groups};
use crate::score::Sum;
use crate::store::pages::connections::{self, Hole};
use crate::store::pages::totals::{self, Event, KindSum};

const DAYS: i64 = 30;
const EVENTS: i64 = 300;

struct Card {
    code: &'static str,
    label: &'static str,
    score: String,
    trend: String,
    line: Option<picture::Line>,
    line_says: String,
    assets: String,
    coverage: String,
    accepted: String,
    criticals: i64,
    criticals_text: String,
}

struct Butterfly {
    code: &'static str,
    title: &'static str,
    serverless: Wing,
    container: Wing,
    worse: &'static str,
    points: String,
    difference: String,
}

struct Change {
    what: &'static str,
    title: &'static str,
    address: String,
    on: String,
    family: String,
    at: String,
    when: String,
}

struct Urgent {
    family: &'static str,
    title: String,
    address: String,
    severity: &'static str,
    severity_label: &'static str,
    on: String,
    raised: String,
}

#[derive(Template)]
#[template(path = "pages/overview.html")]
struct OverviewPage {
    frame: Frame,
    cards: Vec<Card>,
    areas: Vec<Butterfly>,
    changes: Vec<Change>,
    worst: Vec<Urgent>,
    holes: Vec<Hole>,
    connected: bool,
    ran: bool,
    running: Option<(String, String)>,
}

/// `GET /`.
pub async fn show(visit: Visit) -> Answer {
    let now = (visit.now)();
    let mut tx = visit.begin().await?;
    let tallies = totals::tallies(&mut tx, None).await?;
    let sums = totals::sums(&mut tx).await?;
    let days = totals::days(&mut tx, (now - TimeDelta::days(DAYS)).date_naive()).await?;
    let events = totals::events(&mut tx, EVENTS).await?;
    let urgent = findings::worst(&mut tx, 200, now).await?;
    let runs = connections::last_runs(&mut tx).await?;
    let connected = !connections::list(&mut tx).await?.is_empty();
    let ended = connections::last_ended(&mut tx).await?;
    let holes = connections::holes(&mut tx, &ended, 6).await?;
    drop(tx);
    let running = runs.iter().find(|run| matches!(run.state.as_str(), "queued" | "running"));
    let cards = Family::ALL.iter().map(|family| {
        let criticals = failing(&tallies, *family, Severity::Critical);
        card(*family, &sums, &days, criticals, now.date_naive())
    });
    page(&OverviewPage {
        frame: visit.frame("overview"),
        cards: cards.collect(),
        areas: groups(rules::all(), &tallies).iter().map(butterfly).collect(),
        changes: changes(&events, now),
        worst: worst(&urgent, &tallies),
        holes,
        connected,
        ran: !ended.is_empty(),
        running: running.map(|run| (format!("/runs/{}", run.id), run.connection_name.clone())),
    })
}

fn sum<'a>(family: Family, sums: impl Iterator<Item = &'a KindSum>) -> Sum {
    let mut all = Sum::default();
    for one in sums.filter(|one| one.area.is_none() && one.kind.family() == family) {
        all.add(&Sum {
            assets: one.assets,
            scored: one.scored,
            score_sum: one.score_sum,
            known: one.known,
            unknown: one.unknown,
            accepted: one.accepted,
        });
    }
    all
}

fn card(
    family: Family,
    sums: &[KindSum],
    days: &[(NaiveDate, KindSum)],
    criticals: i64,
    today: NaiveDate,
) -> Card {
    let whole = sum(family, sums.iter());
    let mut by_day: BTreeMap<NaiveDate, Vec<&KindSum>> = BTreeMap::new();
    for (day, one) in days {
        if *day < today {
            by_day.entry(*day).or_default().push(one);
        }
    }
    let mut values: Vec<f64> =
        by_day.values().filter_map(|day| sum(family, day.iter().copied()).mean()).collect();
    // Today is not over: what stands now is its value.
    if let Some(now) = whole.mean() {
        values.push(now);
    }
    let (trend, line_says) = match (values.first(), values.last()) {
        (Some(first), Some(last)) if values.len() > 1 => trend(*first, *last, by_day.len()),
        _ => (String::new(), String::new()),
    };
    Card {
        code: family.code(),
        label: family.label(),
        score: show::score(whole.mean()),
        trend,
        line: picture::line(&values, 170.0, 56.0),
        line_says,
        assets: inhabitants(family, sums),
        coverage: show::percent(whole.known, whole.known + whole.unknown + whole.accepted),
        accepted: if whole.accepted > 0 {
            format!("{} accepted", show::number(whole.accepted))
        } else {
            String::new()
        },
        criticals,
        criticals_text: show::number(criticals),
    }
}

fn trend(first: f64, last: f64, days: usize) -> (String, String) {
    let moved = last.floor() - first.floor();
    let sign = if moved < 0.0 { "−" } else { "+" };
    let span = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let trend = if moved.abs() < 1.0 {
        format!("unchanged in {span}")
    } else {
        format!("{sign}{:.0} in {span}", moved.abs())
    };
    (trend, format!("Score over {span}, from {:.0} to {:.0}", first.floor(), last.floor()))
}

/// `1,284 functions`, or `300 repositories, 3,112 images`.
fn inhabitants(family: Family, sums: &[KindSum]) -> String {
    let mut parts = Vec::new();
    for kind in Kind::ALL.iter().filter(|kind| kind.family() == family) {
        let assets: i64 =
            sums.iter().filter(|one| one.area.is_none() && one.kind == *kind).map(|one| one.assets).sum();
        let more = match kind {
            Kind::Function => "functions",
            Kind::Repository => "repositories",
            Kind::Image => "images",
            Kind::Workload => "workloads",
            Kind::Cluster => "clusters",
            Kind::Host => "hosts",
        };
        if assets > 0 {
            parts.push(show::many(assets, &kind.label().to_lowercase(), more));
        }
    }
    if parts.is_empty() { "no assets yet".into() } else { parts.join(", ") }
}

fn butterfly(group: &Group) -> Butterfly {
    let (worse, points, text) = difference(&group.serverless, &group.container);
    Butterfly {
        code: group.area.code(),
        title: group.area.label(),
        serverless: area_wing(&group.serverless),
        container: area_wing(&group.container),
        worse,
        points,
        difference: text,
    }
}

/// The most urgent findings, those of one control told as one under the most urgent of them.
fn worst(urgent: &[findings::Line], tallies: &[Tally]) -> Vec<Urgent> {
    let mut told: Vec<&findings::Line> = Vec::new();
    for line in urgent {
        if !told.iter().any(|one| (&one.control, one.family) == (&line.control, line.family)) {
            told.push(line);
        }
    }
    let fails = |line: &findings::Line| -> i64 {
        let same = |tally: &&Tally| {
            tally.control == line.control
                && tally.verdict == Verdict::Fail
                && tally.kind.family().code() == line.family
        };
        tallies.iter().filter(same).map(|tally| tally.assets).sum()
    };
    let entry = |line: &&findings::Line| {
        let others = fails(line) - 1;
        let (address, on) = if others < 1 {
            (format!("/findings/{}", line.id), line.name.clone())
        } else {
            let address = show::link("/findings", &[("control", &line.control), ("family", line.family)]);
            (address, format!("{} and {}", line.name, show::many(others, "other", "others")))
        };
        Urgent {
            family: line.family,
            title: line.title.clone(),
            severity: line.severity,
            severity_label: line.severity_label,
            raised: line.raised.clone(),
            address,
            on,
        }
    };
    told.iter().take(8).map(entry).collect()
}

/// The newest events, those of one control at one time told as one.
fn changes(events: &[Event], now: DateTime<Utc>) -> Vec<Change> {
    let mut told: Vec<(&Event, i64)> = Vec::new();
    for event in events {
        let same = |other: &Event| {
            (&other.event, &other.control, &other.family) == (&event.event, &event.control, &event.family)
                && other.at.date_naive() == event.at.date_naive()
        };
        match told.iter_mut().find(|(first, _)| same(first)) {
            Some((_, times)) => *times += 1,
            None => told.push((event, 1)),
        }
    }
    let line = |(event, times): &(&Event, i64)| Change {
        what: show::event(&event.event),
        title: rules::find(&event.control).map_or("A control that is no more", |control| control.title()),
        address: if *times == 1 {
            format!("/findings/{}", event.finding)
        } else {
            let state = match event.event.as_str() {
                ended @ ("resolved" | "accepted") => ended,
                _ => "",
            };
            show::link(
                "/findings",
                &[("control", &event.control), ("family", &event.family), ("state", state)],
            )
        },
        on: if *times == 1 {
            event.asset.clone()
        } else {
            format!("{} and {}", event.asset, show::many(times - 1, "other", "others"))
        },
        family: event.family.clone(),
        at: show::machine(event.at),
        when: show::ago(now, event.at),
    };
    told.iter().take(8).map(line).collect()
}
