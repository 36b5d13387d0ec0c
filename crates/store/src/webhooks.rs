//! Webhooks and their revisions.

use async_trait::async_trait;
use stentor_core::id::{TenantId, WebhookId};
use stentor_core::route::Route;
use stentor_core::time::Time;
use stentor_core::webhook::{Webhook, WebhookStatus};

use crate::Page;
use crate::error::StoreResult;
use crate::journal::IdempotencyKey;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is stored; the tenant's configuration has this version now.
    At(u64),
    /// There is no such webhook (or tenant), or it was deleted.
    NotFound,
    /// The webhook changed since the caller read it.
    Changed,
}

/// What became of a webhook that was to be created under an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreatedOnce {
    /// It is stored; the tenant's configuration has this version now.
    At(u64),
    /// The same key came with the same body before: this webhook stands.
    Before(WebhookId),
    /// The same key came with another body before.
    KeyConflict(WebhookId),
    /// There is no such tenant.
    NotFound,
}

/// Everything that decides where a tenant's events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// The configuration version that it makes up.
    pub version: u64,
    /// All webhooks that are not deleted.
    pub webhooks: Vec<Webhook>,
    /// All routes, in their order.
    pub routes: Vec<Route>,
}

/// Reads and changes of webhooks. Each change moves the tenant's configuration version and keeps its revision in the same
/// transaction (engine rules E7, E21).
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Stores a new webhook. `version` of the argument is ignored.
    async fn create_webhook(&self, webhook: &Webhook) -> StoreResult<Saved>;

    /// Stores a new webhook, unless one was created with the same key before.
    async fn create_webhook_once(&self, webhook: &Webhook, key: &IdempotencyKey) -> StoreResult<CreatedOnce>;

    /// Stores a change of configuration, secrets or status, if the stored version is still `webhook.version`.
    /// Leaving `Disabled` clears the record of failures.
    async fn update_webhook(&self, webhook: &Webhook) -> StoreResult<Saved>;

    /// Makes the webhook a tombstone; its pending rows are finished later (engine rule E15).
    async fn delete_webhook(&self, tenant: TenantId, id: WebhookId, now: Time) -> StoreResult<Saved>;

    /// One webhook; a deleted one is not found.
    async fn webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>>;

    /// Webhooks that are not deleted, newest first, with ids below `before`: those of conversations only when asked for.
    async fn webhooks(
        &self,
        tenant: TenantId,
        status: Option<WebhookStatus>,
        of_conversations: bool,
        before: Option<WebhookId>,
        rows: u32,
    ) -> StoreResult<Page<Webhook>>;

    /// All webhooks of a tenant that are not deleted, its routes, and the configuration version they make up, read at one moment.
    /// None when there is no such tenant.
    async fn routing(&self, tenant: TenantId) -> StoreResult<Option<Routing>>;

    /// A webhook for its lane, deleted ones included.
    async fn lane_webhook(&self, tenant: TenantId, id: WebhookId) -> StoreResult<Option<Webhook>>;

    /// The configuration of a webhook that was in force at a configuration version, if it existed then.
    async fn revision(&self, tenant: TenantId, id: WebhookId, version: u64) -> StoreResult<Option<Webhook>>;
}
