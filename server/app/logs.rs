//! How this process tells what it does, line by line to standard error.

use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::config::{Config, LogFormat};

/// What has to be ended when the process ends.
#[derive(Debug)]
pub struct Logs;

impl Logs {
    /// Starts logging.
    pub fn start(config: &Config) -> Self {
        let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.log_format {
            LogFormat::Text => lines.with_filter(filter).boxed(),
            LogFormat::Json => lines.json().with_current_span(false).with_filter(filter).boxed(),
        };
        tracing_subscriber::registry().with(lines).init();
        Self
    }
}
