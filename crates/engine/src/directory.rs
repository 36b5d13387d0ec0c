//! The routing tables in force, one per tenant, and the webhooks that lanes work with.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use stentor_core::id::TenantId;
use stentor_core::route::RoutingTable;
use stentor_store::{Store, StoreError};

/// Routing tables by tenant, loaded when first needed. The commit checks the version of the table that was used
/// (engine rule E7), so a table may be out of date without harm.
pub struct Directory {
    store: Arc<dyn Store>,
    tables: RwLock<HashMap<TenantId, Arc<RoutingTable>>>,
}

impl Directory {
    /// An empty directory.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, tables: RwLock::default() }
    }

    /// The tenant's table; none when there is no such tenant.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn table(&self, tenant: TenantId) -> Result<Option<Arc<RoutingTable>>, StoreError> {
        let known = self.tables.read().expect("no panic while holding the lock").get(&tenant).cloned();
        match known {
            Some(table) => Ok(Some(table)),
            None => self.reload(tenant).await,
        }
    }

    /// Reads the tenant's table anew. A reader that lost the race against a newer one does not overwrite it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn reload(&self, tenant: TenantId) -> Result<Option<Arc<RoutingTable>>, StoreError> {
        let Some((version, webhooks)) = self.store.routing(tenant).await? else {
            self.tables.write().expect("no panic while holding the lock").remove(&tenant);
            return Ok(None);
        };
        let fresh = Arc::new(RoutingTable::new(version, webhooks.into_iter().map(Arc::new)));
        let mut tables = self.tables.write().expect("no panic while holding the lock");
        let kept = tables.entry(tenant).or_insert_with(|| Arc::clone(&fresh));
        if kept.version() < fresh.version() {
            *kept = fresh;
        }
        Ok(Some(Arc::clone(kept)))
    }
}
