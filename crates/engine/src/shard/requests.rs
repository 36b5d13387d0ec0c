//! What a shard is told from outside the flow of deliveries: changed webhooks, lanes found in the store, and what people
//! ask of single deliveries.

use std::sync::Arc;
use std::time::Duration;

use stentor_core::id::{DeliveryId, TenantId};
use stentor_core::rate::RateGate;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};
use stentor_store::lanes::{LaneKey, WaitingLane};

use super::ORPHAN_AGE;
use super::batching::Gathering;
use super::input::Action;
use super::lane::{Failing, Flight, FlightPhase};
use super::state::{ShardState, Turn};

/// How long a withdrawal is remembered that came before its delivery.
const WITHDRAWN_KEPT: Duration = Duration::from_secs(60);

/// What became of the wish that a delivery does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrew {
    /// It does not.
    Waiting,
    /// An attempt is in flight; the wish is noted.
    InFlight,
    /// It goes in a batch, which stays as it is (engine rule E23).
    InBatch,
}

/// A delivery that must not start.
pub(super) struct Withdrawal {
    pub(super) at: Time,
    /// Whether its end is committed, or will never be: then what a page shows of it is the truth.
    pub(super) has_ended: bool,
}

impl ShardState {
    pub(super) fn configure(&mut self, webhook: &Arc<Webhook>, turn: &mut Turn<'_>) {
        let lane = match self.lanes.get_mut(&webhook.id) {
            Some(lane) if lane.webhook.version > webhook.version => return,
            Some(lane) => lane,
            None => {
                // What a stopped webhook has in the store is not known here: read it.
                let lane = self.lane(webhook, turn.now);
                lane.forget_memory();
                lane
            }
        };
        let reordered = lane.webhook.config.ordered != webhook.config.ordered;
        let stopped = !webhook.status.delivers();
        let resumed = !lane.webhook.status.delivers() && webhook.status.delivers();
        let limits = webhook.config.effective_limits();
        lane.policy = webhook.config.effective_policy();
        lane.pace.limit(limits.concurrency);
        lane.gate = match (lane.gate.take(), limits.rate) {
            (Some(gate), Some(rate)) if gate.rate() == rate => Some(gate),
            (Some(_), Some(rate)) => Some(RateGate::full(rate, turn.now)),
            (None, Some(rate)) => Some(RateGate::new(rate)),
            (_, None) => None,
        };
        // What gathers is weighed anew: the format may be another one.
        let regathered = lane.webhook.config.batch.is_some() || webhook.config.batch.is_some();
        lane.gathering = Gathering::of(webhook);
        lane.holds_batches = webhook.config.holds_batches();
        lane.webhook = Arc::clone(webhook);
        if reordered || stopped || resumed || regathered {
            lane.forget_memory();
        }
        if resumed {
            lane.failing = Failing::Unknown;
        }
        self.pump(webhook.id, turn);
    }

    pub(super) fn found(&mut self, waiting: &WaitingLane, turn: &mut Turn<'_>) {
        let webhook = waiting.key.webhook;
        match self.lanes.get_mut(&webhook) {
            None => self.load(*waiting, turn),
            Some(lane) => {
                // A live lane at rest that has stored rows missed a hand-over, if they are not just being handed over:
                // then the next sweep finds that it has been at work.
                let missed =
                    waiting.fresh || waiting.next_due.is_some_and(|due| due.plus(ORPHAN_AGE) <= turn.now);
                let at_rest = missed && lane.is_idle() && turn.now.since(lane.last_active) > ORPHAN_AGE;
                let seen_before = at_rest && lane.missed_since == Some(lane.last_active);
                lane.missed_since = at_rest.then_some(lane.last_active);
                if seen_before {
                    turn.actions.push(Action::CountOrphan);
                    lane.forget_memory();
                    self.pump(webhook, turn);
                }
            }
        }
    }

    /// Has the webhook of stored rows read, so that its lane can be opened.
    fn load(&mut self, waiting: WaitingLane, turn: &mut Turn<'_>) {
        self.unread.insert(waiting.key.webhook);
        turn.actions.push(Action::Load(Box::new(waiting)));
    }

