//! Exceptions brought to what was judged before: accepted when one is new, back when one is over.
//!
//! No control is asked again: what was said stands, and is weighed anew with the exceptions that hold
//! now. In batches under the turn of their connection, each complete in itself; a second worker on the
//! same finds nothing left.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use uuid::Uuid;

use super::assess::{score_of, tally};
use super::lives::{self, Now};
use crate::model::{AssetId, Exceptions, Family, FindingId, Outcome, Scoped, Severity, TenantId, Verdict};
use crate::rules;
use crate::score::{Score, Standing, Sum};
use crate::store::assessments::{self, Judged};
use crate::store::exceptions::{self, Subject, work};
use crate::store::findings::{self, Change, Life};
use crate::store::pages::findings::Listed;
use crate::store::pages::{exceptions as pages, findings as listed, totals};
use crate::store::tallies::{self, Difference};
use crate::store::weighing::{self, Weighed};
use crate::store::{Store, StoreError, Tx};

/// Assets weighed and written together.
const BATCH: usize = 1_000;
/// Connections seen to side by side.
const AT_A_TIME: usize = 3;
/// Assets looked up at one go.
const PAGE: i64 = 20_000;
/// An exception of so many assets is settled by whoever makes or ends it; a larger one by the worker.
pub const AT_ONCE: i64 = 300;
/// Assets whose scores a preview reckons; of more, these stand for all: ids of assets are as good as
/// drawn by lot.
const SAMPLE: i64 = 1_000;
/// Findings a preview shows.
const SHOWN: i64 = 20;

/// Sees to every exception of the tenant that is new or over, until `stop` says so between batches.
pub async fn settle_all(
    store: &Store,
    tenant: TenantId,
    clock: fn() -> DateTime<Utc>,
) -> Result<usize, StoreError> {
    let mut tx = store.begin(tenant).await?;
    let due = work::due(&mut tx, clock()).await?;
    drop(tx);
    for id in &due {
        settle(store, tenant, *id, clock).await?;
    }
    Ok(due.len())
}

/// Sees to an exception at once where it concerns few assets; the worker sees to the others.
pub async fn settle_small(
    store: &Store,
    tenant: TenantId,
    id: Uuid,
    clock: fn() -> DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin(tenant).await?;
    let small = pages::get(&mut tx, id).await?.is_some_and(|one| one.matched <= AT_ONCE);
    drop(tx);
    if small { settle(store, tenant, id, clock).await } else { Ok(()) }
}

async fn settle(
    store: &Store,
    tenant: TenantId,
    id: Uuid,
    clock: fn() -> DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin(tenant).await?;
    let Some(work) = work::take(&mut tx, id, clock()).await? else { return Ok(()) };
    // At once: whoever judges waits as long as work is being taken up.
    tx.commit().await?;
    let mut tx = store.begin(tenant).await?;
    let all = work::count(&mut tx, &work).await?;
    work::begin(&mut tx, id, all).await?;
    tx.commit().await?;
    let control = match &work.subject {
        Subject::Control { control, .. } => Some(control.as_str()),
        Subject::Findings(_) => None,
    };
    let mut after = None;
    loop {
        let mut tx = store.begin(tenant).await?;
        let page = work::concerned(&mut tx, &work, after, PAGE).await?;
        drop(tx);
        let Some(last) = page.last() else { break };
        after = Some(last.0);
        let mut by_connection: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (asset, connection) in page {
            by_connection.entry(connection).or_default().push(asset);
        }
        let each = by_connection.into_iter().map(Ok::<_, StoreError>);
        futures::stream::iter(each)
            .try_for_each_concurrent(AT_A_TIME, |(connection, assets)| async move {
                for assets in assets.chunks(BATCH) {
                    let batch = Batch { exception: id, connection, assets, control };
                    while !batch.settle(store, tenant, clock).await? {}
                }
                Ok(())
            })
            .await?;
    }
    let mut tx = store.begin(tenant).await?;
    work::end(&mut tx, &work).await?;
    tallies::close_day(&mut tx, clock().date_naive()).await?;
    tx.commit().await
}

/// Assets that are weighed anew together.
struct Batch<'a> {
    exception: Uuid,
    connection: Uuid,
    assets: &'a [Uuid],
    control: Option<&'a str>,
}

