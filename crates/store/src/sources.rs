//! Sources.

pub(crate) mod secrets;

use async_trait::async_trait;
use stentor_core::id::{SourceId, TenantId};
use stentor_core::source::Source;
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;
use crate::journal::IdempotencyKey;
use crate::webhooks::Saved;

/// What became of a source that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceCreated {
    /// It is stored; the tenant's configuration has this version now.
    At(u64),
    /// The same key came with the same body before: this source stands.
    Before(SourceId),
    /// The same key came with another body before.
    KeyConflict(SourceId),
    /// The tenant has as many as it may have.
    TooMany,
    /// There is no such tenant.
    NotFound,
}

/// Reads and changes of sources. Each change moves the tenant's configuration version in the same transaction (engine rule
/// E7). Secrets are sealed.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Stores a new source, unless one was created with the same key before. `version` of the argument is ignored.
    async fn create_source(
        &self,
        source: &Source,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<SourceCreated>;

    /// Stores a change, if the stored version is still `source.version`.
    async fn update_source(&self, source: &Source) -> StoreResult<Saved>;

    /// Deletes the source and its credentials. Its events stay.
    async fn delete_source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Saved>;

    /// One source.
    async fn source(&self, tenant: TenantId, id: SourceId) -> StoreResult<Option<Source>>;

    /// Sources, newest first, with ids below `before`.
    async fn sources(
        &self,
        tenant: TenantId,
        before: Option<SourceId>,
        rows: u32,
    ) -> StoreResult<Page<Source>>;

    /// Sources of all tenants with ids above `after`, in the order of their ids: for the directory at the start.
    async fn all_sources(&self, after: Option<SourceId>, rows: u32) -> StoreResult<Vec<Source>>;

    /// Sources that should have deleted themselves by `now`.
    async fn expired_sources(&self, now: Time, rows: u32) -> StoreResult<Vec<(TenantId, SourceId)>>;
}
