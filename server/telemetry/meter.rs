//! Numbers that are counted as things happen, and read by Prometheus.
//!
//! One set for the process, so that whoever does something counts it where it is done.

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::process::Process;

/// What an answer took: pages are promised within 50 ms.
const ANSWER: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// What a run took: a registry of ten images, an organisation of accounts.
const RUN: [f64; 10] = [1.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 7_200.0, 21_600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    /// The template, `/findings/{id}`; never the address itself.
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    source: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct In {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Event {
    event: &'static str,
}

/// What is not counted but looked up when somebody asks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Look {
    /// The database answers.
    pub database: bool,
    /// Connections to it, in all.
    pub connections: u32,
    /// Of these, with nothing to do.
    pub idle: usize,
    /// Runs that wait; none where the database does not answer.
    pub waiting: i64,
    /// Runs under way.
    pub running: i64,
    /// How long the oldest of those that wait has waited.
    pub oldest_waiting: Duration,
}

type Level = Gauge<f64, AtomicU64>;

struct Meter {
    registry: Registry,
    answers: Family<Answered, Counter>,
    answer_seconds: Family<Asked, Histogram, fn() -> Histogram>,
    runs: Family<Ended, Counter>,
    run_seconds: Family<Of, Histogram, fn() -> Histogram>,
    taken_up: Counter,
    handed_back: Counter,
    gaps: Family<Of, Counter>,
    findings: Family<Event, Counter>,
    mails: Family<In, Counter>,
    log_ins: Family<In, Counter>,
    database: Gauge,
    connections: Family<In, Gauge>,
    queue: Family<In, Gauge>,
    oldest_waiting: Level,
}

static METER: LazyLock<Meter> = LazyLock::new(Meter::new);

impl Meter {
    fn new() -> Self {
        let mut meter = Self {
            registry: Registry::default(),
            answers: Family::default(),
            answer_seconds: Family::new_with_constructor(|| Histogram::new(ANSWER)),
            runs: Family::default(),
            run_seconds: Family::new_with_constructor(|| Histogram::new(RUN)),
            taken_up: Counter::default(),
            handed_back: Counter::default(),
            gaps: Family::default(),
            findings: Family::default(),
            mails: Family::default(),
            log_ins: Family::default(),
            database: Gauge::default(),
            connections: Family::default(),
            queue: Family::default(),
            oldest_waiting: Level::default(),
        };
        meter.register_counts();
        meter.register_looks();
        meter
    }

    fn register_counts(&mut self) {
        let all = &mut self.registry;
        all.register("parallax_requests", "Requests answered", self.answers.clone());
        all.register("parallax_request_seconds", "Time to the answer's head", self.answer_seconds.clone());
        all.register("parallax_runs_ended", "Runs that ended, by how", self.runs.clone());
        all.register(
            "parallax_run_seconds",
            "Time from taking a run up to its end",
            self.run_seconds.clone(),
        );
        let help = "Runs taken up from a worker that fell silent";
        all.register("parallax_runs_taken_up", help, self.taken_up.clone());
        let help = "Runs handed back by a worker told to stop";
        all.register("parallax_runs_handed_back", help, self.handed_back.clone());
        all.register("parallax_gaps", "Gaps met by runs", self.gaps.clone());
        all.register("parallax_finding_events", "Turns in the lives of findings", self.findings.clone());
        all.register("parallax_mails", "Digests to one recipient, by what came of them", self.mails.clone());
        all.register("parallax_log_ins", "Attempts to log in, by what came of them", self.log_ins.clone());
    }

    fn register_looks(&mut self) {
        let all = &mut self.registry;
        all.register("parallax_database_up", "1 where the database answers", self.database.clone());
        let help = "Connections of this process to the database";
        all.register("parallax_database_connections", help, self.connections.clone());
        all.register(
            "parallax_runs_under_way",
            "Runs of the whole house, not of this process",
            self.queue.clone(),
        );
        let help = "How long the oldest run that waits has waited";
        all.register("parallax_oldest_waiting_run_seconds", help, self.oldest_waiting.clone());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("parallax_build", "This program", version);
        all.register_collector(Box::new(Process));
    }
}

fn method_word(method: &Method) -> &'static str {
    ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|word| *word == method.as_str())
        .unwrap_or("other")
}