impl Batch<'_> {
    /// Weighs and writes them. False where nothing was written, since an exception was made or ended
    /// meanwhile: who settles that one cannot have seen what would be written here.
    async fn settle(
        &self,
        store: &Store,
        tenant: TenantId,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = store.begin(tenant).await?;
        assessments::take_turn(&mut tx, self.connection).await?;
        let (assets, held) = weigh(&mut tx, self.connection, self.assets, self.control, clock()).await?;
        // Before the exception's own row is touched: who takes it up holds others up, and waits for that.
        work::hold_up(&mut tx).await?;
        if exceptions::live(&mut tx, &assets, clock()).await? != held {
            return Ok(false);
        }
        let done = i64::try_from(self.assets.len()).unwrap_or(0);
        work::went_on(&mut tx, self.exception, done, clock()).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Weighs assets of a connection anew and writes what changes; where a control is named, for it alone.
/// Gives back which there were, and what they were weighed with.
async fn weigh(
    tx: &mut Tx,
    connection: Uuid,
    ids: &[Uuid],
    control: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(Vec<AssetId>, Exceptions), StoreError> {
    let found = weighing::of_assets(tx, ids, Some(connection)).await?;
    let assets: Vec<AssetId> = found.iter().map(|one| one.id).collect();
    let mut lives: HashMap<AssetId, Vec<Life>> = HashMap::new();
    for life in findings::of_assets(tx, &assets, control).await? {
        lives.entry(life.asset).or_default().push(life);
    }
    let held = exceptions::live(tx, &assets, now).await?;
    let (mut difference, mut changes, mut written) = (Difference::default(), Vec::new(), Vec::new());
    for one in &found {
        let (judged, exceptions) = anew(one, control, &held);
        let lives = lives.get(&one.id).map_or(&[][..], Vec::as_slice);
        changes.extend(turned(one, &exceptions, lives, now));
        if judged != one.judged {
            tally(one.kind, one.counted_as, &one.judged, -1, &mut difference);
            tally(one.kind, one.counted_as, &judged, 1, &mut difference);
            written.push((one.id, score_of(&judged, None), judged));
        }
    }
    weighing::write(tx, &written).await?;
    findings::write(tx, &changes, None, now).await?;
    tallies::apply(tx, &difference).await?;
    Ok((assets, held))
}

/// What a control said, whether that is accepted or not.
const fn said(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Accepted => Verdict::Fail,
        other => other,
    }
}

/// An asset's verdicts under these exceptions, and the exception each hangs on.
fn anew(one: &Weighed, control: Option<&str>, held: &Exceptions) -> (Vec<Judged>, Vec<Option<Uuid>>) {
    let place = one.place();
    let mut judged = one.judged.clone();
    let exceptions = judged.iter_mut().map(|verdict| {
        if control.is_some_and(|control| control != verdict.control) {
            return None;
        }
        let said = said(verdict.verdict);
        let asked = matches!(said, Verdict::Fail | Verdict::Unknown);
        let finding = one.id.finding(&verdict.control, "");
        let exception = asked.then(|| held.of(finding, &verdict.control, &place)).flatten();
        let accepted = exception.is_some() && said == Verdict::Fail;
        verdict.verdict = if accepted { Verdict::Accepted } else { said };
        exception
    });
    let exceptions = exceptions.collect();
    (judged, exceptions)
}

/// What becomes of the findings among `lives`.
fn turned(one: &Weighed, exceptions: &[Option<Uuid>], lives: &[Life], now: DateTime<Utc>) -> Vec<Change> {
    let verdicts = one.judged.iter().map(|said_of| (said_of.control.as_str(), said(said_of.verdict)));
    let standing = Standing::of(verdicts);
    let mut changes = Vec::new();
    for (judged, exception) in one.judged.iter().zip(exceptions) {
        let Some(control) = rules::find(&judged.control) else { continue };
        let id = one.id.finding(control.code, "");
        let Some(before) = lives.iter().find(|life| life.id == id) else { continue };
        // Nothing new was said: the finding keeps the words it has.
        let outcome = Outcome {
            verdict: said(judged.verdict),
            reason: before.reason.clone().into(),
            evidence: before.evidence.clone(),
            severity: Some(before.severity),
            permission: None,
        };
        let state = Now {
            asset: one.id,
            hidden: one.hidden,
            control,
            outcome: Some(&outcome),
            standing,
            exception: *exception,
            at: now,
        };
        if let Some((life, event)) = lives::turn(Some(before), &state) {
            changes.push(Change {
                life,
                before: Some(before.state),
                connection: one.connection,
                control: control.code,
                area: control.area,
                kind: one.kind,
                event,
            });
        }
    }
    changes
}

/// How the mean score of a family would move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    /// The family.
    pub family: Family,
    /// Its score now.
    pub before: Option<f64>,
    /// Its score then.
    pub after: Option<f64>,
}

