//! The actor of a shard: takes messages, steps the state, performs the actions.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_store::Store;
use stentor_store::lanes::{LaneKey, PageLimit, WaitingLane};
use tracing::{error, warn};

use super::Shards;
use super::input::{Action, Attempted, Input, PageRows, ReadKind};
use super::lane::LaneLimits;
use super::permit_source::SharedPermits;
use super::state::{ShardOptions, ShardState};
use crate::clock::Clock;
use crate::entropy;
use crate::feed::{AttemptStarted, Fact, Feed};
use crate::journal::{Entry, Journal};
use crate::mailbox::Inbox;
use crate::metrics::Metrics;
use crate::sender::{AttemptInput, NotStarted, Sender};

/// Messages taken at a time.
const TAKE_MAX: usize = 256;

/// What actors share.
pub(crate) struct World {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn Store>,
    pub journal: Journal,
    pub shards: Shards,
    pub sender: Arc<Sender>,
    pub permits: SharedPermits,
    pub metrics: Arc<Metrics>,
    pub feed: Arc<Feed>,
    pub lane_limits: LaneLimits,
}

/// The actor.
pub(crate) struct Actor {
    pub shard: Shard,
    pub inbox: Inbox<Input>,
    pub world: Arc<World>,
    pub options: ShardOptions,
    /// Starts before the process began, by webhook.
    pub starts: HashMap<WebhookId, Vec<Time>>,
}

impl Actor {
    /// Runs until every mailbox is gone.
    pub(crate) async fn run(mut self) {
        let mut state = ShardState::resuming(self.options, std::mem::take(&mut self.starts));
        let mut inputs = Vec::with_capacity(TAKE_MAX);
        let mut actions = Vec::new();
        loop {
            let wake_at = state.next_wake();
            tokio::select! {
                biased;
                open = self.inbox.take(&mut inputs, TAKE_MAX) => if !open { return },
                () = sleep(&*self.world.clock, wake_at) => inputs.push(Input::Wake),
            }
            let now = self.world.clock.now();
            let mut permits = self.world.permits.clone();
            for input in inputs.drain(..) {
                state.step(input, now, &mut entropy::jitter, &mut permits, &mut actions);
            }
            if state.next_wake().is_some_and(|at| at <= now) {
                state.step(Input::Wake, now, &mut entropy::jitter, &mut permits, &mut actions);
            }
            self.perform(&mut actions);
        }
    }

    fn perform(&self, actions: &mut Vec<Action>) {
        let mut entries: Vec<Entry> = Vec::new();
        for action in actions.drain(..) {
            match action {
                Action::Put(entry) => entries.push(entry),
                Action::Start(input) => self.start(input),
                Action::Read(lane, kind) => self.read(lane, kind),
                Action::Load(waiting) => self.load(waiting),
                Action::ReadHealth(lane, tenant) => self.read_health(lane, tenant),
                Action::Forward(granted) => {
                    self.world.shards.put_soon(granted.lane.shard, Input::Granted(granted));
                }
                Action::CountOrphan => {
                    warn!(shard = self.shard.0, "stored deliveries had not been handed over");
                    self.world.metrics.orphan();
                }
            }
        }
        if !entries.is_empty() {
            self.world.journal.put(entries);
        }
    }

    fn start(&self, input: AttemptInput) {
        let world = Arc::clone(&self.world);
        let shard = self.shard;
        tell_start(&world, &input);
        tokio::spawn(async move {
            let (webhook, delivery, number) = (input.webhook.id, input.delivery, input.number);
            let performed = AssertUnwindSafe(world.sender.attempt(input)).catch_unwind().await;
            let attempt = match performed {
                Ok(Ok(attempt)) => attempt,
                Ok(Err(NotStarted)) => {
                    return world.shards.put(shard, Input::NotStarted(webhook, delivery)).await;
                }
                Err(_) => {
                    // Logged where it happened. What panics once panics again: it is not tried any more.
                    error!(%webhook, %delivery, "an attempt panicked");
                    unsendable(delivery, number, world.clock.now())
                }
            };
            let attempted = Attempted {
                webhook,
                delivery,
                started_at: attempt.started_at,
                duration: attempt.duration,
                outcome: attempt.outcome,
                response: attempt.response,
            };
            world.shards.put(shard, Input::Attempted(Box::new(attempted))).await;
        });
    }

    fn read(&self, lane: LaneKey, kind: ReadKind) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            let rows = page(&world, lane, kind).await;
            world.shards.put(lane.shard, Input::Page(lane, Box::new(rows))).await;
        });
    }

    fn read_health(&self, lane: LaneKey, tenant: TenantId) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            match world.store.failing_since(tenant, lane.webhook).await {
                Ok(since) => world.shards.put(lane.shard, Input::Health(lane.webhook, since)).await,
                Err(error) => warn!(%error, webhook = %lane.webhook, "its failures could not be read"),
            }
        });
    }

    fn load(&self, waiting: Box<WaitingLane>) {
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            match world.store.lane_webhook(waiting.tenant, waiting.key.webhook).await {
                Ok(Some(webhook)) => {
                    let shard = waiting.key.shard;
                    world.shards.put(shard, Input::Open(waiting, Arc::new(webhook))).await;
                }
                // The next sweep finds it again.
                Ok(None) => warn!(webhook = %waiting.key.webhook, "pending deliveries of an unknown webhook"),
                Err(error) => warn!(%error, "a webhook could not be read"),
            }
        });
    }
}

fn tell_start(world: &World, input: &AttemptInput) {
    let Some(mut teller) = world.feed.teller() else { return };
    teller.tell(Some(input.webhook.tenant), world.clock.now(), || {
        Fact::Started(AttemptStarted {
            event: input.event,
            delivery: input.delivery,
            webhook: input.webhook.id,
            number: input.number,
        })
    });
}

fn unsendable(delivery: DeliveryId, number: u32, started_at: Time) -> Attempt {
    let (duration, outcome) = (Duration::ZERO, AttemptOutcome::Unsendable);
    Attempt { delivery, number, started_at, duration, outcome, response: None }
}

async fn sleep(clock: &dyn Clock, until: Option<Time>) {
    match until {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn page(world: &World, lane: LaneKey, kind: ReadKind) -> PageRows {
    let limits = world.lane_limits;
    let (data_bytes, page_bytes) = (limits.large_bytes as u64, limits.bytes as u64);
    let half = u32::try_from(limits.rows / 2).unwrap_or(1).max(1);
    let limit = |rows| PageLimit { rows, data_bytes, page_bytes };
    let store = &world.store;
    let rows = match kind {
        ReadKind::Fresh { after } => {
            store.fresh_page(lane, after, limit(half)).await.map(PageRows::ByPosition)
        }
        ReadKind::Ordered { after } => {
            store.ordered_page(lane, after, limit(half)).await.map(PageRows::ByPosition)
        }
        ReadKind::Due { until, rows } => store.due_page(lane, until, limit(rows)).await.map(PageRows::Due),
        ReadKind::Leftover { rows } => {
            let limit = PageLimit { rows, data_bytes: 0, page_bytes: 0 };
            store.ordered_page(lane, i64::MIN, limit).await.map(PageRows::ByPosition)
        }
    };
    rows.unwrap_or_else(|error| {
        warn!(%error, webhook = %lane.webhook, "a page could not be read");
        PageRows::Failed
    })
}
