//! Reads a whole connection into memory, as no part of the service does: measurements of one stage
//! need what the stage before it hands over.

use crate::analysis::secrets::FingerprintKey;
use crate::collect::{self, CollectError, Collector, Event, RunBuilder};
use crate::model::{Asset, ConnectionSpec, Gap};

/// What one pass found.
#[derive(Debug, Default)]
pub struct Found {
    /// The assets.
    pub assets: Vec<Asset>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads `spec` to its end, adding to `found`.
pub async fn read(spec: &ConnectionSpec, found: &mut Found) -> Result<(), CollectError> {
    let collector = collect::open(spec, FingerprintKey::new([7; 32])).await?;
    let (run, mut events) = RunBuilder::channel(256);
    let reading = async {
        let outcome = collector.collect(&run).await;
        drop(run);
        outcome
    };
    let taking = async {
        while let Some(event) = events.recv().await {
            match event {
                Event::Asset(asset, _) => found.assets.push(*asset),
                Event::Gap(gap) => found.gaps.push(gap),
                Event::Progress(_) | Event::Ask(_) | Event::Seen(_) => {}
            }
        }
    };
    futures::join!(reading, taking).0
}