/// What an exception would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Findings it would accept, by severity.
    pub severities: Vec<(Severity, i64)>,
    /// Assets they are on.
    pub assets: i64,
    /// The most urgent of them.
    pub findings: Vec<Listed>,
    /// How scores would move.
    pub moves: Vec<Move>,
    /// Every asset was reckoned; else a sample stands for all.
    pub exact: bool,
}

impl Preview {
    /// Findings it would accept.
    pub fn count(&self) -> i64 {
        self.severities.iter().map(|(_, count)| count).sum()
    }
}

/// What an exception of this subject would do now; nothing is done.
pub async fn preview(tx: &mut Tx, subject: &Subject, now: DateTime<Utc>) -> Result<Preview, StoreError> {
    let work = work::Work { id: Uuid::nil(), subject: subject.clone(), over: false };
    let assets = work::count(tx, &work).await?;
    let sample = work::concerned(tx, &work, None, SAMPLE).await?;
    let ids: Vec<Uuid> = sample.iter().map(|one| one.0).collect();
    let found = weighing::of_assets(tx, &ids, None).await?;
    let assets_of: Vec<AssetId> = found.iter().map(|one| one.id).collect();
    let mut held = exceptions::live(tx, &assets_of, now).await?;
    imagine(&mut held, subject);
    let factor = if ids.is_empty() { 1.0 } else { assets as f64 / ids.len() as f64 };
    let sums = totals::sums(tx).await?;
    let moves = Family::ALL.iter().filter_map(|family| {
        let mut whole = Sum::default();
        for one in sums.iter().filter(|one| one.area.is_none() && one.kind.family() == *family) {
            whole.scored += one.scored;
            whole.score_sum += one.score_sum;
        }
        let of_it: Vec<_> = found.iter().filter(|one| one.kind.family() == *family).collect();
        (!of_it.is_empty()).then(|| moved(*family, &whole, &of_it, &held, factor))
    });
    Ok(Preview {
        severities: pages::severities(tx, subject).await?,
        assets,
        moves: moves.collect(),
        findings: listed::acceptable(tx, subject, SHOWN).await?,
        exact: assets <= SAMPLE,
    })
}

/// Has an exception of this subject hold, for longer than any other.
fn imagine(held: &mut Exceptions, subject: &Subject) {
    let (id, until) = (Uuid::nil(), DateTime::<Utc>::MAX_UTC);
    match subject {
        Subject::Findings(ids) => ids.iter().for_each(|one| held.choose(FindingId(*one), until, id)),
        Subject::Control { control, scope } => {
            held.scoped.push(Scoped { id, control: control.clone(), scope: scope.clone(), until });
        }
    }
}

fn moved(family: Family, whole: &Sum, assets: &[&Weighed], held: &Exceptions, factor: f64) -> Move {
    let (mut sum, mut scored) = (0.0, 0.0);
    for one in assets {
        let (before, after): (Score, Score) =
            (score_of(&one.judged, None), score_of(&anew(one, None, held).0, None));
        sum += after.score.unwrap_or(0.0) - before.score.unwrap_or(0.0);
        scored += f64::from(u8::from(after.score.is_some())) - f64::from(u8::from(before.score.is_some()));
    }
    let then = whole.scored as f64 + scored * factor;
    let after = (then > 0.0).then(|| ((whole.score_sum + sum * factor) / then).clamp(0.0, 100.0));
    Move { family, before: whole.mean(), after }
}
