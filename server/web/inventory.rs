//! The inventory: every asset, narrowed by what the address asks for.

use askama::Template;
use axum::extract::Query;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use uuid::Uuid;

use super::fault::Fault;
use super::findings::{Choice, choices, one_of, place};
use super::{Answer, Frame, Visit, page, show};
use crate::error::AppError;
use crate::model::{Family, Kind, Platform, Provider};
use crate::rules;
use crate::store::pages::inventory::{self, Filter, Key, Listed};

const SIZE: i64 = 50;

struct Line {
    id: Uuid,
    name: String,
    family: &'static str,
    kind: &'static str,
    place: String,
    state: String,
    score: String,
    coverage: String,
    failing: i32,
    worst: &'static str,
    worst_label: &'static str,
}

impl Line {
    fn of(row: Listed) -> Self {
        let worst = show::severity_of_rank(row.worst);
        Self {
            id: row.id,
            family: row.kind.family().code(),
            kind: row.kind.label(),
            place: place(row.platform.label(), &row.account, &row.region),
            score: show::score(row.score.map(f64::from)),
            coverage: show::percent(row.known.into(), (row.known + row.unknown).into()),
            failing: row.failing,
            worst: worst.map_or("", |one| one.code()),
            worst_label: worst.map_or("", |one| one.label()),
            name: row.name,
            state: row.state,
        }
    }
}

#[derive(Template)]
#[template(path = "pages/inventory.html")]
struct InventoryPage {
    frame: Frame,
    text: String,
    lines: Vec<Line>,
    only: Option<(&'static str, String, String)>,
    families: Vec<Choice>,
    kinds: Vec<Choice>,
    platforms: Vec<Choice>,
    providers: Vec<Choice>,
    regions: Vec<Choice>,
    scores: Vec<Choice>,
    states: Vec<Choice>,
    connection: String,
    narrowed: bool,
    further: bool,
    next: Option<String>,
}

/// What the address may ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    family: String,
    kind: String,
    platform: String,
    provider: String,
    region: String,
    score: String,
    connection: String,
    failing: String,
    unknown: String,
    state: String,
    after: String,
}

fn invalid(field: &str, problem: &str) -> Fault {
    AppError::Invalid { field: field.into(), problem: problem.into() }.into()
}

impl Asked {
    fn filter(&self) -> Result<Filter, Fault> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if !["", "present", "stale", "gone"].contains(&self.state.as_str()) {
            return Err(invalid("state", "it is not one of present, stale, gone"));
        }
        let text = self.q.trim();
        if text.len() > 200 {
            return Err(invalid("q", "it is longer than 200 bytes"));
        }
        Ok(Filter {
            text: some(text),
            family: one_of("family", &self.family)?,
            kind: one_of("kind", &self.kind)?,
            platform: one_of("platform", &self.platform)?,
            provider: one_of("provider", &self.provider)?,
            region: some(&self.region),
            scores: self.scores()?,
            connection: some(&self.connection)
                .map(|id| id.parse().map_err(|_| invalid("connection", "it is no id")))
                .transpose()?,
            failing: some(&self.failing),
            unknown: some(&self.unknown),
            state: some(&self.state),
        })
    }

    fn scores(&self) -> Result<Option<(u8, u8)>, Fault> {
        if self.score.is_empty() {
            return Ok(None);
        }
        let read = || {
            let (least, most) = self.score.split_once('-')?;
            Some((least.parse().ok()?, most.parse().ok()?))
        };
        read()
            .filter(|(least, most)| least <= most && *most <= 100)
            .map(Some)
            .ok_or_else(|| invalid("score", "it is no range such as 0-39"))
    }

    fn key(&self) -> Result<Option<Key>, Fault> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(&self.after).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let (id, name) = text.split_once(' ')?;
            Some(Key { id: id.parse().ok()?, name: name.to_owned() })
        };
        read().map(Some).ok_or_else(|| invalid("after", "it is no place in this list"))
    }

    fn address(&self, after: &str) -> String {
        let pairs = [
            ("q", self.q.as_str()),
            ("family", &self.family),
            ("kind", &self.kind),
            ("platform", &self.platform),
            ("provider", &self.provider),
            ("region", &self.region),
            ("score", &self.score),
            ("connection", &self.connection),
            ("failing", &self.failing),
            ("unknown", &self.unknown),
            ("state", &self.state),
            ("after", after),
        ];
        show::link("/inventory", &pairs)
    }

    fn only(&self) -> Option<(&'static str, String, String)> {
        let (word, code) =
            if self.failing.is_empty() { ("unknown", &self.unknown) } else { ("failing", &self.failing) };
        let title = rules::find(code).map_or("no control of this version", |control| control.title());
        (!code.is_empty()).then(|| (word, code.clone(), title.to_owned()))
    }
}

/// `GET /inventory`.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let filter = asked.filter()?;
    let key = asked.key()?;
    let mut tx = visit.begin().await?;
    let found = inventory::list(&mut tx, &filter, key.as_ref(), SIZE).await?;
    let regions = inventory::regions(&mut tx).await?;
    drop(tx);
    let last = found.rows.last().map(|row| URL_SAFE_NO_PAD.encode(format!("{} {}", row.id, row.name)));
    page(&InventoryPage {
        frame: visit.frame("inventory"),
        next: last.filter(|_| found.more).map(|last| asked.address(&last)),
        lines: found.rows.into_iter().map(Line::of).collect(),
        only: asked.only(),
        families: choices(
            "Both families",
            Family::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.family,
        ),
        kinds: choices("Any kind", Kind::ALL.iter().map(|one| (one.code(), one.label())), &asked.kind),
        platforms: choices(
            "Any platform",
            Platform::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.platform,
        ),
        providers: choices(
            "Any provider",
            Provider::ALL.iter().map(|one| (one.code(), one.label())),
            &asked.provider,
        ),
        regions: choices("Any region", regions.iter().map(|one| (one.as_str(), one.as_str())), &asked.region),
        scores: choices("Any score", SCORES.iter().copied(), &asked.score),
        states: choices("Not gone", STATES.iter().copied(), &asked.state),
        connection: asked.connection.clone(),
        narrowed: asked.address("") != "/inventory",
        further: key.is_some(),
        text: asked.q,
    })
}

const STATES: &[(&str, &str)] = &[("present", "Present"), ("stale", "Out of sight"), ("gone", "Gone")];
const SCORES: &[(&str, &str)] =
    &[("0-39", "0 to 39"), ("40-69", "40 to 69"), ("70-89", "70 to 89"), ("90-100", "90 to 100")];
