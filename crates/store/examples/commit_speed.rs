//! How long the hot path takes: batches of accepts and outcomes, 200 deliveries each unless told otherwise, of 1 KiB events.
//! Prints microseconds per delivery.
//!
//! `cargo run --release -p stentor-store --example commit_speed [batches] [tenants] [folder] [per batch] [fan-out]`
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
use stentor_core::tenant::{Tenant, TenantSettings};
use stentor_core::time::Time;
use stentor_store::journal::{CommitResult, NewDelivery, NewEvent, OutcomeWrite, Write, Written};
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;
use stentor_store::{Events, Journal, Maintenance, Tenants};

/// Deliveries accepted, and outcomes, of a batch.
fn per_batch() -> usize {
    std::env::args().nth(4).and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// Webhooks of a tenant; each event goes to all of them.
fn fan_out() -> usize {
    std::env::args().nth(5).and_then(|text| text.parse().ok()).unwrap_or(1)
}

struct Source {
    entropy: u64,
    now: Time,
    lanes: Vec<(TenantId, Vec<WebhookId>)>,
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
        let ((tenant, webhooks), now) = (self.lanes[at].clone(), self.now);
        let content = EventContent {
            id: EventId::new(now, self.bits()),
            event_type: EventType::parse("workflow.completed").expect("a type"),
            time: now,
            subject: None,
            content_type: "application/json".into(),
            data: self.data.clone(),
            previous_data: None,
            arrival: None,
        };
        let deliveries: Vec<_> = webhooks
            .into_iter()
            .map(|webhook| NewDelivery {
                id: DeliveryId::new(now, self.bits()),
                webhook,
                shard: Shard::of(webhook),
                position: now.as_micros(),
                ordered: false,
                due_at: None,
            })
            .collect();
        let event = Event {
            tenant,
            content: Arc::new(content),
            accepted_at: now,
            metadata: None,
            origin: Origin::Api,
            config_version: 1,
            matched: deliveries.len() as u32,
        };
        NewEvent { event, idempotency: None, deliveries, message: None }
    }
}

fn outcome(of: &NewEvent, delivery: &NewDelivery, now: Time) -> Write {
    Write::Outcome(Box::new(OutcomeWrite {
        tenant: of.event.tenant,
        event: of.event.content.id,
        webhook: delivery.webhook,
        shard: delivery.shard,
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
        batch: None,
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
            default_profile: None,
            config_version: 1,
            settings: TenantSettings::default(),
            created_at: start,
        };
        store.create_tenant(&tenant).await.expect("stores");
        let webhooks = (0..fan_out()).map(|_| WebhookId::new(start, source.bits())).collect();
        source.lanes.push((tenant.id, webhooks));
    }
    let (mut spent, mut slowest, mut previous) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let processor_before = processor_time();
    for _ in 0..batches {
        let events: Vec<NewEvent> = (0..per_batch() / fan_out()).map(|_| source.event()).collect();
        let now = source.now;
        let mut batch: Vec<Write> = previous
            .iter()
            .flat_map(|event: &NewEvent| {
                event.deliveries.iter().map(move |delivery| outcome(event, delivery, now))
            })
            .collect();
        // Receivers answer in no order.
        batch.sort_by_cached_key(|_| source.bits());
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
    let deliveries = (batches * per_batch()) as f64;
    let per_delivery = |time: Duration| time.as_secs_f64() * 1e6 / deliveries;
    println!(
        "{deliveries} deliveries, {tenants} tenants: {:.2} µs in commit, {:.2} µs of processor each, slowest commit {slowest:?}",
        per_delivery(spent),
        per_delivery(processor)
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
