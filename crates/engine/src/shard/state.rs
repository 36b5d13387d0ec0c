//! The pure step of a shard: told something, it changes its lanes and answers what is to be done (engine rule E2).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use stentor_core::delivery::{CancelReason, FinalState};
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_core::rate::RateGate;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::lanes::LaneKey;

use super::input::{Action, Attempted, Handed, Input, PageRows, ReadKind, RecordAnswer, Recorded};
use super::lane::{Failing, FlightPhase, Lane, LaneLimits};
use super::requests::Withdrawal;
use super::{LEFTOVER_ROWS, READ_PAUSE};
use crate::permits::{Granted, Standing};

/// Starts older than this matter to no rate: longer than the longest period.
const STARTS_KEPT: Duration = Duration::from_secs(2 * 86_400);
/// An idle lane is dropped after this long.
const IDLE: Duration = Duration::from_secs(300);

/// Where a lane gets its permits; the real one is shared by all shards.
pub trait PermitSource {
    /// Takes a permit, or notes that the lane waits for one.
    fn acquire(&mut self, tenant: TenantId, lane: LaneKey, standing: Standing) -> bool;
    /// Gives one back.
    fn release(&mut self, tenant: TenantId, standing: Standing) -> Option<Granted>;
    /// Parks a request. False when it keeps its permit.
    fn park(&mut self, tenant: TenantId, standing: Standing) -> (bool, Option<Granted>);
    /// A parked request ended.
    fn unpark(&mut self);
    /// Takes the one place of deliveries that run alone.
    fn acquire_alone(&mut self) -> bool;
    /// Gives that place back.
    fn release_alone(&mut self);
}

/// What every part of a step has at hand.
pub(super) struct Turn<'a> {
    pub(super) now: Time,
    pub(super) permits: &'a mut dyn PermitSource,
    pub(super) actions: &'a mut Vec<Action>,
}

/// How a shard begins.
#[derive(Debug, Clone, Copy)]
pub struct ShardOptions {
    /// Bounds of each lane.
    pub lane: LaneLimits,
    /// When the process started: what was accepted before may have been in flight when the previous one ended.
    pub started_at: Time,
    /// Whether the previous process ended without an orderly stop.
    pub after_unclean_end: bool,
    /// Since when every start of an attempt is known: what started before may have been by a process that died.
    pub starts_known_since: Time,
}

/// The lanes of one shard.
pub struct ShardState {
    pub(super) options: ShardOptions,
    pub(super) lanes: HashMap<WebhookId, Lane>,
    /// One live entry per lane; an entry whose time is not the lane's any more is passed over.
    timers: BinaryHeap<Reverse<(Time, WebhookId)>>,
    pub(super) draining: bool,
    /// Deliveries withdrawn before they were handed over: a reader of the store can be quicker than the hand-over.
    pub(super) withdrawn: HashMap<DeliveryId, Withdrawal>,
    /// Webhooks without a lane that have rows in the store: stopped ones, and those whose lane is being opened. A lane that
    /// is made for a hand-over before reads what was there before.
    pub(super) unread: HashSet<WebhookId>,
    /// Starts before the process began, of webhooks whose lanes were not made yet.
    pub(super) kept_starts: HashMap<WebhookId, Vec<Time>>,
}

impl ShardState {
    /// A shard without lanes.
    pub fn new(options: ShardOptions) -> Self {
        Self::resuming(options, HashMap::new())
    }

    /// The same, knowing what started before the process began.
    pub fn resuming(options: ShardOptions, kept_starts: HashMap<WebhookId, Vec<Time>>) -> Self {
        Self {
            options,
            lanes: HashMap::new(),
            timers: BinaryHeap::new(),
            draining: false,
            withdrawn: HashMap::new(),
            unread: HashSet::new(),
            kept_starts,
        }
    }

    /// When the shard wants to be woken.
    pub fn next_wake(&self) -> Option<Time> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Deliveries that are being attempted: started, outcome not committed (engine rule E22).
    pub fn in_flight(&self) -> usize {
        self.lanes.values().map(|lane| lane.flights.len()).sum()
    }

