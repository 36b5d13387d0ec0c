//! One webhook's lane: which of its pending deliveries are in memory, and which are being attempted.
//!
//! A lane is *live* while memory holds every fresh row that the store has; it *spills* when memory is full and then pages
//! (engine rule E2). Rows that wait for a time stay in the store; the lane knows only when the earliest is due (E9).
//! An ordered lane keeps its head in memory until it is final (E5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{BatchId, DeliveryId, TenantId};
use stentor_core::policy::Policy;
use stentor_core::rate::RateGate;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::lanes::LaneKey;

use super::batching::Gathering;
use super::pace::Pace;
use super::paging::Reading;
use crate::permits::Standing;

/// A delivery in memory.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The row.
    pub pending: PendingDelivery,
    /// What it delivers; read when it is sent if it is large.
    pub content: Option<Arc<EventContent>>,
    /// In a lane that gathers: what it takes of a body.
    pub(super) weight: usize,
}

impl Queued {
    /// A delivery on its way into memory.
    pub const fn new(pending: PendingDelivery, content: Option<Arc<EventContent>>) -> Self {
        Self { pending, content, weight: 0 }
    }
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlightPhase {
    /// Its claim is being written (engine rule E22).
    Claiming,
    /// On the wire.
    OnWire {
        /// Since when.
        since: Time,
    },
    /// Its outcome is being written.
    Recording,
}

/// A delivery that is being attempted: from start until its outcome is committed.
#[derive(Debug)]
pub struct Flight {
    /// The delivery.
    pub queued: Queued,
    /// How far it has come.
    pub phase: FlightPhase,
    /// The standing its permit is counted under; none once parked.
    pub permit: Option<Standing>,
    /// Whether it was asked to be withdrawn.
    pub withdraw: bool,
    /// When the next attempt is due, once its outcome is known to be another try.
    pub retry_at: Option<Time>,
    /// Whether it runs alone because a process ended while it was in flight before.
    pub alone: bool,
    /// Whether its outcome is to disable the webhook.
    pub disables: bool,
    /// The member of its batch that leads, unless it does itself.
    pub leader: Option<DeliveryId>,
    /// The members that it leads, in order.
    pub others: Vec<DeliveryId>,
    /// The batch that it stays in when it is tried again.
    pub kept: Option<BatchId>,
}

/// Since when a webhook has had only failures, as far as its lane knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// The store may know.
    Unknown,
    /// Its last attempt was a success.
    No,
    /// Since this time.
    Since(Time),
}

impl Failing {
    /// The time, if it is known to fail.
    pub fn since(self) -> Option<Time> {
        match self {
            Self::Since(since) => Some(since),
            Self::Unknown | Self::No => None,
        }
    }

    /// Takes what the store says. A success since then is newer.
    pub fn learn(&mut self, stored: Option<Time>) {
        match (*self, stored) {
            (Self::Unknown, Some(stored)) => *self = Self::Since(stored),
            (Self::Since(since), Some(stored)) => *self = Self::Since(since.min(stored)),
            (Self::Unknown | Self::Since(_), None) | (Self::No, _) => {}
        }
    }
}

/// How much a lane keeps in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// Most rows.
    pub rows: usize,
    /// Most payload bytes.
    pub bytes: usize,
    /// Data larger than this is read when it is sent.
    pub large_bytes: usize,
}

impl Default for LaneLimits {
    fn default() -> Self {
        Self { rows: 1_024, bytes: 4 * 1024 * 1024, large_bytes: 64 * 1024 }
    }
}

