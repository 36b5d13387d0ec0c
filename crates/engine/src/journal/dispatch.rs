//! After the commit: deliveries go to their lanes first, then the publishers get their answers (engine rule E1).

use std::collections::HashMap;
use std::sync::Arc;

use stentor_core::delivery::{FinalState, PendingDelivery};
use stentor_core::id::{EventId, TenantId};
use stentor_core::retry::Step;
use stentor_core::shard::Shard;
use stentor_core::webhook::Webhook;
use stentor_store::journal::{NewDelivery, NewEvent, OutcomeWrite, Write, Written};
use stentor_store::lanes::LaneKey;
use tokio::sync::oneshot;
use tracing::error;

use super::writer::{AcceptPart, Committed, Pending, Writer, accepted_events};
use super::{AcceptAnswer, live};
use crate::accept::Published;
use crate::shard::input::{Handed, RecordAnswer, Recorded};

/// What one commit has for one shard.
#[derive(Default)]
struct ForShard {
    handed: Vec<Handed>,
    recorded: Vec<Recorded>,
    written: Vec<(LaneKey, Written)>,
}

/// Answers that wait until the hand-over is done.
enum Answer {
    Accept(oneshot::Sender<AcceptAnswer>, AcceptAnswer),
    Written(oneshot::Sender<Result<Written, String>>, Written),
}

impl Writer {
    /// Hands over and answers.
    pub(super) async fn dispatch(&self, committed: Committed) {
        let Committed { batch, writes, results } = committed;
        // Before the hand-over: an event is told before its attempts.
        live::tell(&self.feed, &writes, &results);
        let mut shards: HashMap<Shard, ForShard> = HashMap::new();
        let mut answers = Vec::with_capacity(batch.len());
        let mut commands = Vec::new();
        let mut fallbacks = Vec::new();
        for ((pending, write), written) in batch.into_iter().zip(writes.iter()).zip(results) {
            match pending {
                Pending::Accept { parts, waiter } => {
                    if let Some(answer) =
                        self.accepted_all(accepted_events(write), parts, written, &mut shards)
                    {
                        answers.push(Answer::Accept(waiter, answer));
                    }
                }
                Pending::Outcome(lane) => {
                    let outcomes = match write {
                        Write::Outcome(outcome) => std::slice::from_ref(&**outcome),
                        Write::Outcomes(outcomes) => outcomes,
                        _ => continue,
                    };
                    // One answer each, unless all are refused together.
                    let mut each = match written {
                        Written::Outcomes(each) => each,
                        one => vec![one; outcomes.len()],
                    };
                    for (outcome, written) in outcomes.iter().zip(each.drain(..)) {
                        self.outcome(lane, outcome, &written, &mut shards);
                        fallbacks.extend(fallback(outcome, written));
                    }
                }
                Pending::Lane(lane) => shards.entry(lane.shard).or_default().written.push((lane, written)),
                Pending::Command(waiter) => {
                    answers.push(Answer::Written(waiter, written.clone()));
                    commands.push((write, written));
                }
            }
        }
        self.report(&mut shards).await;
        for (tenant, delivery) in &fallbacks {
            self.shards.reread(*tenant, std::iter::once(&**delivery)).await;
        }
        // After the outcomes: a retry may be of a delivery that ended in the same batch. Before what was accepted: in an
        // ordered webhook it comes later.
        for (write, written) in commands {
            self.command(write, &written).await;
        }
        self.hand_over(shards).await;
        for answer in answers {
            // Whoever stopped waiting does not matter any more.
            match answer {
                Answer::Accept(waiter, answer) => drop(waiter.send(answer)),
                Answer::Written(waiter, written) => drop(waiter.send(Ok(written))),
            }
        }
    }

    /// Tells lanes what became of what they wrote.
    async fn report(&self, shards: &mut HashMap<Shard, ForShard>) {
        for (shard, work) in shards {
            let recorded = std::mem::take(&mut work.recorded);
            if !recorded.is_empty() {
                self.shards.recorded(*shard, recorded).await;
            }
            for (lane, written) in work.written.drain(..) {
                self.shards.written(lane, written).await;
            }
        }
    }

    async fn hand_over(&self, shards: HashMap<Shard, ForShard>) {
        for (shard, work) in shards {
            if !work.handed.is_empty() {
                self.shards.hand(shard, work.handed).await;
            }
        }
    }

    /// Hands over what a publisher waits for. The answer is the first event's; none only when there is no event.
    fn accepted_all(
        &self,
        events: &[NewEvent],
        parts: Vec<AcceptPart>,
        written: Written,
        shards: &mut HashMap<Shard, ForShard>,
    ) -> Option<AcceptAnswer> {
        // One answer each, unless all are hindered together.
        let each = match written {
            Written::AcceptedAll(each) => {
                each.into_iter().map(|positions| Written::Accepted { positions }).collect()
            }
            one => vec![one],
        };
        let mut first = None;
        for ((event, part), written) in events.iter().zip(parts).zip(each) {
            if matches!(written, Written::Accepted { .. }) {
                self.count(part.reservation, event);
            }
            let answer = self.accepted(event, &part.webhooks, written, shards);
            first.get_or_insert(answer);
        }
        first
    }