    /// Takes one input. `jitter` draws a number in `-1.0..=1.0`.
    pub fn step(
        &mut self,
        input: Input,
        now: Time,
        jitter: &mut dyn FnMut() -> f64,
        permits: &mut dyn PermitSource,
        actions: &mut Vec<Action>,
    ) {
        let turn = &mut Turn { now, permits, actions };
        match input {
            Input::Handed(rows) => self.handed(rows, turn),
            Input::NotStarted(webhook, delivery) => self.not_started(webhook, delivery, turn),
            Input::Attempted(attempted) => self.attempted(*attempted, jitter(), turn),
            Input::Recorded(outcomes) => self.recorded(&outcomes, turn),
            Input::Written(key, written) => self.written(key, *written, turn),
            Input::Page(key, rows) => self.page(key, *rows, turn),
            Input::Configure(webhook) => self.configure(&webhook, turn),
            Input::Found(waiting) => self.found(&waiting, turn),
            Input::Open(waiting, webhook) => self.open(&waiting, &webhook, turn),
            Input::Granted(granted) => self.granted(granted, turn),
            Input::Due(key, tenant, delivery, at) => self.due(key, tenant, delivery, at, turn),
            Input::Withdraw(key, delivery, reply) => {
                let _ = reply.send(self.withdraw(key, delivery, now));
            }
            Input::Withdrawn(key, delivery) => self.has_ended(key, delivery, turn),
            Input::Reread(key, tenant) => self.reread(key, tenant, turn),
            Input::Health(webhook, failing_since) => {
                if let Some(lane) = self.lanes.get_mut(&webhook) {
                    lane.failing.learn(failing_since);
                }
            }
            Input::Look(webhook, reply) => {
                let _ = reply.send(self.look(webhook, now));
            }
            Input::Drain(reply) => {
                self.draining = true;
                let _ = reply.send(self.starts(now));
            }
            Input::Wake => self.wake(turn),
        }
    }

    /// What the next process must know of starts: of each lane with a rate, and of those that were not made.
    fn starts(&self, now: Time) -> Vec<(WebhookId, Vec<Time>)> {
        let of_lane = |lane: &Lane| lane.gate.as_ref().map(|gate| gate.starts(now));
        let own = self.lanes.values().filter_map(|lane| Some((lane.key.webhook, of_lane(lane)?)));
        let kept = self.kept_starts.iter().map(|(webhook, starts)| (*webhook, starts.clone()));
        let matters = |starts: &[Time]| starts.iter().any(|at| now.since(*at) < STARTS_KEPT);
        own.chain(kept).filter(|(_, starts)| matters(starts)).collect()
    }

    fn handed(&mut self, rows: Vec<Handed>, turn: &mut Turn<'_>) {
        let mut touched: Vec<WebhookId> = Vec::new();
        for row in rows {
            let webhook = row.webhook.id;
            if !self.withdrawn.is_empty() && self.withdrawn.remove(&row.pending.id).is_some() {
                continue;
            }
            self.lane(&row.webhook, turn.now).take(row.pending, row.content);
            if touched.last() != Some(&webhook) && !touched.contains(&webhook) {
                touched.push(webhook);
            }
        }
        for webhook in touched {
            self.pump(webhook, turn);
        }
    }

    /// The webhook's lane, made if there is none. A lane made here has no stored rows that it does not know of: lanes are
    /// dropped only when they have none, and what else is in the store is in `unread`.
    pub(super) fn lane(&mut self, webhook: &Arc<Webhook>, now: Time) -> &mut Lane {
        let (options, unread, kept_starts) = (self.options, &mut self.unread, &mut self.kept_starts);
        self.lanes.entry(webhook.id).or_insert_with(|| {
            let kept = kept_starts.remove(&webhook.id);
            let mut lane = new_lane(webhook, options, kept, Failing::Unknown, now);
            // A webhook may be published to before its lane is told that it is resumed, or opened at all.
            if unread.remove(&webhook.id) {
                lane.forget_memory();
            }
            lane
        })
    }

