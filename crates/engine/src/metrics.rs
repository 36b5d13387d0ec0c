//! What the process counts, by fixed names without labels that grow with the data.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use stentor_core::attempt::Attempt;
use stentor_core::id::EventId;
use stentor_core::retry::Step;
use stentor_store::journal::OutcomeWrite;

/// A label value from a closed set of words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: Word,
}

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    events: Counter<u64, AtomicU64>,
    deliveries: Counter<u64, AtomicU64>,
    attempts: Family<OutcomeLabel, Counter>,
    retries: Counter<u64, AtomicU64>,
    requests: Family<VerdictLabel, Counter>,
    finished: Family<StateLabel, Counter>,
    response_time: Histogram,
    queue_delay: Histogram,
    batches: Counter<u64, AtomicU64>,
    batch_items: Histogram,
    orphans: Counter<u64, AtomicU64>,
    in_flight: Gauge<i64, AtomicI64>,
    journal_waiting: Gauge<i64, AtomicI64>,
    live_streams: Gauge<i64, AtomicI64>,
    live_missed: Counter<u64, AtomicU64>,
    requests_unrecorded: Counter<u64, AtomicU64>,
}

const TIME_BUCKETS: [f64; 14] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("stentor"),
            events: Counter::default(),
            deliveries: Counter::default(),
            attempts: Family::default(),
            retries: Counter::default(),
            requests: Family::default(),
            finished: Family::default(),
            response_time: Histogram::new(TIME_BUCKETS),
            queue_delay: Histogram::new(TIME_BUCKETS),
            batches: Counter::default(),
            batch_items: Histogram::new([1.0, 4.0, 16.0, 64.0, 256.0, 1024.0]),
            orphans: Counter::default(),
            in_flight: Gauge::default(),
            journal_waiting: Gauge::default(),
            live_streams: Gauge::default(),
            live_missed: Counter::default(),
            requests_unrecorded: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("events_accepted", "Events stored", self.events.clone());
        registry.register("deliveries_created", "Deliveries that came into being", self.deliveries.clone());
        registry.register("attempts", "Attempts by kind of outcome", self.attempts.clone());
        registry.register("retries", "Attempts after the first of a delivery", self.retries.clone());
        registry.register(
            "requests_received",
            "Requests to sources by what became of them: accepted, duplicate, challenge or the code of a refusal",
            self.requests.clone(),
        );
        registry.register(
            "deliveries_finished",
            "Deliveries that ended with an attempt, by state",
            self.finished.clone(),
        );
        let seconds = || Unit::Seconds;
        registry.register_with_unit(
            "response_time",
            "Duration of attempts",
            seconds(),
            self.response_time.clone(),
        );
        registry.register_with_unit(
            "queue_delay",
            "From acceptance of the event to the start of the first attempt",
            seconds(),
            self.queue_delay.clone(),
        );
        registry.register("journal_batches", "Committed batches", self.batches.clone());
        registry.register("journal_batch_items", "Items of a batch", self.batch_items.clone());
        registry.register("orphans", "Stored deliveries that no lane knew of", self.orphans.clone());
        registry.register(
            "in_flight",
            "Attempts started whose outcome is not committed",
            self.in_flight.clone(),
        );
        registry.register("journal_waiting", "Entries waiting to be written", self.journal_waiting.clone());
        registry.register("live_streams", "Subscriptions of the live feed", self.live_streams.clone());
        registry.register(
            "live_missed",
            "Items of the live feed that a stream was too slow for",
            self.live_missed.clone(),
        );
        registry.register(
            "requests_unrecorded",
            "Inbound requests that came too fast to be shown or kept for inspection",
            self.requests_unrecorded.clone(),
        );
    }

    pub(crate) fn accepted(&self, deliveries: usize) {
        self.events.inc();
        self.deliveries.inc_by(deliveries as u64);
    }

    pub(crate) fn attempt(&self, attempt: &Attempt, event: EventId) {
        let outcome = Word(attempt.outcome.kind());
        self.attempts.get_or_create(&OutcomeLabel { outcome }).inc();
        self.response_time.observe(attempt.duration.as_secs_f64());
        if attempt.number > 1 {
            self.retries.inc();
        } else {
            self.queue_delay.observe(attempt.started_at.since(event.created_at()).as_secs_f64());
        }
    }

    /// Counts a request to a source. `verdict` is one of a closed set of words.
    pub fn received(&self, verdict: &'static str) {
        self.requests.get_or_create(&VerdictLabel { verdict: Word(verdict) }).inc();
    }

    pub(crate) fn recorded(&self, outcome: &OutcomeWrite) {
        if let Step::Final(state) = outcome.step {
            let state = Word(state.state().as_str());
            self.finished.get_or_create(&StateLabel { state }).inc();
        }
    }

    pub(crate) fn batch_committed(&self, items: usize) {
        self.batches.inc();
        self.batch_items.observe(items as f64);
    }

    pub(crate) fn orphan(&self) {
        self.orphans.inc();
    }

    /// Rows that were stored and not handed over, since the start.
    pub fn orphans(&self) -> u64 {
        self.orphans.get()
    }

    pub(crate) fn sample(&self, in_flight: u32, journal_waiting: usize) {
        self.in_flight.set(i64::from(in_flight));
        self.journal_waiting.set(i64::try_from(journal_waiting).unwrap_or(i64::MAX));
    }

    /// Feed and front door count for themselves; what they have counted is taken over.
    pub(crate) fn sample_live(&self, streams: usize, missed: u64, unrecorded: u64) {
        self.live_streams.set(i64::try_from(streams).unwrap_or(i64::MAX));
        self.live_missed.inner().store(missed, Ordering::Relaxed);
        self.requests_unrecorded.inner().store(unrecorded, Ordering::Relaxed);
    }

    /// All metrics in the text form of `OpenMetrics`.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(8 * 1024);
        if encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}
