//! The sender: performs one attempt and says what came of it. It decides nothing about what follows.

use std::sync::Arc;

use stentor_core::attempt::{Attempt, AttemptOutcome};
use stentor_core::event::{EventContent, EventType};
use stentor_core::format::Format;
use stentor_core::id::{BatchId, ConversationId, DeliveryId, EventId, TenantId};
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use stentor_store::Store;
use tracing::{error, info, warn};

use crate::clock::{Clock, Stopwatch};
use crate::destination::{BatchShipment, Destination, Shipment};
use crate::entropy;
use crate::event_types::Sample;
use crate::lease::Lease;
use crate::metrics::Metrics;
use crate::outbound::OutboundReport;

/// One attempt to be performed.
#[derive(Debug, Clone)]
pub struct AttemptInput {
    /// To whom, as configured now.
    pub webhook: Arc<Webhook>,
    /// Of which event.
    pub event: EventId,
    /// Its content; read from the store when it is not in memory.
    pub content: Option<Arc<EventContent>>,
    /// Of which delivery.
    pub delivery: DeliveryId,
    /// The number of the attempt, 1 for the first.
    pub number: u32,
    /// Its place in an ordered webhook's queue.
    pub position: Option<i64>,
    /// A test send: not stored and not counted.
    pub test: bool,
    /// Of which batch, when the request has the form of one. The event above is its first.
    pub batch: Option<Box<BatchInput>>,
}

/// What an attempt of a batch sends beside its first event.
#[derive(Debug, Clone)]
pub struct BatchInput {
    /// The batch.
    pub id: BatchId,
    /// Its other members, in order.
    pub others: Vec<MemberInput>,
}

/// A further member of a batch.
#[derive(Debug, Clone)]
pub struct MemberInput {
    /// The event.
    pub event: EventId,
    /// Its delivery.
    pub delivery: DeliveryId,
    /// Its content; read from the store when it is not in memory.
    pub content: Option<Arc<EventContent>>,
}

impl AttemptInput {
    /// A request that goes out exactly as a delivery of the webhook would, is not stored and does not count.
    pub(crate) fn test(webhook: Webhook, event_type: EventType, sample: Sample, now: Time) -> Self {
        let content = EventContent {
            id: entropy::event_id(now),
            event_type,
            time: now,
            // Receivers of messages expect a conversation.
            subject: (webhook.config.effective_format() == Format::Conversation)
                .then(|| ConversationId::new(now, entropy::bits()).to_string().into()),
            content_type: "application/json".into(),
            data: sample.data,
            previous_data: sample.previous_data,
            arrival: None,
        };
        let delivery = entropy::delivery_id(now);
        Self {
            batch: webhook.config.batch.map(|_| BatchInput::of_one(delivery)),
            webhook: Arc::new(webhook),
            event: content.id,
            content: Some(Arc::new(content)),
            delivery,
            number: 1,
            position: None,
            test: true,
        }
    }
}

impl BatchInput {
    /// A batch of one.
    pub fn of_one(delivery: DeliveryId) -> Box<Self> {
        Box::new(Self { id: BatchId::of([delivery]), others: Vec::new() })
    }
}

/// The database did not answer when the event was to be read, or another process may have taken this one's place. That is
/// our fault and no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotStarted;

/// Performs attempts.
pub struct Sender {
    destination: Arc<dyn Destination>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    lease: Arc<Lease>,
}

impl Sender {
    /// A sender to this destination.
    pub fn new(
        destination: Arc<dyn Destination>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        lease: Arc<Lease>,
    ) -> Self {
        Self { destination, store, clock, metrics, lease }
    }

    /// Performs the attempt.
    ///
    /// # Errors
    /// When it was not begun: the event could not be read, or the lease had ended.
    pub async fn attempt(&self, input: AttemptInput) -> Result<Attempt, NotStarted> {
        let started_at = self.clock.now();
        let stopwatch = Stopwatch::start();
        let report = match self.contents(&input).await? {
            Some(_) if !self.lease.holds() => {
                warn!(delivery = %input.delivery, "nothing is sent until the lease is renewed");
                return Err(NotStarted);
            }
            Some((content, batch)) => {
                let shipment = Shipment {
                    webhook: Arc::clone(&input.webhook),
                    content,
                    delivery: input.delivery,
                    number: input.number,
                    position: input.position,
                    now: started_at,
                    test: input.test,
                    batch,
                };
                self.destination.deliver(shipment).await
            }
            None => OutboundReport { outcome: AttemptOutcome::Unsendable, response: None },
        };
        let attempt = Attempt {
            delivery: input.delivery,
            number: input.number,
            started_at,
            duration: stopwatch.elapsed(),
            outcome: report.outcome,
            response: report.response,
        };
        log(&input, &attempt);
        if !input.test {
            self.metrics.attempt(&attempt, input.event);
        }
        Ok(attempt)
    }

    /// The event and, of a batch, the others. None when one is gone, which no further attempt can change.
    async fn contents(
        &self,
        input: &AttemptInput,
    ) -> Result<Option<(Arc<EventContent>, Option<BatchShipment>)>, NotStarted> {
        let tenant = input.webhook.tenant;
        let first = self.content(tenant, input.event, input.delivery, input.content.as_ref()).await?;
        let Some(first) = first else { return Ok(None) };
        let Some(batch) = &input.batch else { return Ok(Some((first, None))) };
        let mut others = Vec::with_capacity(batch.others.len());
        for member in &batch.others {
            let content =
                self.content(tenant, member.event, member.delivery, member.content.as_ref()).await?;
            let Some(content) = content else { return Ok(None) };
            others.push((content, member.delivery));
        }
        Ok(Some((first, Some(BatchShipment { id: batch.id, others }))))
    }

    async fn content(
        &self,
        tenant: TenantId,
        event: EventId,
        delivery: DeliveryId,
        known: Option<&Arc<EventContent>>,
    ) -> Result<Option<Arc<EventContent>>, NotStarted> {
        if let Some(content) = known {
            return Ok(Some(Arc::clone(content)));
        }
        match self.store.content(tenant, event).await {
            Ok(Some(content)) => Ok(Some(content)),
            Ok(None) => {
                error!(%event, %delivery, "the event of a delivery is gone");
                Ok(None)
            }
            Err(error) => {
                warn!(%event, %error, "the event of a delivery cannot be read");
                Err(NotStarted)
            }
        }
    }
}

/// The one wide line per attempt.
fn log(input: &AttemptInput, attempt: &Attempt) {
    info!(
        target: "stentor::attempt",
        tenant = %input.webhook.tenant,
        event = %input.event,
        webhook = %input.webhook.id,
        delivery = %input.delivery,
        number = attempt.number,
        outcome = attempt.outcome.kind(),
        reason = attempt.outcome.reason(),
        status = attempt.outcome.status(),
        duration_ms = attempt.duration.as_secs_f64() * 1_000.0,
        test = input.test,
        batch = input.batch.as_ref().map(|batch| tracing::field::display(batch.id)),
        events = input.batch.as_ref().map(|batch| batch.others.len() + 1),
        "attempt"
    );
}
