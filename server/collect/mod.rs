//! Reading sources: one folder a source, each `wire` (what it sends) and `normalise` (what it means).
//!
//! A source's own types end at its `normalise`. Nothing here knows the database, a control or a
//! page. A refused or broken call is a [`Gap`] and makes its facts unknown; it never ends the run.

mod access;
pub mod aws;
pub mod azure;
mod image;
mod ledger;
pub mod oci;
mod touched;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use crate::analysis::secrets::FingerprintKey;
use crate::model::{Asset, AssetKey, ConnectionSpec, Gap, Mark, Tested};
pub use access::{Access, Password};

/// What a collector sends while it reads.
#[derive(Debug)]
pub enum Event {
    /// An asset with all its facts; and how it is marked, where a later run may find it unchanged by that.
    Asset(Box<Asset>, Option<Mark>),
    /// Something that could not be read.
    Gap(Gap),
    /// Assets that are as they were when this connection last marked them.
    Seen(Vec<AssetKey>),
    /// How far a phase has come.
    Progress(Progress),
    /// A question. Whoever keeps nothing drops it.
    Ask(Question),
}

/// What a collector asks of what is known.
#[derive(Debug)]
pub enum Question {
    /// What did earlier runs find of these?
    Recall(Recall),
    /// Which of these are as they were?
    Compare(Compare),
}

impl Question {
    /// Assets it asks about.
    pub fn size(&self) -> usize {
        match self {
            Self::Recall(question) => question.keys.len(),
            Self::Compare(question) => question.marked.len(),
        }
    }
}

/// Which of these did this connection's runs since a moment mark just so?
#[derive(Debug)]
pub struct Compare {
    /// The assets asked for, as they are marked now; at most [`RunBuilder::MOST_RECALLED`].
    pub marked: Vec<(AssetKey, Mark)>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// They are seen again by that; else who asks says so later.
    pub settles: bool,
    /// Takes those that are as they were.
    pub answer: oneshot::Sender<HashSet<AssetKey>>,
}

/// What did earlier runs find of these?
#[derive(Debug)]
pub struct Recall {
    /// The assets asked for; at most [`RunBuilder::MOST_RECALLED`].
    pub keys: Vec<AssetKey>,
    /// Only what this connection has read since then; else what any has read at any time.
    pub since: Option<DateTime<Utc>>,
    /// Takes those that are known, as they were read.
    pub answer: oneshot::Sender<Vec<Asset>>,
}

/// How far a phase of a run has come.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Progress {
    /// `functions in eu-west-1`.
    pub phase: String,
    /// Assets or calls done.
    pub done: u64,
    /// How many there are, once known.
    pub total: Option<u64>,
}

/// The writing end of a run: a bounded channel, so that a slow store slows the reading and memory
/// stays flat.
#[derive(Debug, Clone)]
pub struct RunBuilder {
    events: mpsc::Sender<Event>,
    since: Option<DateTime<Utc>>,
}

/// The reader of the run went away: stop collecting.
#[derive(Debug, thiserror::Error)]
#[error("the run was stopped")]
pub struct Stopped;

impl RunBuilder {
    /// A run and the stream of what it finds; `depth` events may wait. It builds on nothing.
    pub fn channel(depth: usize) -> (Self, mpsc::Receiver<Event>) {
        let (events, stream) = mpsc::channel(depth);
        (Self { events, since: None }, stream)
    }

    /// The same run, which may build, if there is one, on a whole reading that began at `since`.
    pub fn building_on(self, since: Option<DateTime<Utc>>) -> Self {
        Self { since, ..self }
    }

    /// When the whole reading began that this run may build on: what its source's record of changes does
    /// not speak of since then may be taken over. None where everything is to be read.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }

    /// Hands over an asset that every run reads.
    pub async fn asset(&self, asset: Asset) -> Result<(), Stopped> {
        self.marked(asset, None).await
    }

    /// Hands over an asset with its mark, where a later run that makes the same one may take the asset for
    /// unchanged: whatever the mark does not say must have been read whole.
    pub async fn marked(&self, asset: Asset, mark: Option<Mark>) -> Result<(), Stopped> {
        self.events.send(Event::Asset(Box::new(asset), mark)).await.map_err(|_| Stopped)
    }

