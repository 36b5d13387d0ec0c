//! E25: random lives. Whatever is published, changed, retried, cancelled, lost and killed, in whatever order: in the end
//! everything has its outcome, nothing vanished, and only a death repeats an attempt.

mod judge;
mod script;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::rate::Rate;
use stentor_engine::clock::ManualClock;
use stentor_engine::commands::CommandOutcome;
use stentor_engine::shard::LaneLimits;
use stentor_engine::webhooks::WebhookChange;
use stentor_store::Deliveries;
use stentor_store::deliveries::DeliveryFilter;
use stentor_testkit::faulty_store::{Batches, CommitFault};
use tokio::sync::Semaphore;

use self::script::{Came, note, script};
use super::support::*;

const ACTS: u32 = 40;
const KINDS: [&str; 4] = ["plain", "ordered", "narrow", "limited"];

/// One seed's life.
struct Life {
    rng: Rng,
    clock: Arc<ManualClock>,
    receiver: Arc<Receiver>,
    /// Lets slow answers go.
    gate: Arc<Semaphore>,
    /// Deaths so far, and which of them each request came after.
    deaths: Arc<AtomicU64>,
    came: Came,
    setup: Setup,
    database: Database,
    tenant: TenantId,
    webhooks: Vec<WebhookId>,
    published: u64,
    acknowledged: Arc<Mutex<Vec<EventId>>>,
    /// Requests of a cancelled delivery when its cancellation was acknowledged.
    cancelled: HashMap<DeliveryId, usize>,
}

impl Life {
    fn new(seed: u64) -> (Self, Process) {
        let mut rng = Rng::with_seed(seed);
        let (clock, gate) = (manual_clock(), Arc::new(Semaphore::new(0)));
        let (deaths, came) = (Arc::<AtomicU64>::default(), Came::default());
        let receiver = Receiver::new(clock.clone(), script(seed, &gate, &deaths, &came));
        let lane = LaneLimits { rows: rng.usize(2..20), ..LaneLimits::default() };
        let permits = rng.u32(8..64);
        let setup = Setup::new(clock.clone(), &receiver).with(|options| {
            options.lane = lane;
            options.permits = permits;
        });
        let database = Database::new();
        let process = Process::start(&database, &setup);
        let (tenant, webhooks) = process.run(async {
            let id = tenant(&*process.store, "t").await;
            let mut webhooks = Vec::new();
            for kind in KINDS {
                let made = webhook(&*process.store, id, kind, |webhook| {
                    webhook.config.policy = waits(&[0, 1, 2, 3]);
                    webhook.config.ordered = kind == "ordered";
                    webhook.config.limits.concurrency = (kind == "narrow").then_some(2);
                    let rate = Rate { count: 20, period: seconds(5) };
                    webhook.config.limits.rate = (kind == "limited").then_some(rate);
                });
                webhooks.push(made.await.id);
            }
            (id, webhooks)
        });
        let life = Self {
            rng,
            clock,
            receiver,
            gate,
            deaths,
            came,
            setup,
            database,
            tenant,
            webhooks,
            published: 0,
            acknowledged: Arc::default(),
            cancelled: HashMap::new(),
        };
        (life, process)
    }

    fn act(&mut self, process: Process) -> Process {
        match self.rng.u32(0..100) {
            0..40 => self.publish(&process),
            40..60 => {
                self.gate.add_permits(self.rng.usize(0..10));
                self.clock.advance(Duration::from_millis(self.rng.u64(0..3_000)));
            }
            60..68 => self.change(&process),
            68..76 => self.retry(&process),
            76..84 => self.cancel(&process),
            84..90 => self.fail(&process),
            90..95 => process.run(tokio::task::yield_now()),
            95..98 => return self.die(process),
            _ => {
                self.gate.add_permits(1_000);
                process.stop();
                return self.start();
            }
        }
        process
    }

    fn start(&self) -> Process {
        self.clock.advance(Duration::from_millis(10));
        Process::start(&self.database, &self.setup)
    }

    fn die(&self, process: Process) -> Process {
        process.die();
        self.deaths.fetch_add(1, Ordering::SeqCst);
        self.start()
    }

