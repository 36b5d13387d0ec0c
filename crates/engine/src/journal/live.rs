//! What a commit tells the live feed.

use stentor_core::retry::Step;
use stentor_store::journal::{NewEvent, OutcomeWrite, Write, Written};

use crate::feed::{AttemptEnded, EventFacts, Fact, Feed, Finished, Teller};

/// Tells what was committed. Costs one load while nobody watches.
pub(super) fn tell(feed: &Feed, writes: &[Write], results: &[Written]) {
    let Some(mut teller) = feed.teller() else { return };
    for (write, written) in writes.iter().zip(results) {
        match (write, written) {
            (Write::Accept(event), Written::Accepted { .. }) => accepted(&mut teller, event),
            (Write::AcceptAll(events), Written::AcceptedAll(_)) => {
                events.iter().for_each(|event| accepted(&mut teller, event));
            }
            (Write::Outcome(outcome), written) => ended(&mut teller, outcome, written),
            (Write::Outcomes(outcomes), Written::Outcomes(each)) => {
                for (outcome, written) in outcomes.iter().zip(each) {
                    ended(&mut teller, outcome, written);
                }
            }
            (Write::Broadcast(step), Written::Broadcast(Some(stored))) => {
                for event in step.events.iter().filter(|event| stored.contains(&event.event.content.id)) {
                    accepted(&mut teller, event);
                }
            }
            _ => {}
        }
    }
}

fn accepted(teller: &mut Teller<'_>, new: &NewEvent) {
    let event = &new.event;
    teller.tell(Some(event.tenant), event.accepted_at, || Fact::Accepted {
        event: EventFacts::of(event),
        webhooks: new.deliveries.iter().map(|delivery| delivery.webhook).collect(),
        matched: event.matched,
    });
}

/// An attempt and what comes with it: the end of its delivery, the end of deliveries to its webhook.
fn ended(teller: &mut Teller<'_>, outcome: &OutcomeWrite, written: &Written) {
    let Written::Recorded { applied: true, disabled_version, .. } = written else { return };
    let (owner, at, attempt) = (Some(outcome.tenant), outcome.now, &outcome.attempt);
    let next_attempt_at = match outcome.step {
        Step::RetryAt(at) => Some(at),
        Step::Final(_) => None,
    };
    teller.tell(owner, at, || {
        Fact::Ended(AttemptEnded {
            event: outcome.event,
            delivery: attempt.delivery,
            webhook: outcome.webhook,
            number: attempt.number,
            started_at: attempt.started_at,
            duration: attempt.duration,
            outcome: attempt.outcome,
            next_attempt_at,
        })
    });
    if let Step::Final(state) = outcome.step {
        teller.tell(owner, at, || {
            Fact::Finished(Finished {
                event: outcome.event,
                delivery: attempt.delivery,
                webhook: outcome.webhook,
                state,
                attempts: attempt.number,
            })
        });
    }
    if disabled_version.is_some() {
        let (webhook, reason) = (outcome.webhook, outcome.disable);
        teller.tell(owner, at, || Fact::Disabled { webhook, reason });
    }
}