/// The lane.
#[derive(Debug)]
pub struct Lane {
    pub(super) key: LaneKey,
    pub(super) tenant: TenantId,
    pub(super) webhook: Arc<Webhook>,
    pub(super) policy: Policy,
    pub(super) limits: LaneLimits,
    /// Fresh rows by position; of an ordered webhook all rows.
    pub(super) memory: VecDeque<Queued>,
    pub(super) memory_bytes: usize,
    /// How fresh rows gather, if several go in one request.
    pub(super) gathering: Option<Box<Gathering>>,
    /// Whether a request can hold several events.
    pub(super) holds_batches: bool,
    /// Due rows that were read.
    pub(super) retries: VecDeque<Queued>,
    pub(super) flights: HashMap<DeliveryId, Flight>,
    /// Starts in order, to find those unanswered for too long.
    pub(super) started: VecDeque<(Time, DeliveryId)>,
    pub(super) on_wire: u32,
    pub(super) spilled: bool,
    /// Moves with every commit for this lane.
    pub(super) generation: u64,
    /// No row up to this position is in the store that is not in memory or in flight.
    pub(super) low: i64,
    pub(super) reading: Option<Reading>,
    /// Rows in memory or in flight that came from a page: their hand-over may still be on its way.
    pub(super) paged: HashSet<DeliveryId>,
    /// No read before this, after one failed.
    pub(super) read_not_before: Time,
    /// When the earliest row in the store that waits for a time is due.
    pub(super) next_due: Option<Time>,
    pub(super) retry_turn: bool,
    pub(super) pace: Pace,
    pub(super) gate: Option<RateGate>,
    pub(super) failing: Failing,
    /// Rows positioned before this may have been in flight when a process ended.
    pub(super) claim_before: i64,
    /// Permits set aside for this lane.
    pub(super) granted: VecDeque<Standing>,
    /// Withdrawals whose commit has not come: an ordered lane waits for it.
    pub(super) withdrawing: HashSet<DeliveryId>,
    pub(super) last_active: Time,
    /// When it had last been active as a sweep found it at rest with rows in the store.
    pub(super) missed_since: Option<Time>,
    pub(super) wake_at: Option<Time>,
}

impl Lane {
    /// A lane without rows.
    pub fn new(webhook: Arc<Webhook>, limits: LaneLimits, failing: Failing, now: Time) -> Self {
        let config = &webhook.config;
        let effective = config.effective_limits();
        Self {
            key: LaneKey { shard: webhook.shard, webhook: webhook.id },
            tenant: webhook.tenant,
            policy: config.effective_policy(),
            pace: Pace::new(effective.concurrency, failing.since().is_some()),
            gate: effective.rate.map(RateGate::new),
            limits,
            memory: VecDeque::new(),
            memory_bytes: 0,
            gathering: Gathering::of(&webhook),
            holds_batches: config.holds_batches(),
            retries: VecDeque::new(),
            flights: HashMap::new(),
            started: VecDeque::new(),
            on_wire: 0,
            spilled: false,
            generation: 0,
            low: i64::MIN,
            reading: None,
            paged: HashSet::new(),
            read_not_before: Time::ZERO,
            next_due: None,
            retry_turn: false,
            failing,
            claim_before: i64::MIN,
            granted: VecDeque::new(),
            withdrawing: HashSet::new(),
            last_active: now,
            missed_since: None,
            wake_at: None,
            webhook,
        }
    }

    /// Takes a committed row into memory, or notes that the store has more than memory.
    pub fn take(&mut self, pending: PendingDelivery, content: Arc<EventContent>) {
        if !self.paged.is_empty() && self.paged.contains(&pending.id) {
            return;
        }
        self.generation += 1;
        if let Some(due) = pending.due_at
            && !self.is_ordered()
        {
            self.note_due(due);
            return;
        }
        let full = self.memory.len() >= self.limits.rows || self.memory_bytes >= self.limits.bytes;
        if self.spilled || full || !self.webhook.status.delivers() {
            self.spilled = true;
            self.low = self.low.min(pending.position.saturating_sub(1));
            if let Some(reading) = &mut self.reading {
                let lowest =
                    reading.dropped_since.map_or(pending.position, |other| other.min(pending.position));
                reading.dropped_since = Some(lowest);
            }
            return;
        }
        let kept = (content.bytes() <= self.limits.large_bytes).then_some(content);
        self.remember(Queued::new(pending, kept));
    }

