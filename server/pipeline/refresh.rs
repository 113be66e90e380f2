//! Collecting: drains a collector into the store, batch by batch, with the run's heart beating.
//!
//! Idempotent: a run taken up again after a crash writes the same assets under the same ids. An
//! unchanged asset costs one sighting; a changed one keeps its earlier facts as a version.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::memory::{Memory, Questions};
use crate::analysis::history;
use crate::collect::{CollectError, Collector, Event, Progress, RunBuilder};
use crate::model::{Asset, AssetId, Facts, Gap, Mark, TenantId};
use crate::store::assets::{self, Previous, Seen, Sight};
use crate::store::recall;
use crate::store::runs::{self, Claim, Standing};
use crate::store::{Store, StoreError, Tx};

/// Assets written together.
const BATCH: usize = 500;
/// Events taken together: so few that the heart beats in time, whatever they ask.
const TOGETHER: usize = 50;
/// How long a batch may wait to fill up, and how often the heart beats.
const BEAT: Duration = Duration::from_secs(1);

/// Why a run ended before its collector did.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The source could not be read at all.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// Another worker has taken the run over.
    #[error("another worker has taken the run over")]
    Outdated,
}

/// Reads everything `collector` finds into the store under `claim`, with `clock` telling the time.
pub async fn refresh<C: Collector>(
    store: &Store,
    tenant: TenantId,
    claim: Claim,
    collector: &C,
    clock: fn() -> DateTime<Utc>,
) -> Result<Standing, RefreshError> {
    let mut intake = Intake::new(store, tenant, claim, clock);
    let since = intake.memory.open(collector.edition(), clock()).await?;
    let (run, events) = RunBuilder::channel(2 * BATCH);
    let run = run.building_on(since);
    let reading = async move { collector.collect(&run).await };
    // Where nothing can be written any more, the reading ends at once.
    let (read, ()) = tokio::try_join!(async { Ok(reading.await) }, intake.drain(events))?;
    intake.close(read).await
}

/// The writing side of a run.
struct Intake<'a> {
    store: &'a Store,
    tenant: TenantId,
    claim: Claim,
    clock: fn() -> DateTime<Utc>,
    standing: Standing,
    batch: HashMap<AssetId, (Asset, Option<Mark>)>,
    gaps: Vec<Gap>,
    hidden: bool,
    memory: Memory<'a>,
}

impl<'a> Intake<'a> {
    fn new(store: &'a Store, tenant: TenantId, claim: Claim, clock: fn() -> DateTime<Utc>) -> Self {
        Self {
            store,
            tenant,
            claim,
            clock,
            standing: Standing::default(),
            batch: HashMap::new(),
            gaps: Vec::new(),
            hidden: false,
            memory: Memory::new(store, tenant, claim),
        }
    }

