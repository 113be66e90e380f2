//! Judging: what changed since it was last judged, in batches, on all cores, with its findings,
//! counts and sums in one transaction a batch.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::lives::{self, Now};
use crate::model::{
    Area, Exceptions, Freshness, Kind, Outcome, Place, Platform, Settings, TenantId, Verdict,
};
use crate::rules::{self, Context, Control};
use crate::score::{self, Score, Standing, Weighed};
use crate::store::assessments::{self, Assessment, Due, Judged, Scope};
use crate::store::findings::{self, Change, Life};
use crate::store::tallies::{self, Difference, SumKey, TallyKey};
use crate::store::{Store, StoreError, connections, exceptions, tenants};
use crate::telemetry::meter;

/// Assets judged and written together.
const BATCH: i64 = 1_000;

/// What to judge, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub struct Assess {
    /// Whose assets.
    pub tenant: TenantId,
    /// Of one connection, or of all.
    pub connection: Option<Uuid>,
    /// Changed ones, or all.
    pub scope: Scope,
    /// The run that led here.
    pub run: Option<Uuid>,
    /// The time: each batch is judged as of the moment it begins, and told as of it.
    pub clock: fn() -> DateTime<Utc>,
}

/// What an assessment did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Assessed {
    /// Assets judged.
    pub assets: u64,
    /// Findings opened, resolved, reopened or changed.
    pub findings: u64,
}

/// Judges what is due. Each batch is complete in itself, so stopping in the middle loses nothing:
/// what was not judged is still due.
pub async fn assess(store: &Store, what: Assess) -> Result<Assessed, StoreError> {
    let mut tx = store.begin(what.tenant).await?;
    let settings = tenants::settings(&mut tx).await?;
    let connections = match what.connection {
        Some(connection) => vec![connection],
        None => connections::list(&mut tx).await?.into_iter().map(|one| one.id).collect(),
    };
    drop(tx);
    let mut done = Assessed::default();
    for connection in connections {
        let one = assess_connection(store, connection, &settings, &what).await?;
        done.assets += one.assets;
        done.findings += one.findings;
    }
    let mut tx = store.begin(what.tenant).await?;
    tallies::close_day(&mut tx, (what.clock)().date_naive()).await?;
    tx.commit().await?;
    Ok(done)
}

async fn assess_connection(
    store: &Store,
    connection: Uuid,
    settings: &Settings,
    what: &Assess,
) -> Result<Assessed, StoreError> {
    let control_set = asked_with(settings)?;
    let mut done = Assessed::default();
    let mut after = None;
    loop {
        let mut tx = store.begin(what.tenant).await?;
        assessments::take_turn(&mut tx, connection).await?;
        let due = assessments::due(&mut tx, connection, &control_set, what.scope, after, BATCH).await?;
        let Some(last) = due.last() else { return Ok(done) };
        let last = last.id;
        let ids: Vec<_> = due.iter().map(|one| one.id).collect();
        let mut lives: HashMap<_, Vec<Life>> = HashMap::new();
        for life in findings::of_assets(&mut tx, &ids, None).await? {
            lives.entry(life.asset).or_default().push(life);
        }
        let now = (what.clock)();
        let held = Arc::new(exceptions::live(&mut tx, &ids, now).await?);
        let (context, holds) = ((settings.clone(), now), Arc::clone(&held));
        let verdicts = tokio::task::spawn_blocking(move || {
            due.into_par_iter()
                .map(|one| Judgement::new(one, &lives, &holds, &context.0, context.1))
                .collect::<Vec<_>>()
        })
        .await
        .map_err(|_| StoreError::Inconsistent { table: "assets", problem: "a control panicked".into() })?;
        let (assets, events) =
            (verdicts.len() as u64, verdicts.iter().flat_map(Judgement::events).collect::<Vec<_>>());
        let changes = write(&mut tx, &control_set, verdicts, what.run, now).await?;
        exceptions::work::hold_up(&mut tx).await?;
        if exceptions::live(&mut tx, &ids, (what.clock)()).await? != *held {
            // One was made or ended meanwhile, and who settled it cannot have seen what is written here.
            continue;
        }
        tx.commit().await?;
        (after, done.assets, done.findings) = (Some(last), done.assets + assets, done.findings + changes);
        events.into_iter().for_each(meter::finding);
    }
}

