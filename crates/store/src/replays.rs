//! Replays: durable pieces of work that make new deliveries for old events (glossary, engine rule E16).

use async_trait::async_trait;
use stentor_core::id::{EventId, ReplayId, TenantId, WebhookId};
use stentor_core::time::Time;

use crate::error::StoreResult;

/// A replay as stored. Its progress moves only with the deliveries it makes, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Its id.
    pub id: ReplayId,
    /// Whose.
    pub tenant: TenantId,
    /// To whom.
    pub webhook: WebhookId,
    /// Events accepted at or after.
    pub since: Time,
    /// Events accepted before.
    pub until: Time,
    /// The last event looked at.
    pub cursor: Option<EventId>,
    /// Deliveries made so far.
    pub deliveries: u32,
    /// When it was asked for.
    pub created_at: Time,
    /// When nothing was left.
    pub finished_at: Option<Time>,
}

/// Reads and changes of replays. Progress is written by the journal.
#[async_trait]
pub trait Replays: Send + Sync {
    /// Stores a new replay.
    async fn create_replay(&self, replay: &Replay) -> StoreResult<()>;

    /// One replay.
    async fn replay(&self, tenant: TenantId, id: ReplayId) -> StoreResult<Option<Replay>>;

    /// Every replay that is not finished, oldest first.
    async fn unfinished_replays(&self) -> StoreResult<Vec<Replay>>;
}
