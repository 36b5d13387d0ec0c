//! What lanes read: pages of pending deliveries, and at start who has any.

use std::sync::Arc;

use async_trait::async_trait;
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use crate::error::StoreResult;

/// Names one lane's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LaneKey {
    /// The webhook's shard.
    pub shard: Shard,
    /// The webhook.
    pub webhook: WebhookId,
}

/// A webhook that has pending rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingLane {
    /// Which.
    pub key: LaneKey,
    /// Whose.
    pub tenant: TenantId,
    /// Whether it has rows that wait for no time.
    pub fresh: bool,
    /// The earliest due time of the others.
    pub next_due: Option<Time>,
    /// Since when it has had only failures.
    pub failing_since: Option<Time>,
}

/// A pending delivery with what it delivers.
#[derive(Debug, Clone)]
pub struct LoadedDelivery {
    /// The row.
    pub pending: PendingDelivery,
    /// The event; none when it did not fit the page's limits, to be read when it is sent.
    pub content: Option<Arc<EventContent>>,
}

/// Rows that are due, and when the next one is.
#[derive(Debug, Clone, Default)]
pub struct DuePage {
    /// Due rows, earliest first.
    pub rows: Vec<LoadedDelivery>,
    /// The due time of the first row after them.
    pub next_due: Option<Time>,
}

/// How much one page may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Most rows.
    pub rows: u32,
    /// Content larger than this is left out, in bytes ([`EventContent::bytes`]).
    pub data_bytes: u64,
    /// From the first row whose content would make all contents of the page larger than this, contents are left out, in
    /// bytes.
    pub page_bytes: u64,
}

/// Reads for the engine.
#[async_trait]
pub trait Lanes: Send + Sync {
    /// The next `rows` webhooks that have pending rows, by shard and then webhook; fewer only when these are the last. Costs
    /// in proportion to the webhooks, not to the rows (engine rule E9).
    async fn waiting_lanes(&self, after: Option<LaneKey>, rows: u32) -> StoreResult<Vec<WaitingLane>>;

    /// Rows without a due time with `position > after`, lowest first.
    async fn fresh_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>>;

    /// Rows due until `until`. A batch that begins in the page comes whole, whatever the limit of rows.
    async fn due_page(&self, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage>;

    /// All rows with `position > after`, due or not, lowest position first: the queue of an ordered webhook. A batch that
    /// begins in the page comes whole, whatever the limit of rows.
    async fn ordered_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>>;

    /// The content of one event.
    async fn content(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Arc<EventContent>>>;

    /// Since when the webhook has had only failures.
    async fn failing_since(&self, tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>>;

    /// The webhooks of a tenant that have had only failures, and since when, newest first.
    async fn failing(&self, tenant: TenantId) -> StoreResult<Vec<(WebhookId, Time)>>;

    /// Pending rows of a webhook, counted up to `at_most`.
    async fn waiting_count(&self, lane: LaneKey, at_most: u32) -> StoreResult<u32>;
}
