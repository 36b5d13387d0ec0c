//! Broadcasts: durable pieces of work that make one event for each of many tenants, asked for by the operator.

use async_trait::async_trait;
use bytes::Bytes;
use stentor_core::event::EventType;
use stentor_core::id::{BroadcastId, TenantId};
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;
use crate::journal::NewEvent;

/// A broadcast as stored. Its progress moves only with the events it makes, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// Its id.
    pub id: BroadcastId,
    /// The type of its events.
    pub event_type: EventType,
    /// The exact bytes of their data.
    pub data: Bytes,
    /// Whether it is for every tenant there was.
    pub to_all: bool,
    /// How many tenants it is for.
    pub tenants: u32,
    /// The last tenant that has its event.
    pub cursor: Option<TenantId>,
    /// Events made so far.
    pub events: u32,
    /// Deliveries made so far.
    pub deliveries: u64,
    /// When it was asked for.
    pub created_at: Time,
    /// When every tenant had its event.
    pub finished_at: Option<Time>,
}

/// The key that a broadcast was asked for with: hashes only. It never expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroadcastKey {
    /// Hash of the key.
    pub key_hash: [u8; 32],
    /// Hash of what was asked for.
    pub body_hash: [u8; 32],
}

/// Whom a broadcast is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Every tenant that there is.
    All,
    /// These.
    Tenants(Vec<TenantId>),
}

/// What became of a new broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastCreated {
    /// It is stored, as given but for the number of tenants.
    Created(Broadcast),
    /// The same key came with the same body before: this one stands.
    Existing(Broadcast),
    /// The same key came with another body before.
    KeyConflict,
    /// There is no such tenant; nothing was stored.
    UnknownTenant(TenantId),
}

/// One step of a broadcast: events for some of its tenants, and how far it has come with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastStep {
    /// Which.
    pub broadcast: BroadcastId,
    /// One per tenant, in the order of their ids.
    pub events: Vec<NewEvent>,
    /// The last tenant looked at; the next step goes on after it.
    pub cursor: Option<TenantId>,
    /// Whether nobody is left.
    pub done: bool,
    /// When.
    pub now: Time,
}

/// Reads and changes of broadcasts. Progress is written by the journal.
#[async_trait]
pub trait Broadcasts: Send + Sync {
    /// Stores a new broadcast.
    async fn create_broadcast(
        &self,
        broadcast: &Broadcast,
        audience: &Audience,
        key: Option<BroadcastKey>,
    ) -> StoreResult<BroadcastCreated>;

    /// One broadcast.
    async fn broadcast(&self, id: BroadcastId) -> StoreResult<Option<Broadcast>>;

    /// Broadcasts, newest first, with ids below `before`.
    async fn broadcasts(&self, before: Option<BroadcastId>, rows: u32) -> StoreResult<Page<Broadcast>>;

    /// Every broadcast that is not finished, oldest first.
    async fn unfinished_broadcasts(&self) -> StoreResult<Vec<Broadcast>>;

    /// The next tenants of a broadcast after `after` in the order of their ids, those that are deleted left out.
    async fn broadcast_tenants(
        &self,
        broadcast: &Broadcast,
        after: Option<TenantId>,
        rows: u32,
    ) -> StoreResult<Vec<TenantId>>;
}