    fn accepted(
        &self,
        event: &NewEvent,
        webhooks: &[Arc<Webhook>],
        written: Written,
        shards: &mut HashMap<Shard, ForShard>,
    ) -> AcceptAnswer {
        let content = &event.event.content;
        match written {
            Written::Accepted { positions } => {
                self.metrics.accepted(positions.len());
                let rows = event.deliveries.iter().zip(positions).zip(webhooks);
                for ((delivery, position), webhook) in rows {
                    let pending = pending_row(event.event.tenant, content.id, delivery, position);
                    let handed =
                        Handed { pending, content: Arc::clone(content), webhook: Arc::clone(webhook) };
                    shards.entry(delivery.shard).or_default().handed.push(handed);
                }
                AcceptAnswer::Published(Published {
                    id: content.id,
                    event_type: content.event_type.clone(),
                    deliveries: event.event.matched,
                    duplicate: false,
                    warnings: Vec::new(),
                })
            }
            Written::Duplicate { event: first, matched } => AcceptAnswer::Published(Published {
                id: first,
                event_type: content.event_type.clone(),
                deliveries: matched,
                duplicate: true,
                warnings: Vec::new(),
            }),
            Written::KeyConflict { event } => AcceptAnswer::KeyConflict(event),
            Written::StaleConfig { .. } => AcceptAnswer::StaleConfig,
            Written::MessageUnwritten(why) => AcceptAnswer::MessageUnwritten(why),
            Written::Refused(reason) => {
                error!(%reason, event = %content.id, "an event could not be stored");
                AcceptAnswer::Failed("the event could not be stored".into())
            }
            other => AcceptAnswer::Failed(format!("unexpected answer {other:?}")),
        }
    }

    fn outcome(
        &self,
        lane: LaneKey,
        outcome: &OutcomeWrite,
        written: &Written,
        shards: &mut HashMap<Shard, ForShard>,
    ) {
        let (answer, disabled) = match written {
            Written::Recorded { applied: true, disabled_version, .. } => {
                (RecordAnswer::Applied, *disabled_version)
            }
            Written::Recorded { applied: false, .. } => (RecordAnswer::Superseded, None),
            Written::Refused(reason) => {
                error!(%reason, delivery = %outcome.attempt.delivery, "an outcome could not be stored");
                (RecordAnswer::Refused, None)
            }
            _ => (RecordAnswer::Refused, None),
        };
        if answer == RecordAnswer::Applied {
            self.metrics.recorded(outcome);
        }
        if matches!(outcome.step, Step::Final(FinalState::Dead(_))) {
            (self.on_dead)();
        }
        // Superseded: it may have been disabled by a commit of which nobody could tell.
        let may_be_disabled = answer == RecordAnswer::Superseded && outcome.disable.is_some();
        if disabled.is_some() || may_be_disabled {
            (self.on_disabled)(outcome.tenant, outcome.webhook);
        }
        let recorded =
            Recorded { webhook: outcome.webhook, delivery: outcome.attempt.delivery, answer, disabled };
        shards.entry(lane.shard).or_default().recorded.push(recorded);
    }

    /// What people asked for concerns lanes too, whether or not they still wait for the answer.
    async fn command(&self, write: &Write, written: &Written) {
        match (write, written) {
            (Write::Retry { now, .. }, Written::Retried(Some(row))) => self.shards.due(row, *now).await,
            (Write::Redeliver { tenant, deliveries, .. }, Written::Redelivered(Some(_))) => {
                self.shards.reread(*tenant, deliveries.iter()).await;
            }
            (Write::Replay { tenant, items, .. }, Written::Replayed(Some(_))) => {
                // All of them are for one webhook.
                self.shards.reread(*tenant, items.iter().take(1).map(|(_, delivery)| delivery)).await;
            }
            (Write::Broadcast(step), Written::Broadcast(Some(stored))) => {
                let events = step.events.iter().filter(|event| stored.contains(&event.event.content.id));
                for event in events {
                    self.metrics.accepted(event.deliveries.len());
                    self.shards.reread(event.event.tenant, event.deliveries.iter()).await;
                }
            }
            _ => {}
        }
    }
}

/// The new delivery of an event that was given up.
fn fallback(outcome: &OutcomeWrite, written: Written) -> Option<(TenantId, Box<NewDelivery>)> {
    match written {
        Written::Recorded { fallback: Some(delivery), .. } => Some((outcome.tenant, delivery)),
        _ => None,
    }
}

fn pending_row(tenant: TenantId, event: EventId, delivery: &NewDelivery, position: i64) -> PendingDelivery {
    PendingDelivery {
        id: delivery.id,
        tenant,
        event,
        webhook: delivery.webhook,
        shard: delivery.shard,
        position,
        due_at: delivery.due_at,
        attempts: 0,
        claims: 0,
        batch: None,
    }
}
