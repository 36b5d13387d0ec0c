//! Deleting a tenant: what runs on its behalf must stop with it.

use std::sync::Arc;

use stentor_core::id::TenantId;
use stentor_core::tenant::Tenant;
use stentor_store::StoreError;
use stentor_store::tenants::TenantSaved;

use crate::engine::Engine;

impl Engine {
    /// Changes what a person sets of a tenant. What it used stays used.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_tenant(&self, tenant: &Tenant) -> Result<TenantSaved, StoreError> {
        let saved = self.store().update_tenant(tenant).await?;
        self.directory().forget(tenant.id);
        Ok(saved)
    }

    /// Deletes a tenant: its tokens stop working, nothing more is sent, and what is pending becomes cancelled. Its events go
    /// by retention.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_tenant(&self, id: TenantId) -> Result<TenantSaved, StoreError> {
        let table = self.directory().table(id).await?;
        let saved = self.store().delete_tenant(id, self.clock().now()).await?;
        if saved != TenantSaved::Done {
            return Ok(saved);
        }
        self.authenticator().forget();
        self.directory().forget(id);
        self.limits().forget(id);
        self.sources().forget_tenant(id);
        for webhook in table.iter().flat_map(|table| table.webhooks()) {
            if let Some(deleted) = self.store().lane_webhook(id, webhook.id).await? {
                self.shards().configure(Arc::new(deleted)).await;
            }
        }
        Ok(saved)
    }
}