/// What verdicts depend on beside the facts: the controls, and the tenant's lines.
fn asked_with(settings: &Settings) -> Result<[u8; 32], StoreError> {
    let lines = serde_json::to_vec(settings)
        .map_err(|fault| StoreError::Inconsistent { table: "tenants", problem: fault.to_string() })?;
    Ok(Sha256::new().chain_update(rules::control_set()).chain_update(lines).finalize().into())
}

async fn write(
    tx: &mut crate::store::Tx,
    control_set: &[u8],
    verdicts: Vec<Judgement>,
    run: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let mut difference = Difference::default();
    let (mut written, mut gone, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for one in verdicts {
        one.count(&mut difference);
        changes.extend(one.changes);
        match one.assessment {
            Some(assessment) => written.push(assessment),
            None => gone.push(one.due.id),
        }
    }
    assessments::write(tx, control_set, &written, now).await?;
    assessments::forget(tx, &gone).await?;
    findings::write(tx, &changes, run, now).await?;
    tallies::apply(tx, &difference).await?;
    Ok(changes.len() as u64)
}

/// Everything one asset's verdicts lead to.
struct Judgement {
    due: Due,
    assessment: Option<Assessment>,
    changes: Vec<Change>,
}

impl Judgement {
    fn new(
        due: Due,
        lives: &HashMap<crate::model::AssetId, Vec<Life>>,
        held: &Exceptions,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Self {
        let outcomes = (due.state != "gone").then(|| {
            let freshness = Freshness { last_seen: due.last_seen, interval_seconds: due.interval_seconds };
            rules::evaluate(&Context {
                freshness: Some(freshness),
                watched_since: Some(due.first_seen),
                ..Context::fresh(&due.asset, settings, now)
            })
        });
        let lives = lives.get(&due.id).map_or(&[][..], Vec::as_slice);
        let exceptions = outcomes.as_ref().map_or(Vec::new(), |outcomes| accepted(&due, outcomes, held));
        let changes = changes(&due, outcomes.as_deref(), &exceptions, lives, now);
        let assessment = outcomes.map(|outcomes| assessment(&due, &outcomes, &exceptions));
        Self { due, assessment, changes }
    }

    /// The turns its findings took.
    fn events(&self) -> impl Iterator<Item = &'static str> {
        self.changes.iter().filter_map(|change| change.event).map(findings::Event::code)
    }

    /// Takes back what the asset counted for before and adds what it counts for now.
    fn count(&self, difference: &mut Difference) {
        let kind = self.due.asset.kind();
        if let Some(counted_as) = self.due.counted_as {
            tally(kind, counted_as, &self.due.before, -1, difference);
        }
        if let Some(now) = &self.assessment {
            tally(kind, (now.connection, now.platform), &now.judged, 1, difference);
        }
    }
}

/// The exception that each control's finding would hang on; nothing where none holds.
fn accepted(due: &Due, outcomes: &[Outcome], held: &Exceptions) -> Vec<Option<Uuid>> {
    if held.is_empty() {
        return Vec::new();
    }
    let place = Place {
        connection: due.connection,
        account: &due.asset.key.account,
        region: &due.asset.key.region,
        kind: due.asset.kind(),
        platform: due.asset.platform,
        name: &due.asset.name,
        tags: due.asset.tags(),
    };
    let of = |(control, outcome): (&&Control, &Outcome)| {
        matches!(outcome.verdict, Verdict::Fail | Verdict::Unknown)
            .then(|| held.of(due.id.finding(control.code, ""), control.code, &place))
            .flatten()
    };
    rules::all().iter().zip(outcomes).map(of).collect()
}

fn assessment(due: &Due, outcomes: &[Outcome], exceptions: &[Option<Uuid>]) -> Assessment {
    let mut judged: Vec<Judged> =
        rules::all().iter().zip(outcomes).map(|(control, outcome)| stored(due, control, outcome)).collect();
    for (one, exception) in judged.iter_mut().zip(exceptions) {
        if exception.is_some() && one.verdict == Verdict::Fail {
            one.verdict = Verdict::Accepted;
        }
    }
    Assessment {
        id: due.id,
        hash: due.hash.clone(),
        state: due.state.clone(),
        connection: due.connection,
        platform: due.asset.platform,
        score: score_of(&judged, None),
        judged,
    }
}

fn stored(due: &Due, control: &Control, outcome: &Outcome) -> Judged {
    let fixed = control.readings.fixed(due.asset.kind()).is_some();
    Judged {
        control: control.code.to_owned(),
        verdict: outcome.verdict,
        severity: lives::severity(control, outcome),
        reason: if fixed { String::new() } else { outcome.reason.to_string() },
        evidence: outcome.evidence.clone(),
        permission: outcome.permission.clone(),
    }
}

fn changes(
    due: &Due,
    outcomes: Option<&[Outcome]>,
    exceptions: &[Option<Uuid>],
    lives: &[Life],
    now: DateTime<Utc>,
) -> Vec<Change> {
    let codes = rules::all().iter().map(|control| control.code);
    let verdicts = outcomes.unwrap_or_default().iter().map(|outcome| outcome.verdict);
    let standing = Standing::of(codes.zip(verdicts));
    let mut changes = Vec::new();
    for (position, control) in rules::all().iter().enumerate() {
        let id = due.id.finding(control.code, "");
        let outcome = outcomes.map(|outcomes| &outcomes[position]);
        let exception = exceptions.get(position).copied().flatten();
        let hidden = due.state == "stale";
        let state = Now { asset: due.id, hidden, control, outcome, standing, exception, at: now };
        let before = lives.iter().find(|life| life.id == id);
        if let Some((life, event)) = lives::turn(before, &state) {
            changes.push(Change {
                before: before.map(|life| life.state),
                life,
                connection: due.connection,
                control: control.code,
                area: control.area,
                kind: due.asset.kind(),
                event,
            });
        }
    }
    changes
}

pub(super) fn score_of(judged: &[Judged], area: Option<Area>) -> Score {
    score::score(judged.iter().filter_map(|one| {
        let of = Area::of_control(&one.control)?;
        area.is_none_or(|wanted| wanted == of).then_some(Weighed {
            area: of,
            severity: one.severity,
            verdict: one.verdict,
        })
    }))
}

/// Adds (`sign` 1) or takes away (`sign` -1) what an asset counts for.
pub(super) fn tally(
    kind: Kind,
    (connection, platform): (Uuid, Platform),
    judged: &[Judged],
    sign: i32,
    difference: &mut Difference,
) {
    for one in judged {
        let key = TallyKey {
            connection,
            control: one.control.clone(),
            kind,
            platform,
            verdict: one.verdict,
            severity: one.severity,
        };
        *difference.tallies.entry(key).or_default() += i64::from(sign);
    }
    let areas = Area::ALL.iter().map(|area| (area.code(), Some(*area)));
    for (code, area) in areas.chain([("", None)]) {
        let score = score_of(judged, area);
        if area.is_none() || score.known + score.unknown + score.accepted > 0 {
            let key = SumKey { connection, kind, area: code };
            difference.sums.entry(key).or_default().count(&score, sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;

    #[test]
    fn every_control_code_leads_to_its_area() {
        for control in rules::all() {
            assert_eq!(Area::of_control(control.code), Some(control.area));
        }
        assert_eq!(Area::of_control("nothing"), None);
    }

    #[test]
    fn only_pass_and_fail_are_known() {
        let judged = |verdict| Judged {
            control: "ACC-01".into(),
            verdict,
            severity: crate::model::Severity::High,
            reason: String::new(),
            evidence: Vec::new(),
            permission: None,
        };
        let all: Vec<_> = Verdict::ALL.iter().copied().map(judged).collect();
        let score = score_of(&all, Some(Area::Access));
        assert_eq!((score.known, score.unknown), (2, 1));
        assert_eq!(score_of(&all, Some(Area::Api)), Score::default());
    }
}