    /// Hands over a gap.
    pub async fn gap(&self, gap: Gap) -> Result<(), Stopped> {
        self.events.send(Event::Gap(gap)).await.map_err(|_| Stopped)
    }

    /// Most assets asked for at one go, so that memory does not grow with a source.
    pub const MOST_RECALLED: usize = 200;

    /// What earlier runs of the same edition found of these assets, at whatever time: for what never
    /// changes.
    pub async fn recall(&self, keys: Vec<AssetKey>) -> Result<HashMap<AssetKey, Asset>, Stopped> {
        self.ask(keys, None).await
    }

    /// What this connection's runs found of these assets since the whole reading that this run builds on;
    /// nothing where it builds on none.
    pub async fn standing(&self, keys: Vec<AssetKey>) -> Result<HashMap<AssetKey, Asset>, Stopped> {
        match self.since {
            Some(since) => self.ask(keys, Some(since)).await,
            None => Ok(HashMap::new()),
        }
    }

    /// Those of these assets that this connection's runs marked just so since the whole reading that this run
    /// builds on; none where it builds on none. They need not be handed over.
    pub async fn unchanged(
        &self,
        marked: impl Iterator<Item = (AssetKey, Mark)>,
    ) -> Result<HashSet<AssetKey>, Stopped> {
        self.compare(marked, true).await
    }

    /// The same where more is to be looked at before they count as unchanged, which [`RunBuilder::seen`] says.
    pub async fn marked_so(
        &self,
        marked: impl Iterator<Item = (AssetKey, Mark)>,
    ) -> Result<HashSet<AssetKey>, Stopped> {
        self.compare(marked, false).await
    }

    /// Tells of assets that they are as they were marked.
    pub async fn seen(&self, keys: Vec<AssetKey>) -> Result<(), Stopped> {
        self.events.send(Event::Seen(keys)).await.map_err(|_| Stopped)
    }

    async fn compare(
        &self,
        marked: impl Iterator<Item = (AssetKey, Mark)>,
        settles: bool,
    ) -> Result<HashSet<AssetKey>, Stopped> {
        let mut same = HashSet::new();
        let Some(since) = self.since else { return Ok(same) };
        let mut marked: Vec<_> = marked.collect();
        while !marked.is_empty() {
            let rest = marked.split_off(marked.len().min(Self::MOST_RECALLED));
            let (answer, known) = oneshot::channel();
            let asked = std::mem::replace(&mut marked, rest);
            let compare = Compare { marked: asked, since, settles, answer };
            self.question(Question::Compare(compare)).await?;
            same.extend(known.await.unwrap_or_default());
        }
        Ok(same)
    }

    async fn question(&self, question: Question) -> Result<(), Stopped> {
        self.events.send(Event::Ask(question)).await.map_err(|_| Stopped)
    }

    async fn ask(
        &self,
        keys: Vec<AssetKey>,
        since: Option<DateTime<Utc>>,
    ) -> Result<HashMap<AssetKey, Asset>, Stopped> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let (answer, known) = oneshot::channel();
        self.question(Question::Recall(Recall { keys, since, answer })).await?;
        let known = known.await.unwrap_or_default();
        Ok(known.into_iter().map(|asset| (asset.key.clone(), asset)).collect())
    }

    /// Tells how far a phase has come.
    pub async fn progress(&self, phase: &str, done: u64, total: Option<u64>) -> Result<(), Stopped> {
        let progress = Progress { phase: phase.into(), done, total };
        self.events.send(Event::Progress(progress)).await.map_err(|_| Stopped)
    }
}