    /// Takes events until the collector is done. Owns the stream, so that the collector stops as
    /// soon as nothing can be written.
    async fn drain(&mut self, mut events: mpsc::Receiver<Event>) -> Result<(), RefreshError> {
        let mut beat = tokio::time::interval(BEAT);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                count = events.recv_many(&mut waiting, TOGETHER) => match count {
                    0 => return self.flush().await,
                    _ => self.take(waiting.drain(..)).await?,
                },
                _ = beat.tick() => self.flush().await?,
            }
        }
    }

    /// Takes what came together: first answers, together, what is asked, since somebody waits for it.
    async fn take(&mut self, events: impl Iterator<Item = Event> + Send) -> Result<(), RefreshError> {
        let (mut questions, mut found) = (Questions::default(), Vec::new());
        for event in events {
            let Event::Ask(question) = event else {
                found.push(event);
                continue;
            };
            if questions.size() + question.size() > RunBuilder::MOST_RECALLED {
                self.memory.answer(std::mem::take(&mut questions)).await?;
            }
            questions.add(question);
        }
        self.memory.answer(questions).await?;
        for event in found {
            match event {
                Event::Asset(asset, mark) => {
                    // The same asset twice in one pass (two pages that overlap) is one asset.
                    self.batch.insert(asset.key.id(self.tenant), (*asset, mark));
                    if self.batch.len() >= BATCH {
                        self.flush().await?;
                    }
                }
                Event::Gap(gap) => self.note(gap),
                Event::Progress(progress) => self.tell(progress),
                Event::Seen(keys) => self.memory.saw(&keys),
                // Answered above.
                Event::Ask(_) => {}
            }
        }
        if self.memory.unchanged() >= BATCH { self.flush().await } else { Ok(()) }
    }

    fn tell(&mut self, progress: Progress) {
        self.standing.phase = progress.phase;
        self.standing.done = i64::try_from(progress.done).unwrap_or(i64::MAX);
        self.standing.total = progress.total.and_then(|total| i64::try_from(total).ok());
    }

    fn note(&mut self, gap: Gap) {
        self.hidden |= gap.hides_assets;
        self.standing.gaps += 1;
        if self.gaps.len() < runs::MOST_GAPS {
            self.gaps.push(gap);
        }
    }

    /// Writes those that are new or have changed.
    async fn write(
        &mut self,
        tx: &mut Tx,
        batch: HashMap<AssetId, (Asset, Option<Mark>)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = batch.keys().copied().collect();
        let previous = self.memory.previous(tx, &ids).await?;
        let changed = changed(batch, &previous, now)?;
        if !changed.is_empty() {
            assets::write(tx, self.claim.connection, self.claim.run, &changed, now).await?;
            self.standing.changed += i64::try_from(changed.len()).unwrap_or(i64::MAX);
        }
        Ok(())
    }

    /// Writes what has gathered, and beats the heart in the same transaction: a worker that lost
    /// its run writes nothing.
    async fn flush(&mut self) -> Result<(), RefreshError> {
        let now = (self.clock)();
        let mut tx = self.store.begin(self.tenant).await?;
        let (batch, mut same) = (std::mem::take(&mut self.batch), self.memory.take_unchanged());
        if !batch.is_empty() || !same.is_empty() {
            // What was asked about after all was read since.
            same.retain(|id| !batch.contains_key(id));
            let read = batch.iter().map(|(id, (_, mark))| (*id, Sight::Read(*mark)));
            let seen: Vec<_> = same.into_iter().map(|id| (id, Sight::Unchanged)).chain(read).collect();
            self.standing.seen += i64::try_from(seen.len()).unwrap_or(i64::MAX);
            self.write(&mut tx, batch, now).await?;
            assets::sight(&mut tx, (self.claim.connection, self.claim.run), seen, now).await?;
        }
        if !runs::beat(&mut tx, self.claim, now, &self.standing).await? {
            return Err(RefreshError::Outdated);
        }
        Ok(tx.commit().await?)
    }

    /// Writes the gaps and what the run did not see.
    async fn close(mut self, read: Result<(), CollectError>) -> Result<Standing, RefreshError> {
        if let Err(error) = &read {
            self.hidden = true;
            self.standing.gaps += 1;
            self.gaps.push(source_gap(error));
        }
        let mut tx = self.store.begin(self.tenant).await?;
        if !runs::beat(&mut tx, self.claim, (self.clock)(), &self.standing).await? {
            return Err(RefreshError::Outdated);
        }
        if !self.memory.builds() {
            recall::was_whole(&mut tx, self.claim).await?;
        }
        runs::write_gaps(&mut tx, self.claim.run, &self.gaps).await?;
        assets::close_unseen(&mut tx, self.claim.connection, self.claim.run, self.hidden).await?;
        tx.commit().await?;
        read?;
        Ok(self.standing)
    }
}

fn source_gap(error: &CollectError) -> Gap {
    Gap {
        facet: "the whole source".into(),
        call: "connect".into(),
        code: match error {
            CollectError::Credentials { code, .. } => code.clone(),
            CollectError::Unreachable { .. } => "unreachable".into(),
            CollectError::Invalid { .. } => "invalid".into(),
            CollectError::Stopped(_) => "stopped".into(),
        },
        message: error.to_string(),
        permission: None,
        asset: None,
        hides_assets: true,
    }
}

/// Carries history over and keeps what is new or different.
fn changed(
    batch: HashMap<AssetId, (Asset, Option<Mark>)>,
    previous: &HashMap<AssetId, Previous>,
    now: DateTime<Utc>,
) -> Result<Vec<Seen>, StoreError> {
    let mut changed = Vec::new();
    for (id, (mut asset, _)) in batch {
        let before = previous.get(&id);
        let first_seen = before.map_or(now, |before| before.first_seen);
        history::carry(before.map(|before| &before.asset), first_seen, &mut asset, now);
        if before.is_some_and(|before| before.asset == asset) {
            continue;
        }
        let facts = match &asset.facts {
            Facts::Function(facts) => serde_json::to_string(facts),
            Facts::Repository(facts) => serde_json::to_string(facts),
            Facts::Image(facts) => serde_json::to_string(facts),
        };
        let facts = facts
            .map_err(|fault| StoreError::Inconsistent { table: "assets", problem: fault.to_string() })?;
        let hash = digest(&asset, &facts);
        if before.is_none_or(|before| before.hash != hash) {
            changed.push(Seen { id, asset, facts, hash });
        }
    }
    // In order of id, so that two runs that meet on the same assets never wait for each other.
    changed.sort_unstable_by_key(|seen| seen.id);
    Ok(changed)
}

/// What must differ for an asset to have changed: its facts, its name, its platform. Facts print
/// their fields in the order they are declared in, so the same facts have the same digest.
fn digest(asset: &Asset, facts: &str) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(asset.name.as_bytes());
    digest.update([0]);
    digest.update(asset.platform.code());
    digest.update([0]);
    digest.update(facts);
    digest.finalize().to_vec()
}