/// A request was answered; `route` is the template of its address.
pub fn answered(method: &Method, route: &str, status: u16, took: Duration) {
    let (method, route) = (method_word(method), route.to_owned());
    METER.answers.get_or_create(&Answered { method, route: route.clone(), status }).inc();
    METER.answer_seconds.get_or_create(&Asked { method, route }).observe(took.as_secs_f64());
}

/// A run of this kind of source ended so.
pub fn run_ended(source: &'static str, state: &'static str, took: Duration) {
    METER.runs.get_or_create(&Ended { source, state }).inc();
    METER.run_seconds.get_or_create(&Of { source }).observe(took.as_secs_f64());
}

/// A run was taken up from a worker that fell silent.
pub fn run_taken_up() {
    METER.taken_up.inc();
}

/// A run was handed back.
pub fn run_handed_back() {
    METER.handed_back.inc();
}

/// A run of this kind of source met so many gaps.
pub fn gaps(source: &'static str, met: u64) {
    METER.gaps.get_or_create(&Of { source }).inc_by(met);
}

/// A finding's life took this turn.
pub fn finding(event: &'static str) {
    METER.findings.get_or_create(&Event { event }).inc();
}

/// A digest to one recipient ended so.
pub fn mail(state: &'static str) {
    METER.mails.get_or_create(&In { state }).inc();
}

/// An attempt to log in ended so.
pub fn log_in(state: &'static str) {
    METER.log_ins.get_or_create(&In { state }).inc();
}

/// Everything counted so far and what was just looked up, in OpenMetrics text.
pub fn told(look: &Look) -> String {
    METER.database.set(i64::from(look.database));
    let idle = i64::try_from(look.idle).unwrap_or(i64::MAX);
    for (state, number) in [("idle", idle), ("busy", i64::from(look.connections) - idle)] {
        METER.connections.get_or_create(&In { state }).set(number);
    }
    if look.database {
        for (state, number) in [("waiting", look.waiting), ("running", look.running)] {
            METER.queue.get_or_create(&In { state }).set(number);
        }
        METER.oldest_waiting.set(look.oldest_waiting.as_secs_f64());
    }
    let mut told = String::new();
    // Writing to a string fails only where a label fails, and ours are words.
    let _ = text::encode(&mut told, &METER.registry);
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told() {
        answered(&Method::GET, "/findings/{id}", 200, Duration::from_millis(20));
        answered(&Method::from_bytes(b"BREW").expect("a method"), "none", 405, Duration::ZERO);
        run_ended("aws", "done", Duration::from_secs(20));
        mail("sent");
        let told = told(&Look { database: true, connections: 3, idle: 1, waiting: 7, ..Look::default() });
        for line in [
            "parallax_requests_total{method=\"GET\",route=\"/findings/{id}\",status=\"200\"} 1",
            "parallax_requests_total{method=\"other\",route=\"none\",status=\"405\"} 1",
            "parallax_request_seconds_bucket{le=\"0.025\",method=\"GET\",route=\"/findings/{id}\"} 1",
            "parallax_runs_ended_total{source=\"aws\",state=\"done\"} 1",
            "parallax_run_seconds_sum{source=\"aws\"} 20.0",
            "parallax_mails_total{state=\"sent\"}",
            "parallax_runs_under_way{state=\"waiting\"} 7",
            "parallax_database_connections{state=\"busy\"} 2",
            "process_cpu_seconds_total ",
            "process_open_fds ",
            "# EOF",
        ] {
            assert!(told.contains(line), "no {line} in\n{told}");
        }
    }
}
