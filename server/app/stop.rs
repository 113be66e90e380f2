//! Being told to stop, in two steps: first we say that we go and take up nothing new, then we stop
//! answering.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::AppFault;

/// How long a server told to terminate still takes requests, for whoever sends them to notice.
const LINGER: Duration = Duration::from_secs(3);

/// Whether and how far we are told to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Take up nothing new; hand back what can be handed back.
    pub asked: CancellationToken,
    /// Take no more connections.
    pub shut: CancellationToken,
}

impl Stop {
    /// Both steps at once.
    pub fn now(&self) {
        self.asked.cancel();
        self.shut.cancel();
    }

    /// Follows the process's signals. A person at the keyboard (Ctrl-C) waits for nothing; a request
    /// to terminate leaves a balancer the time to see that we go. Asked twice, we end at once.
    pub fn on_signals() -> Result<Self, AppFault> {
        let hooked = |kind| signal(kind).map_err(|cause| AppFault::Listen(format!("signals: {cause}")));
        let (mut interrupt, mut terminate) =
            (hooked(SignalKind::interrupt())?, hooked(SignalKind::terminate())?);
        let stop = Self::default();
        let told = stop.clone();
        tokio::spawn(async move {
            loop {
                let lingers = tokio::select! {
                    _ = interrupt.recv() => false,
                    _ = terminate.recv() => true,
                };
                if told.asked.is_cancelled() {
                    std::process::exit(130);
                }
                told.asked.cancel();
                let shut = told.shut.clone();
                tokio::spawn(async move {
                    if lingers {
                        tokio::time::sleep(LINGER).await;
                    }
                    shut.cancel();
                });
            }
        });
        Ok(stop)
    }
}
