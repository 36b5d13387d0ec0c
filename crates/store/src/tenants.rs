//! Tenants.

use async_trait::async_trait;
use stentor_core::id::TenantId;
use stentor_core::tenant::Tenant;
use stentor_core::time::Time;

use crate::Page;
use crate::error::StoreResult;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantSaved {
    /// It is stored.
    Done,
    /// Another tenant has the name.
    NameTaken,
    /// There is no such tenant.
    NotFound,
}

/// Reads and changes of tenants.
#[async_trait]
pub trait Tenants: Send + Sync {
    /// Stores a new tenant; `config_version` starts at 1.
    async fn create_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved>;

    /// Changes all that a person sets: everything but the version and the time of creation. The configuration version moves with
    /// the plan and the settings: what may be published depends on them.
    async fn update_tenant(&self, tenant: &Tenant) -> StoreResult<TenantSaved>;

    /// Deletes the tenant: its tokens are revoked and its webhooks become tombstones in the same transaction. Its event
    /// types and conversations are gone; its events go by retention.
    async fn delete_tenant(&self, id: TenantId, now: Time) -> StoreResult<TenantSaved>;

    /// One tenant.
    async fn tenant(&self, id: TenantId) -> StoreResult<Option<Tenant>>;

    /// The tenant of that name.
    async fn tenant_named(&self, name: &str) -> StoreResult<Option<Tenant>>;

    /// Tenants, newest first, with ids below `before`.
    async fn tenants(&self, before: Option<TenantId>, rows: u32) -> StoreResult<Page<Tenant>>;
}