    fn publish(&mut self, process: &Process) {
        let kind = KINDS[self.rng.usize(0..KINDS.len())];
        let numbers = self.published..self.published + self.rng.u64(1..15);
        self.published = numbers.end;
        let (engine, tenant) = (process.engine.clone(), self.tenant);
        let acknowledged = Arc::clone(&self.acknowledged);
        let publishing = process.spawn(async move {
            for n in numbers {
                if let Ok(published) = publish(&engine, tenant, kind, n).await {
                    acknowledged.lock().unwrap().push(published.id);
                }
            }
        });
        // Some are waited for, others run into whatever comes next.
        if self.rng.bool() {
            process.run(publishing).expect("no panic");
        }
    }

    fn change(&mut self, process: &Process) {
        let index = self.rng.usize(0..self.webhooks.len());
        let id = self.webhooks[index];
        let change = WebhookChange { active: Some(self.rng.bool()), ..WebhookChange::default() };
        if self.rng.u32(0..12) == 0 && index == 0 {
            // A deleted one may be deleted again: then it is not found.
            let _ = process.run(process.engine.delete_webhook(self.tenant, id));
        } else {
            let _ = process.run(process.engine.change_webhook(self.tenant, id, change));
        }
    }

    fn any_delivery(&mut self, process: &Process) -> Option<DeliveryId> {
        let filter = DeliveryFilter::default();
        let page = process.run(process.store.deliveries(self.tenant, &filter, None, 200)).expect("a list");
        let index = self.rng.usize(0..page.rows.len().max(1));
        page.rows.get(index).map(|row| row.id)
    }

    fn retry(&mut self, process: &Process) {
        let Some(id) = self.any_delivery(process) else { return };
        self.cancelled.remove(&id);
        // Not stored after a fault; then it was not promised either.
        let _ = process.run(process.engine.retry(self.tenant, id));
    }

    fn cancel(&mut self, process: &Process) {
        let Some(id) = self.any_delivery(process) else { return };
        if let Ok(CommandOutcome::Done) = process.run(process.engine.cancel(self.tenant, id)) {
            self.cancelled.insert(id, self.receiver.count_if(|visit| visit.delivery == id));
        }
    }

    fn fail(&mut self, process: &Process) {
        let faults = [CommitFault::NotCommitted, CommitFault::UnknownAndLost, CommitFault::UnknownAndStored];
        process.store.fail_next(Batches::All, faults[self.rng.usize(0..faults.len())]);
    }

    /// Lets everything come to its end.
    fn settle(&self, process: &Process) {
        self.receiver.now_answers({
            let (deaths, came) = (Arc::clone(&self.deaths), Arc::clone(&self.came));
            move |visit| {
                note(visit, &deaths, &came);
                Answer::Status(200)
            }
        });
        self.gate.add_permits(100_000);
        // What was answered by the old script may still disable its webhook.
        process.until_sums("what is on its way ends", |_| is_at_rest(process));
        for id in &self.webhooks {
            let resume = WebhookChange { active: Some(true), ..WebhookChange::default() };
            let _ = process.run(process.engine.change_webhook(self.tenant, *id, resume));
        }
        let mut steps_left = 200;
        process.until_sums("everything has its outcome", |sums| {
            // Time passes only while nothing else moves: no machine is slower than the real clock.
            if sums.pending > 0 && is_at_rest(process) && steps_left > 0 {
                steps_left -= 1;
                self.clock.advance(seconds(2));
            }
            sums.pending == 0
        });
    }
}

/// Whether no attempt and no write is under way.
fn is_at_rest(process: &Process) -> bool {
    ["stentor_in_flight", "stentor_journal_waiting"].iter().all(|name| gauge(&process.engine, name) == 0)
}

fn simulate(seed: u64) {
    let (mut life, mut process) = Life::new(seed);
    for _ in 0..ACTS {
        process = life.act(process);
    }
    life.settle(&process);
    life.judge(&process);
    process.die();
}

fn simulate_all(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let ended = catch_unwind(AssertUnwindSafe(|| simulate(seed)));
        assert!(ended.is_ok(), "it went wrong with seed {seed}");
    }
}

macro_rules! random_lives {
    ($($name:ident: $seeds:expr;)*) => {$(
        #[test]
        fn $name() {
            simulate_all($seeds);
        }
    )*};
}

random_lives! {
    e25_random_lives_0: 0..25;
    e25_random_lives_1: 25..50;
    e25_random_lives_2: 50..75;
    e25_random_lives_3: 75..100;
    e25_random_lives_4: 100..125;
    e25_random_lives_5: 125..150;
    e25_random_lives_6: 150..175;
    e25_random_lives_7: 175..200;
}
