//! From the end of an attempt to what is written: the pure decision, applied to a lane.

use std::time::Duration;

use stentor_core::attempt::Attempt;
use stentor_core::delivery::{CancelReason, FinalState};
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::retry::{HealthChange, NextStep, Step, StepInput, next_step};
use stentor_core::time::Time;
use stentor_core::webhook::WebhookStatus;
use stentor_store::journal::{Fallback, OutcomeWrite, Write};
use stentor_store::lanes::LaneKey;

use super::input::{Action, Attempted};
use super::lane::{Failing, FlightPhase, Lane};
use crate::journal::{Entry, LaneEntry};

/// Decides what follows from the attempt and asks for it to be written. The flight stays until that is committed.
pub(super) fn outcome(
    lane: &mut Lane,
    attempted: Attempted,
    now: Time,
    jitter: f64,
    actions: &mut Vec<Action>,
) {
    let flight = lane.flights.get_mut(&attempted.delivery).expect("the caller found the flight");
    let number = flight.queued.pending.attempts + 1;
    let decided = next_step(&StepInput {
        policy: &lane.policy,
        attempt: number,
        outcome: &attempted.outcome,
        now,
        jitter,
        failing_since: lane.failing.since(),
    });
    let NextStep { step, health, disable } = decided;
    let step = overruled(step, flight.withdraw, lane.webhook.status);
    flight.phase = FlightPhase::Recording;
    flight.retry_at = match step {
        Step::RetryAt(at) => Some(at),
        Step::Final(_) => None,
    };
    let health = match (health, lane.failing) {
        // What the store holds from earlier times ends with this success.
        (HealthChange::Unchanged, Failing::Unknown) => HealthChange::Recovered,
        (health, _) => health,
    };
    match health {
        HealthChange::StartedFailing => {
            // The store keeps the time of the first failure, which may be an earlier one.
            if lane.failing == Failing::Unknown {
                actions.push(Action::ReadHealth(lane.key, lane.tenant));
            }
            lane.failing = Failing::Since(now);
        }
        HealthChange::Recovered => lane.failing = Failing::No,
        HealthChange::Unchanged => {}
    }
    let disable = disable.filter(|_| lane.webhook.status == WebhookStatus::Active);
    flight.disables = disable.is_some();
    let write = OutcomeWrite {
        tenant: lane.tenant,
        event: flight.queued.pending.event,
        webhook: lane.key.webhook,
        shard: lane.key.shard,
        attempt: Attempt {
            delivery: attempted.delivery,
            number,
            started_at: attempted.started_at,
            duration: attempted.duration.max(Duration::from_micros(1)),
            outcome: attempted.outcome,
            response: attempted.response,
        },
        step,
        health,
        disable,
        fallback: fallback(step, lane.webhook.config.on_dead, attempted.delivery, number, now),
        now,
    };
    actions.push(Action::Put(Entry::Outcome { lane: lane.key, outcome: Box::new(write) }));
}

/// Where a delivery goes that is given up. The new id is made of the old one's random part, so that the decision stays pure.
fn fallback(
    step: Step,
    on_dead: Option<WebhookId>,
    delivery: DeliveryId,
    number: u32,
    now: Time,
) -> Option<Fallback> {
    let webhook = on_dead.filter(|_| matches!(step, Step::Final(FinalState::Dead(_))))?;
    let [.., a, b, c, d, e, f, g, h] = *delivery.as_bytes();
    let random = u64::from_be_bytes([a, b, c, d, e, f, g, h]) << 2;
    let id = DeliveryId::new(now, random.wrapping_add(u64::from(number) << 2));
    Some(Fallback { webhook, id, position: now.as_micros() })
}

/// A delivery that is to be withdrawn, or whose webhook is gone, is not tried again.
fn overruled(step: Step, withdraw: bool, status: WebhookStatus) -> Step {
    match step {
        Step::RetryAt(_) if status == WebhookStatus::Deleted => {
            Step::Final(FinalState::Cancelled(CancelReason::WebhookDeleted))
        }
        Step::RetryAt(_) if withdraw => Step::Final(FinalState::Cancelled(CancelReason::Requested)),
        other => other,
    }
}

/// Ends rows of a deleted webhook.
pub(super) fn cancel(key: LaneKey, deliveries: Vec<DeliveryId>, now: Time) -> Action {
    finish(key, deliveries, FinalState::Cancelled(CancelReason::WebhookDeleted), now)
}

/// Ends rows without an attempt.
pub(super) fn finish(key: LaneKey, deliveries: Vec<DeliveryId>, state: FinalState, now: Time) -> Action {
    let write = Write::Finish { deliveries, state, now };
    Action::Put(Entry::Lane(LaneEntry { lane: key, write }))
}
