//! Reading deliveries and their attempts.

pub(crate) mod list;

use async_trait::async_trait;
use stentor_core::attempt::CapturedResponse;
use stentor_core::delivery::DeliveryState;
use stentor_core::id::{BatchId, ConversationId, DeliveryId, EventId, MessageId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;

/// A delivery as people see it, pending or finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// What is delivered.
    pub event: EventId,
    /// To whom.
    pub webhook: WebhookId,
    /// The webhook's shard.
    pub shard: Shard,
    /// Its state, `held` derived from the webhook's status.
    pub state: DeliveryState,
    /// The word for why it is dead or cancelled.
    pub reason: Option<String>,
    /// Attempts recorded.
    pub attempts: u32,
    /// When the next attempt is due, for one that waits for a time.
    pub next_attempt_at: Option<Time>,
    /// When it ended.
    pub finished_at: Option<Time>,
    /// The batch that it stays in until it is final; of a finished one, the batch of its last attempt.
    pub batch: Option<BatchId>,
}

/// A recorded attempt as people see it. The words are those of `AttemptOutcome::kind` and `::reason`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// 1 for the first.
    pub number: u32,
    /// When it started.
    pub started_at: Time,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The kind of outcome.
    pub outcome: String,
    /// The finer reason.
    pub reason: Option<String>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The answer.
    pub response: Option<CapturedResponse>,
    /// The batch that it was of.
    pub batch: Option<BatchId>,
}

/// Which deliveries to list. Everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// To this webhook.
    pub webhook: Option<WebhookId>,
    /// Of this event.
    pub event: Option<EventId>,
    /// About a message of this conversation.
    pub conversation: Option<ConversationId>,
    /// About this message.
    pub message: Option<MessageId>,
}

/// Reads of deliveries.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// One delivery.
    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Option<DeliveryRow>>;

    /// Deliveries, newest first, with ids below `before`; pending and finished in one statement (engine rule E16).
    async fn deliveries(
        &self,
        tenant: TenantId,
        filter: &DeliveryFilter,
        before: Option<DeliveryId>,
        rows: u32,
    ) -> StoreResult<Page<DeliveryRow>>;

    /// The recorded attempts of a delivery, first to last.
    async fn attempts(&self, tenant: TenantId, delivery: DeliveryId) -> StoreResult<Vec<AttemptRow>>;
}