/// Why nothing at all could be read.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The source refused our credentials.
    #[error("{what}: the credentials were refused ({code})")]
    Credentials {
        /// Which source.
        what: String,
        /// The source's error code.
        code: String,
    },
    /// The source does not answer.
    #[error("{what} cannot be reached: {cause}")]
    Unreachable {
        /// Which address.
        what: String,
        /// The network's own words.
        cause: String,
    },
    /// What we were asked for does not exist or cannot be used.
    #[error("{what}: {problem}")]
    Invalid {
        /// Which setting.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The run was stopped from our side.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// A source that can be read.
pub trait Collector: Send + Sync {
    /// Reads everything once, handing assets and gaps to `run`. Fails only when nothing at all
    /// could be read.
    fn collect(&self, run: &RunBuilder) -> impl Future<Output = Result<(), CollectError>> + Send;

    /// By which edition of our code, and with which key, it reads. Only what was read just so may be
    /// taken over from an earlier run; none where nothing is.
    fn edition(&self) -> Option<String> {
        None
    }
}

/// This edition, reading with `key`. A build whose code, data or libraries differ is another.
fn edition(key: &FingerprintKey) -> String {
    let code = env!("PARALLAX_EDITION");
    format!("{code}-{}", key.fingerprint(code))
}

/// A source that is ready to be read, whichever it is.
#[derive(Debug)]
pub enum AnyCollector {
    /// An AWS account.
    Aws(aws::AwsCollector),
    /// Azure subscriptions.
    Azure(Box<azure::AzureCollector>),
    /// A registry.
    Registry(oci::OciCollector),
}

/// Reaches the source of a connection and logs in.
pub async fn open(spec: &ConnectionSpec, access: impl Into<Access>) -> Result<AnyCollector, CollectError> {
    let access = access.into();
    match spec {
        ConnectionSpec::Registry(spec) => {
            oci::OciCollector::new(spec, access).await.map(AnyCollector::Registry)
        }
        ConnectionSpec::Aws(spec) => aws::AwsCollector::new(spec, access).await.map(AnyCollector::Aws),
        ConnectionSpec::Azure(spec) => {
            azure::AzureCollector::new(spec, access).await.map(|one| AnyCollector::Azure(Box::new(one)))
        }
    }
}

/// Longest test of a source.
const TEST_WITHIN: Duration = Duration::from_secs(45);

/// Tries every kind of call a run would make, and says of each how it went. Reads nothing that is
/// kept.
pub async fn test(spec: &ConnectionSpec, access: Access, now: DateTime<Utc>) -> Tested {
    let mut tested = Tested { at: now, account: String::new(), fault: None, tries: Vec::new() };
    let trying = async {
        match spec {
            ConnectionSpec::Registry(spec) => oci::test(spec, &access, &mut tested).await,
            ConnectionSpec::Aws(spec) => Box::pin(aws::test(spec, &access, &mut tested)).await,
            ConnectionSpec::Azure(spec) => azure::test(spec, access, &mut tested).await,
        }
    };
    let fault = match tokio::time::timeout(TEST_WITHIN, Box::pin(trying)).await {
        Ok(tried) => tried.err().map(|fault| fault.to_string()),
        Err(_) => Some("the test took longer than 45 seconds and was stopped".into()),
    };
    Tested { fault, ..tested }
}

impl Collector for AnyCollector {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        match self {
            Self::Aws(source) => source.collect(run).await,
            Self::Azure(source) => source.collect(run).await,
            Self::Registry(source) => source.collect(run).await,
        }
    }

    fn edition(&self) -> Option<String> {
        match self {
            Self::Aws(source) => source.edition(),
            Self::Azure(source) => source.edition(),
            Self::Registry(source) => source.edition(),
        }
    }
}

/// A source that was opened, or the reason why it could not be: reading it then fails with that
/// reason, so that a run over a source that is away is a run like any other.
#[derive(Debug)]
pub struct Opened<C>(Result<C, std::sync::Mutex<Option<CollectError>>>);

impl<C> Opened<C> {
    /// Keeps the source or the reason.
    pub fn new(source: Result<C, CollectError>) -> Self {
        Self(source.map_err(|reason| std::sync::Mutex::new(Some(reason))))
    }
}

impl<C: Collector> Collector for Opened<C> {
    async fn collect(&self, run: &RunBuilder) -> Result<(), CollectError> {
        match &self.0 {
            Ok(source) => source.collect(run).await,
            Err(reason) => {
                let taken = reason.lock().ok().and_then(|mut held| held.take());
                Err(taken.unwrap_or(CollectError::Stopped(Stopped)))
            }
        }
    }

    fn edition(&self) -> Option<String> {
        self.0.as_ref().ok().and_then(Collector::edition)
    }
}