    fn recorded(&mut self, outcomes: &[Recorded], turn: &mut Turn<'_>) {
        for outcome in outcomes {
            let Some(lane) = self.lanes.get_mut(&outcome.webhook) else { continue };
            let Some(flight) = lane.flights.remove(&outcome.delivery) else { continue };
            lane.note_changed(outcome.delivery);
            give_back(lane.tenant, flight.permit, flight.alone, turn);
            if let Some(version) = outcome.disabled.filter(|version| *version > lane.webhook.version) {
                let mut webhook = Webhook::clone(&lane.webhook);
                // The reason is in the store; the lane only needs to know that it must not start anything.
                webhook.status = WebhookStatus::Paused;
                webhook.version = version;
                lane.webhook = Arc::new(webhook);
                lane.forget_memory();
            }
            if flight.withdraw && flight.retry_at.is_some() && outcome.answer == RecordAnswer::Applied {
                // The wish came while the outcome was being written.
                let state = FinalState::Cancelled(CancelReason::Requested);
                turn.actions.push(super::record::finish(lane.key, vec![outcome.delivery], state, turn.now));
                lane.withdrawing.insert(outcome.delivery);
                let withdrawal = Withdrawal { at: turn.now, has_ended: false };
                self.withdrawn.insert(outcome.delivery, withdrawal);
                continue;
            }
            match (outcome.answer, flight.retry_at) {
                (RecordAnswer::Superseded, _) if lane.is_ordered() => lane.forget_memory(),
                (answer, Some(at)) if lane.is_ordered() => {
                    let mut queued = flight.queued;
                    if answer == RecordAnswer::Applied {
                        queued.pending.attempts += 1;
                        queued.pending.claims = 0;
                    }
                    queued.pending.due_at = Some(at);
                    lane.push_head(queued);
                }
                (_, Some(at)) => lane.note_due(at),
                (RecordAnswer::Superseded, None) => lane.note_due(turn.now),
                (RecordAnswer::Applied | RecordAnswer::Refused, None) => {}
            }
        }
        let mut touched: Vec<WebhookId> = outcomes.iter().map(|outcome| outcome.webhook).collect();
        touched.sort_unstable();
        touched.dedup();
        for webhook in touched {
            self.pump(webhook, turn);
        }
    }

    fn page(&mut self, key: LaneKey, rows: PageRows, turn: &mut Turn<'_>) {
        let Some(lane) = self.lanes.get_mut(&key.webhook) else { return };
        let Some(mut reading) = lane.reading.take() else { return };
        // Rows being withdrawn are in the store until that is committed.
        let ending = self.withdrawn.iter().filter(|(_, withdrawal)| !withdrawal.has_ended);
        reading.changed.extend(ending.map(|(delivery, _)| *delivery));
        match (rows, reading.kind) {
            (PageRows::ByPosition(_) | PageRows::Due(_), kind)
                if reading.stale && !matches!(kind, ReadKind::Leftover { .. }) => {}
            (PageRows::ByPosition(rows), ReadKind::Leftover { .. }) => self.cancel_leftover(key, &rows, turn),
            (PageRows::ByPosition(rows), kind) => {
                let rows_max = lane.page_rows(kind) as usize;
                lane.take_page(rows, rows_max, &reading);
            }
            (PageRows::Due(page), _) => lane.take_due(page.rows, page.next_due, &reading),
            (PageRows::Failed, _) => {
                lane.read_not_before = turn.now.plus(READ_PAUSE);
                if let Some(due) = reading.due_since {
                    lane.note_due(due);
                }
            }
        }
        self.pump(key.webhook, turn);
    }

    fn wake(&mut self, turn: &mut Turn<'_>) {
        while let Some(Reverse((at, webhook))) = self.timers.peek().copied() {
            if at > turn.now {
                return;
            }
            self.timers.pop();
            let current = self.lanes.get_mut(&webhook).filter(|lane| lane.wake_at == Some(at));
            if let Some(lane) = current {
                lane.wake_at = None;
                if lane.can_be_dropped() && turn.now.since(lane.last_active) >= kept_for(lane) {
                    if !lane.webhook.status.delivers() {
                        self.unread.insert(webhook);
                    }
                    self.lanes.remove(&webhook);
                } else {
                    self.pump(webhook, turn);
                }
            }
        }
    }

