//! Reading events.

use async_trait::async_trait;
use stentor_core::event::{Event, EventType};
use stentor_core::id::{EventId, SourceId, TenantId};
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;
use crate::journal::IdempotencyKey;

/// Which events to list. Everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of exactly this type, or below this prefix when it ends in `.`.
    pub event_type: Option<String>,
    /// About exactly this.
    pub subject: Option<String>,
    /// Accepted at or after.
    pub since: Option<Time>,
    /// Received by exactly this source.
    pub source: Option<SourceId>,
    /// Accepted before.
    pub until: Option<Time>,
}

/// An event as a list holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// The event.
    pub event: Event,
    /// Whether its content was larger than asked for; `data` is then empty and there is no `previous_data`.
    pub data_omitted: bool,
}

/// What an idempotency key was used for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyedEvent {
    /// For this event, with the same body.
    Same {
        /// The first event.
        event: EventId,
        /// How many webhooks it matched.
        matched: u32,
    },
    /// For this event, with another body.
    Other(EventId),
}

/// The sum that promise P2 asks for. `accepted` counts deliveries that came into being: matched webhooks and redeliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conservation {
    /// Events stored.
    pub events: u64,
    /// Deliveries that came into being.
    pub accepted: u64,
    /// Still pending (held ones included).
    pub pending: u64,
    /// Taken by their receivers.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
    /// Withdrawn.
    pub cancelled: u64,
}

impl Conservation {
    /// Whether nothing vanished.
    pub const fn holds(&self) -> bool {
        self.accepted == self.pending + self.delivered + self.dead + self.cancelled
    }
}

/// Reads of events.
#[async_trait]
pub trait Events: Send + Sync {
    /// One event with its data.
    async fn event(&self, tenant: TenantId, id: EventId) -> StoreResult<Option<Event>>;

    /// Events, newest first, with ids below `before`. Content of more than `data_bytes`
    /// ([`EventContent::bytes`](stentor_core::event::EventContent::bytes)) is neither read nor answered.
    async fn events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        before: Option<EventId>,
        rows: u32,
        data_bytes: u64,
    ) -> StoreResult<Page<ListedEvent>>;

    /// Ids and types of events accepted in `[since, until)` after `after`, oldest first: the walk of a replay.
    /// Operational events are left out: a replay is of what was published.
    async fn event_types(
        &self,
        tenant: TenantId,
        since: Time,
        until: Time,
        after: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Vec<(EventId, EventType)>>;

    /// What an idempotency key that has not expired at `now` was used for by an event.
    async fn keyed_event(
        &self,
        tenant: TenantId,
        key: &IdempotencyKey,
        now: Time,
    ) -> StoreResult<Option<KeyedEvent>>;

    /// The sums over all tenants, or one. Hours that are closed are kept as checked totals, so this does not scan them.
    async fn conservation(&self, tenant: Option<TenantId>) -> StoreResult<Conservation>;
}
