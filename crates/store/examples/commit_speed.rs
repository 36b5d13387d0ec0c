//! How long the hot path takes: batches of accepts and outcomes, 200 each unless told otherwise, of 1 KiB events. Prints microseconds per event.
//!
//! `cargo run --release -p stentor-store --example commit_speed [batches] [tenants] [folder] [per batch]`
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement by hand")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::delivery::FinalState;
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::retry::{HealthChange, Step};
use stentor_core::shard::Shard;
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;
use stentor_store::journal::{CommitResult, NewDelivery, NewEvent, OutcomeWrite, Write, Written};
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;
use stentor_store::{Events, Journal, Maintenance, Tenants};

/// Accepts, and outcomes, of a batch.
fn per_batch() -> usize {
    std::env::args().nth(4).and_then(|text| text.parse().ok()).unwrap_or(200)
}

struct Source {
    entropy: u64,
    now: Time,
    lanes: Vec<(TenantId, WebhookId)>,
    data: Bytes,
}

impl Source {
    fn bits(&mut self) -> u64 {
        self.entropy =
            self.entropy.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.entropy ^ (self.entropy >> 29)
    }

    fn event(&mut self) -> NewEvent {
        self.now = self.now.plus(Duration::from_micros(25));
        let at = self.bits() as usize % self.lanes.len();
        let ((tenant, webhook), now) = (self.lanes[at], self.now);
        let content = EventContent {
            id: EventId::new(now, self.bits()),
            event_type: EventType::parse("workflow.completed").expect("a type"),
            time: now,
            content_type: "application/json".into(),
            data: self.data.clone(),
            previous_data: None,
        };
        let delivery = NewDelivery {
            id: DeliveryId::new(now, self.bits()),
            webhook,
            shard: Shard::of(webhook),
            position: now.as_micros(),
            ordered: false,
            due_at: None,
        };
        let event = Event {
            tenant,
            content: Arc::new(content),
            accepted_at: now,
            subject: None,
            metadata: None,
            origin: Origin::Api,
            config_version: 1,
            matched: 1,
        };
        NewEvent { event, idempotency: None, deliveries: vec![delivery] }
    }
}

fn outcome(of: &NewEvent, now: Time) -> Write {
    let delivery = &of.deliveries[0];
    Write::Outcome(Box::new(OutcomeWrite {
        tenant: of.event.tenant,
        event: of.event.content.id,
        webhook: delivery.webhook,
        attempt: Attempt {
            delivery: delivery.id,
            number: 1,
            started_at: now,
            duration: Duration::from_millis(3),
            outcome: AttemptOutcome::Delivered { status: 200 },
            response: None,
        },
        step: Step::Final(FinalState::Delivered),
        health: HealthChange::Unchanged,
        disable: None,
        fallback: None,
        now,
    }))
}

/// Processor time of the whole process so far.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<u64>().expect("a number");
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

async fn run(folder: &Path, batches: usize, tenants: u64) {
    let store = SqliteStore::open(&folder.join("speed.db"), &MasterKey::from_bytes([1; 32])).expect("opens");
    let start = Time::from_seconds(1_700_000_000);
    let mut source =
        Source { entropy: 1, now: start, lanes: Vec::new(), data: Bytes::from(vec![b'x'; 1024]) };
    for n in 0..tenants {
        let tenant = TenantId::new(start, source.bits());
        let tenant = Tenant {
            id: tenant,
            name: n.to_string(),
            plan: "x".into(),
            config_version: 1,
            created_at: start,
        };
        store.create_tenant(&tenant).await.expect("stores");
        let webhook = WebhookId::new(start, source.bits());
        source.lanes.push((tenant.id, webhook));
    }
    let (mut spent, mut slowest, mut previous) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let processor_before = processor_time();
    for _ in 0..batches {
        let events: Vec<NewEvent> = (0..per_batch()).map(|_| source.event()).collect();
        let now = source.now;
        let mut batch: Vec<Write> = previous.iter().map(|event| outcome(event, now)).collect();
        batch.extend(events.iter().map(|event| Write::Accept(Box::new(event.clone()))));
        previous = events;
        let began = Instant::now();
        let result = store.commit(batch.into()).await;
        let took = began.elapsed();
        spent += took;
        slowest = slowest.max(took);
        let CommitResult::Committed(written) = result else { panic!("not committed: {result:?}") };
        let good =
            |one: &Written| matches!(one, Written::Accepted { .. } | Written::Recorded { applied: true, .. });
        assert!(written.iter().all(good));
    }
    let processor = processor_time() - processor_before;
    let events = (batches * per_batch()) as f64;
    let per_event = |time: Duration| time.as_secs_f64() * 1e6 / events;
    println!(
        "{events} events, {tenants} tenants: {:.2} µs in commit, {:.2} µs of processor per event, slowest commit {slowest:?}",
        per_event(spent),
        per_event(processor)
    );
    let began = Instant::now();
    let sums = store.conservation(None).await.expect("sums");
    println!("conservation with all hours open: {:?}, holds: {}", began.elapsed(), sums.holds());
    let began = Instant::now();
    store.close_hours(source.now.plus(Duration::from_secs(61))).await.expect("closes");
    println!("closing: {:?}", began.elapsed());
    let began = Instant::now();
    let sums = store.conservation(None).await.expect("sums");
    println!("conservation with all hours closed: {:?}, holds: {}", began.elapsed(), sums.holds());
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let batches = arguments.next().map_or(500, |text| text.parse().expect("a number of batches"));
    let tenants = arguments.next().map_or(1, |text| text.parse().expect("a number of tenants"));
    match arguments.next() {
        Some(folder) => run(Path::new(&folder), batches, tenants).await,
        None => {
            let folder = tempfile::tempdir().expect("a folder");
            run(folder.path(), batches, tenants).await;
        }
    }
}
