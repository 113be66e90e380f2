//! What a run knows of earlier ones: answers what readers ask, and keeps what they were told until they hand it
//! over.
//!
//! Questions asked at the same moment are answered in one transaction. It takes nothing over by itself: what
//! may be taken over is for the reader of the source to say.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::collect::{Compare, Question, Recall};
use crate::model::{Asset, AssetId, AssetKey, Mark, TenantId};
use crate::store::assets::{self, Previous};
use crate::store::recall::{self, Earlier, Recalled};
use crate::store::runs::Claim;
use crate::store::{Store, StoreError, Tx};

/// Recalled assets kept until they come back, and the size of one; larger ones are read a second time.
const MOST_RECALLED: usize = 4_000;
const LARGEST_HELD: usize = 16 << 10;

/// Questions to be answered together.
#[derive(Default)]
pub(super) struct Questions {
    recalls: Vec<Recall>,
    compares: Vec<Compare>,
    size: usize,
}

impl Questions {
    /// Assets they ask about.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Adds one.
    pub(super) fn add(&mut self, question: Question) {
        self.size += question.size();
        match question {
            Question::Recall(question) => self.recalls.push(question),
            Question::Compare(question) => self.compares.push(question),
        }
    }
}

/// What a run knows of earlier ones.
pub(super) struct Memory<'a> {
    store: &'a Store,
    tenant: TenantId,
    claim: Claim,
    /// By which edition the source is read.
    edition: Option<String>,
    /// What earlier runs leave to this one.
    earlier: Earlier,
    /// Something may have been taken over from the whole reading the run builds on.
    builds: bool,
    /// What was asked for and has not come back yet.
    recalled: HashMap<AssetId, Previous>,
    /// Assets that are as they were, and not yet noted as seen.
    unchanged: HashSet<AssetId>,
}

impl<'a> Memory<'a> {
    /// Of nothing yet.
    pub(super) fn new(store: &'a Store, tenant: TenantId, claim: Claim) -> Self {
        Self {
            store,
            tenant,
            claim,
            edition: None,
            earlier: Earlier::default(),
            builds: false,
            recalled: HashMap::new(),
            unchanged: HashSet::new(),
        }
    }

    /// Notes by which edition the source is read, before anything of it is written. Tells when the whole
    /// reading began that the run may build on, if there is one.
    pub(super) async fn open(
        &mut self,
        edition: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let Some(edition) = edition else { return Ok(None) };
        let mut tx = self.store.begin(self.tenant).await?;
        self.earlier = recall::reads(&mut tx, self.claim, &edition, now).await?;
        tx.commit().await?;
        self.edition = Some(edition);
        Ok(self.earlier.since)
    }

    /// Whether something may have been taken over from the whole reading the run builds on.
    pub(super) fn builds(&self) -> bool {
        self.builds
    }

    /// How many assets are as they were and not yet noted as seen.
    pub(super) fn unchanged(&self) -> usize {
        self.unchanged.len()
    }

    /// Gives them up.
    pub(super) fn take_unchanged(&mut self) -> HashSet<AssetId> {
        std::mem::take(&mut self.unchanged)
    }

    /// Answers what is asked, in one transaction.
    pub(super) async fn answer(&mut self, questions: Questions) -> Result<(), StoreError> {
        let Questions { recalls, compares, size } = questions;
        // Where nothing can be known, nothing is looked for.
        let Some(edition) = self.edition.clone().filter(|_| self.earlier.known && size > 0) else {
            return Ok(());
        };
        let mut tx = self.store.begin(self.tenant).await?;
        recall::by_keys(&mut tx).await?;
        self.compare(&mut tx, &edition, compares).await?;
        let (lately, ever) = recalls.into_iter().partition(|question| question.since.is_some());
        self.recall(&mut tx, &edition, lately).await?;
        self.recall(&mut tx, &edition, ever).await?;
        tx.commit().await
    }

    /// Tells which assets are as they were, and keeps that they were seen.
    async fn compare(
        &mut self,
        tx: &mut Tx,
        edition: &str,
        questions: Vec<Compare>,
    ) -> Result<(), StoreError> {
        // A run builds on one whole reading: all ask since the same moment.
        let Some(since) = questions.first().map(|question| question.since) else { return Ok(()) };
        let id = |key: &AssetKey| key.id(self.tenant);
        let marked: Vec<(AssetId, Mark)> = questions
            .iter()
            .flat_map(|question| question.marked.iter().map(|(key, mark)| (id(key), *mark)))
            .collect();
        let same = recall::unchanged(tx, edition, &marked, (self.claim.connection, since)).await?;
        let mut asked = marked.iter();
        for question in questions {
            let ids = asked.by_ref().take(question.marked.len());
            let keys = question.marked.into_iter().zip(ids);
            let found: HashSet<AssetKey> =
                keys.filter(|(_, (id, _))| same.contains(id)).map(|((key, _), _)| key).collect();
            if question.settles {
                self.saw(&found);
            }
            // Who asked may have gone away meanwhile.
            question.answer.send(found).unwrap_or_default();
        }
        Ok(())
    }

    /// Keeps that these are as they were.
    pub(super) fn saw<'k>(&mut self, keys: impl IntoIterator<Item = &'k AssetKey>) {
        let tenant = self.tenant;
        let before = self.unchanged.len();
        self.unchanged.extend(keys.into_iter().map(|key| key.id(tenant)));
        self.builds |= self.unchanged.len() > before;
    }

    /// Tells what earlier runs found; either all questions are of late, or none is.
    async fn recall(&mut self, tx: &mut Tx, edition: &str, questions: Vec<Recall>) -> Result<(), StoreError> {
        let Some(first) = questions.first() else { return Ok(()) };
        let lately = first.since.map(|since| (self.claim.connection, since));
        let asked: Vec<Vec<AssetId>> = questions
            .iter()
            .map(|question| question.keys.iter().map(|key| key.id(self.tenant)).collect())
            .collect();
        let known = recall::seen(tx, edition, &asked.concat(), lately).await?;
        self.builds |= lately.is_some() && !known.is_empty();
        let by_id: HashMap<AssetId, &Asset> = known.iter().map(|one| (one.id, &one.before.asset)).collect();
        for (question, ids) in questions.into_iter().zip(&asked) {
            let found = ids.iter().filter_map(|id| by_id.get(id).copied().cloned()).collect();
            question.answer.send(found).unwrap_or_default();
        }
        self.hold(known);
        Ok(())
    }

    /// Keeps what was recalled until it comes back.
    fn hold(&mut self, known: Vec<Recalled>) {
        if self.recalled.len() > MOST_RECALLED {
            self.recalled.clear();
        }
        let small = known.into_iter().filter(|one| one.size <= LARGEST_HELD);
        self.recalled.extend(small.map(|one| (one.id, one.before)));
    }

    /// What was known of these assets. Those recalled a moment ago are not read again, unless another run
    /// has written them since.
    pub(super) async fn previous(
        &mut self,
        tx: &mut Tx,
        ids: &[AssetId],
    ) -> Result<HashMap<AssetId, Previous>, StoreError> {
        let mut known: HashMap<AssetId, Previous> =
            ids.iter().filter_map(|id| self.recalled.remove_entry(id)).collect();
        let hashes = assets::hashes(tx, &known.keys().copied().collect::<Vec<_>>()).await?;
        known.retain(|id, before| hashes.get(id) == Some(&before.hash));
        let rest: Vec<AssetId> = ids.iter().filter(|id| !known.contains_key(id)).copied().collect();
        known.extend(assets::previous(tx, &rest).await?);
        Ok(known)
    }
}