    pub(super) fn remember(&mut self, mut queued: Queued) {
        self.weigh(&mut queued);
        self.low = self.low.max(queued.pending.position);
        self.memory_bytes += bytes_of(&queued);
        let after = self
            .memory
            .iter()
            .rev()
            .take_while(|other| other.pending.position > queued.pending.position)
            .count();
        let at = self.memory.len() - after;
        self.memory.insert(at, queued);
    }

    /// Takes the lowest row out of memory.
    pub fn pop_memory(&mut self) -> Option<Queued> {
        let queued = self.memory.pop_front()?;
        self.memory_bytes = self.memory_bytes.saturating_sub(bytes_of(&queued));
        Some(queued)
    }

    /// Puts a row back, mostly at the head: an ordered lane waits for it.
    pub fn put_in_place(&mut self, mut queued: Queued) {
        self.weigh(&mut queued);
        self.memory_bytes += bytes_of(&queued);
        let at = self.memory.partition_point(|other| other.pending.position < queued.pending.position);
        self.memory.insert(at, queued);
    }

    /// Forgets what is in memory; the store has it all.
    pub fn forget_memory(&mut self) {
        self.memory.clear();
        self.memory_bytes = 0;
        self.retries.clear();
        self.paged.retain(|id| self.flights.contains_key(id));
        self.spilled = true;
        self.low = i64::MIN;
        self.next_due = Some(Time::ZERO);
        if let Some(reading) = &mut self.reading {
            reading.stale = true;
        }
    }

    /// Notes that a stored row is due at a time.
    pub fn note_due(&mut self, at: Time) {
        self.next_due = Some(self.next_due.map_or(at, |known| known.min(at)));
        if let Some(reading) = &mut self.reading {
            reading.due_since = Some(reading.due_since.map_or(at, |known| known.min(at)));
        }
    }

    /// Notes that an attempt is over: by now the hand-over of its row, if it was late, has come.
    /// The same holds for a row that ended otherwise.
    pub fn note_changed(&mut self, delivery: DeliveryId) {
        self.paged.remove(&delivery);
        if let Some(reading) = &mut self.reading {
            reading.changed.insert(delivery);
        }
    }

    /// Takes a row that must not start out of memory.
    pub fn remove(&mut self, delivery: DeliveryId) {
        self.memory.retain(|queued| queued.pending.id != delivery);
        self.retries.retain(|queued| queued.pending.id != delivery);
        self.count_memory();
    }

    /// Counts the bytes in memory anew.
    pub(super) fn count_memory(&mut self) {
        self.memory_bytes = self.memory.iter().map(bytes_of).sum();
    }

    /// Whether order is kept.
    pub fn is_ordered(&self) -> bool {
        self.webhook.config.ordered
    }

    /// Whether nothing would be lost by dropping the lane.
    pub fn can_be_dropped(&self) -> bool {
        if self.webhook.status.delivers() {
            // Since when it fails decides when it is disabled.
            return self.is_idle() && self.failing.since().is_none();
        }
        // A stopped lane reads everything again when it is resumed.
        let swept = self.webhook.status != WebhookStatus::Deleted || !self.spilled && self.next_due.is_none();
        swept && self.flights.is_empty() && self.reading.is_none() && self.granted.is_empty()
    }

    /// Whether there is nothing to do now or later that the lane knows of.
    pub fn is_idle(&self) -> bool {
        self.memory.is_empty()
            && self.retries.is_empty()
            && self.flights.is_empty()
            && self.reading.is_none()
            && self.granted.is_empty()
            && !self.spilled
            && self.next_due.is_none()
    }
}

fn bytes_of(queued: &Queued) -> usize {
    queued.content.as_ref().map_or(0, |content| content.bytes()) + 256
}