    pub(super) fn open(&mut self, waiting: &WaitingLane, webhook: &Arc<Webhook>, turn: &mut Turn<'_>) {
        let id = webhook.id;
        let is_stopped = matches!(webhook.status, WebhookStatus::Paused | WebhookStatus::Disabled(_));
        if is_stopped && !self.lanes.contains_key(&id) {
            self.unread.insert(id);
            return;
        }
        let lane = self.lane(webhook, turn.now);
        lane.failing.learn(waiting.failing_since);
        lane.forget_memory();
        self.pump(id, turn);
    }

    pub(super) fn due(
        &mut self,
        key: LaneKey,
        tenant: TenantId,
        delivery: DeliveryId,
        at: Time,
        turn: &mut Turn<'_>,
    ) {
        let Some(lane) = self.lanes.get_mut(&key.webhook) else {
            let waiting = WaitingLane { key, tenant, fresh: false, next_due: Some(at), failing_since: None };
            return self.load(waiting, turn);
        };
        if lane.is_ordered() {
            match lane.memory.iter_mut().find(|queued| queued.pending.id == delivery) {
                Some(queued) => {
                    queued.pending.due_at = Some(at);
                    if let Some(batch) = queued.pending.batch {
                        let members =
                            lane.memory.iter_mut().filter(|other| other.pending.batch == Some(batch));
                        members.for_each(|member| member.pending.due_at = Some(at));
                    }
                }
                None if lane.flights.contains_key(&delivery) => {}
                None => lane.forget_memory(),
            }
        } else {
            lane.note_due(at);
        }
        self.pump(key.webhook, turn);
    }

    pub(super) fn reread(&mut self, key: LaneKey, tenant: TenantId, turn: &mut Turn<'_>) {
        match self.lanes.get_mut(&key.webhook) {
            Some(lane) => {
                lane.forget_memory();
                self.pump(key.webhook, turn);
            }
            None => {
                let waiting = WaitingLane { key, tenant, fresh: true, next_due: None, failing_since: None };
                self.load(waiting, turn);
            }
        }
    }

    /// When an attempt is in flight, the wish is noted. Else it is remembered for a while, because the hand-over may still
    /// be on its way.
    pub(super) fn withdraw(&mut self, key: LaneKey, delivery: DeliveryId, now: Time) -> Withdrew {
        if let Some(lane) = self.lanes.get_mut(&key.webhook) {
            if let Some(flight) = lane.flights.get_mut(&delivery) {
                if flight.is_shared() {
                    return Withdrew::InBatch;
                }
                flight.withdraw = true;
                return Withdrew::InFlight;
            }
            let mut waiting = lane.memory.iter().chain(&lane.retries);
            if waiting.any(|queued| queued.pending.id == delivery && queued.pending.batch.is_some()) {
                return Withdrew::InBatch;
            }
            lane.note_changed(delivery);
            lane.remove(delivery);
            lane.withdrawing.insert(delivery);
        }
        self.withdrawn.retain(|_, withdrawal| now.since(withdrawal.at) < WITHDRAWN_KEPT);
        self.withdrawn.insert(delivery, Withdrawal { at: now, has_ended: false });
        Withdrew::Waiting
    }

    /// A delivery ended without an attempt: it is in nobody's memory, and a claim on it will find nothing.
    pub(super) fn has_ended(&mut self, key: LaneKey, delivery: DeliveryId, turn: &mut Turn<'_>) {
        if let Some(withdrawal) = self.withdrawn.get_mut(&delivery) {
            withdrawal.has_ended = true;
        }
        let Some(lane) = self.lanes.get_mut(&key.webhook) else { return };
        lane.note_changed(delivery);
        lane.remove(delivery);
        lane.withdrawing.remove(&delivery);
        let is_claiming = |flight: &Flight| flight.phase == FlightPhase::Claiming;
        if lane.flights.get(&delivery).is_some_and(is_claiming) {
            lane.disembark(delivery, turn);
        }
        self.pump(key.webhook, turn);
    }
}
