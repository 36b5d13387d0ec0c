//! What is noted in the transaction of what it tells, until its operational event is stored.

use async_trait::async_trait;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::time::Time;
use stentor_core::webhook::DisableReason;

use crate::error::StoreResult;

/// A webhook that an outcome disabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabling {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub webhook: WebhookId,
    /// The tenant's configuration version that the change made.
    pub version: u64,
    /// Why.
    pub reason: DisableReason,
    /// Since when it had had only failures.
    pub failing_since: Option<Time>,
    /// When.
    pub disabled_at: Time,
    /// The delivery whose attempt did it.
    pub delivery: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// The attempt's number.
    pub attempt: u32,
    /// The attempt's kind of outcome.
    pub outcome: Box<str>,
    /// The finer reason.
    pub outcome_reason: Option<Box<str>>,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
}

/// A delivery that an attempt ended as dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub delivery: DeliveryId,
    /// Its attempts, the last included. A delivery that is retried may die again, with more.
    pub attempts: u32,
    /// Its event.
    pub event: EventId,
    /// The event's type.
    pub event_type: Box<str>,
    /// The webhook that did not take it.
    pub webhook: WebhookId,
    /// The word for why it is dead.
    pub reason: Box<str>,
    /// When.
    pub died_at: Time,
    /// The last attempt's kind of outcome.
    pub outcome: Box<str>,
    /// The finer reason.
    pub outcome_reason: Option<Box<str>>,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
}

/// Notes for operational events.
#[async_trait]
pub trait Operational: Send + Sync {
    /// Webhooks that were disabled by an outcome and of which this was not yet [`emitted`](Self::disabling_emitted), oldest
    /// first.
    async fn disablings(&self, rows: u32) -> StoreResult<Vec<Disabling>>;

    /// Forgets the note: its event is stored.
    async fn disabling_emitted(&self, webhook: WebhookId, version: u64) -> StoreResult<()>;

    /// Deliveries that an attempt ended as dead and of which this was not yet [`emitted`](Self::deaths_emitted). Noted are
    /// those of tenants that have another webhook whose event types ask for it, and not those of operational events.
    async fn deaths(&self, rows: u32) -> StoreResult<Vec<Death>>;

    /// Forgets the notes of these deliveries with so many attempts: their events are stored.
    async fn deaths_emitted(&self, deaths: &[(DeliveryId, u32)]) -> StoreResult<()>;
}