    /// Sets the lane's one timer to the earliest of what it waits for.
    pub(super) fn set_timer(&mut self, webhook: WebhookId, at: Option<Time>) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let idle_at = lane.can_be_dropped().then(|| lane.last_active.plus(kept_for(lane)));
        let Some(at) = [at, idle_at].into_iter().flatten().min() else { return };
        if lane.wake_at.is_none_or(|current| at < current) {
            lane.wake_at = Some(at);
            self.timers.push(Reverse((at, webhook)));
        }
    }

    /// The rows of a deleted webhook become cancelled, a chunk at a time (engine rule E15).
    fn cancel_leftover(
        &mut self,
        key: LaneKey,
        rows: &[stentor_store::lanes::LoadedDelivery],
        turn: &mut Turn<'_>,
    ) {
        let Some(lane) = self.lanes.get_mut(&key.webhook) else { return };
        let idle = rows.iter().map(|row| row.pending.id).filter(|id| !lane.flights.contains_key(id));
        let ids: Vec<DeliveryId> = idle.take(LEFTOVER_ROWS as usize).collect();
        if ids.is_empty() {
            lane.spilled = false;
            lane.next_due = None;
        } else {
            turn.actions.push(super::record::cancel(key, ids, turn.now));
            lane.read_not_before = Time::from_micros(i64::MAX);
        }
    }

    /// An attempt could not be made because the database did not answer: that is no outcome. Everything is read again.
    fn not_started(&mut self, webhook: WebhookId, delivery: DeliveryId, turn: &mut Turn<'_>) {
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let Some(flight) = lane.flights.remove(&delivery) else { return };
        lane.on_wire = lane.on_wire.saturating_sub(1);
        give_back(lane.tenant, flight.permit, flight.alone, turn);
        lane.forget_memory();
        lane.read_not_before = turn.now.plus(READ_PAUSE);
        self.pump(webhook, turn);
    }

    /// Notes an attempt that ended and asks for its outcome to be written.
    fn attempted(&mut self, attempted: Attempted, jitter: f64, turn: &mut Turn<'_>) {
        let webhook = attempted.webhook;
        let Some(lane) = self.lanes.get_mut(&webhook) else { return };
        let Some(flight) = lane.flights.get(&attempted.delivery) else { return };
        if !matches!(flight.phase, FlightPhase::OnWire { .. }) {
            return;
        }
        lane.on_wire = lane.on_wire.saturating_sub(1);
        lane.pace.ended(&attempted.outcome, attempted.duration);
        super::record::outcome(lane, attempted, turn.now, jitter, turn.actions);
        self.pump(webhook, turn);
    }
}

/// Gives back what a flight held.
pub(super) fn give_back(tenant: TenantId, permit: Option<Standing>, alone: bool, turn: &mut Turn<'_>) {
    match permit {
        Some(standing) => {
            if let Some(granted) = turn.permits.release(tenant, standing) {
                turn.actions.push(Action::Forward(granted));
            }
        }
        None => turn.permits.unpark(),
    }
    if alone {
        turn.permits.release_alone();
    }
}

/// How long an idle lane is kept: its starts within the period of its rate are known nowhere else.
fn kept_for(lane: &Lane) -> Duration {
    lane.gate.as_ref().map_or(IDLE, |gate| IDLE.max(gate.rate().period.saturating_mul(2)))
}

fn new_lane(
    webhook: &Arc<Webhook>,
    options: ShardOptions,
    kept_starts: Option<Vec<Time>>,
    failing: Failing,
    now: Time,
) -> Lane {
    let mut lane = Lane::new(Arc::clone(webhook), options.lane, failing, now);
    if options.after_unclean_end {
        lane.claim_before = options.started_at.as_micros();
    }
    if let Some(rate) = webhook.config.effective_limits().rate {
        let known_since = options.starts_known_since;
        if let Some(kept) = kept_starts {
            lane.gate = Some(RateGate::resumed(rate, &kept));
        } else if webhook.created_at < known_since && now.since(known_since) < rate.period {
            // What started before a process died is not known: the window counts as used up (engine rule E14).
            lane.gate = Some(RateGate::full(rate, known_since));
        }
    }
    lane
}
