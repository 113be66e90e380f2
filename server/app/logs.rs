//! How this process tells what it does, line by line to standard error and, where a collector is
//! named, as OpenTelemetry traces.
//!
//! Traces are of our own spans alone: requests, runs, transactions. What a span says is a template,
//! a state or an id of ours; never an address, a query's value or anything somebody sent. They have
//! the highest level, since one filter rules over lines and spans: two of them, one for each, lose
//! spans (tracing's filters of single layers share a state that a thread can leave stale).

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::config::{Config, LogFormat};

/// Where a collector is named, in the words of the OpenTelemetry specification. The exporter reads
/// these and their like itself; without one nothing is exported.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// What has to be ended when the process ends.
#[derive(Debug)]
pub struct Logs {
    traces: Option<SdkTracerProvider>,
}

impl Logs {
    /// Starts logging, and tracing where a collector is named.
    pub fn start(config: &Config) -> Self {
        let (traces, fault) = match traces() {
            Ok(traces) => (traces, None),
            Err(fault) => (None, Some(fault)),
        };
        let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match config.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().with_current_span(false).boxed(),
        };
        let spans = traces.as_ref().map(|provider| {
            // Spans and not events: what is said in them may quote what a source sent.
            let ours = filter_fn(|what| what.is_span() && what.target().starts_with("parallax"));
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("parallax"))
                .with_location(false)
                .with_threads(false)
                .with_tracked_inactivity(false)
                .with_filter(ours)
        });
        tracing_subscriber::registry().with(lines).with(spans).with(filter).init();
        if let Some(fault) = fault {
            tracing::error!(fault, "no traces are exported");
        }
        Self { traces }
    }

    /// Sends what is left.
    pub fn end(self) {
        if let Some(fault) = self.traces.and_then(|traces| traces.shutdown().err()) {
            tracing::warn!(%fault, "the last traces were not exported");
        }
    }
}

fn traces() -> Result<Option<SdkTracerProvider>, String> {
    let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    let off = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
    if off || !COLLECTOR.iter().any(&set) {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().build().map_err(|fault| fault.to_string())?;
    let mut resource = Resource::builder();
    if !set(&"OTEL_SERVICE_NAME") {
        resource = resource.with_service_name("parallax");
    }
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build());
    Ok(Some(provider.build()))
}
