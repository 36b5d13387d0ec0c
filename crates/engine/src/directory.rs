//! What publishing needs to know of a tenant: its routing table and which of its tokens live.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};

use stentor_core::id::{TenantId, TokenId};
use stentor_core::plan::{Feature, Plan};
use stentor_core::route::RoutingTable;
use stentor_store::webhooks::Routing;
use stentor_store::{Store, StoreError};

use crate::event_types::TypeGate;
use crate::limits::{Limits, TenantLimits};

/// What was known of a tenant at one version of its configuration.
#[derive(Clone)]
pub struct Known {
    /// Its webhooks and routes, by what they ask for.
    pub table: Arc<RoutingTable>,
    /// Its tokens that are not revoked, read after the table: one revoked at or before the table's version is not in it.
    live_tokens: Arc<HashSet<TokenId>>,
    /// What it demands of its event types, read after the table too.
    pub types: Arc<TypeGate>,
    /// What its plan allows, read after the table too; none when that is everything.
    pub(crate) limits: Option<Arc<TenantLimits>>,
    /// Its plan, read after the table too; none only when the tenant is being deleted.
    plan: Option<Arc<Plan>>,
}

impl Known {
    /// Whether this token of the tenant was not revoked. One made since is not known yet.
    pub fn has_token(&self, token: TokenId) -> bool {
        self.live_tokens.contains(&token)
    }

    /// Whether its plan includes this.
    pub fn includes(&self, feature: Feature) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.features.contains(&feature))
    }
}

/// Tenants as last read, loaded when first needed. The commit checks the version that was used (engine rule E7), so what
/// is here may be out of date without harm.
pub struct Directory {
    store: Arc<dyn Store>,
    limits: Arc<Limits>,
    tenants: RwLock<HashMap<TenantId, Known>>,
    /// What tenants demand of their event types, kept while webhooks change: schemas are compiled once per change of theirs.
    types: RwLock<HashMap<TenantId, Arc<TypeGate>>>,
    /// One lock per tenant that is being read, so that many who miss the same version read it once.
    loading: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Directory {
    /// An empty directory.
    pub fn new(store: Arc<dyn Store>, limits: Arc<Limits>) -> Self {
        let (tenants, types) = (RwLock::default(), RwLock::default());
        Self { store, limits, tenants, types, loading: Mutex::default() }
    }

    /// The tenant's table; none when there is no such tenant.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn table(&self, tenant: TenantId) -> Result<Option<Arc<RoutingTable>>, StoreError> {
        Ok(self.known(tenant).await?.map(|known| known.table))
    }

    /// What is known of the tenant; none when there is no such tenant.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn known(&self, tenant: TenantId) -> Result<Option<Known>, StoreError> {
        self.load_unless(tenant, |_| true).await
    }

    /// What is known of the tenant after this version. However many ask at once, it is read once; what another has read
    /// meanwhile is taken as it is.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn newer_than(&self, tenant: TenantId, version: u64) -> Result<Option<Known>, StoreError> {
        self.load_unless(tenant, |known| known.table.version() > version).await
    }

    /// Forgets what was known of the tenant, after a change of it: whoever needs it next reads it. So a thousand changes in
    /// a row cost no reading.
    pub fn forget(&self, tenant: TenantId) {
        self.tenants.write().expect("no panic while holding the lock").remove(&tenant);
    }

    /// Whether something is remembered of the tenant.
    pub(crate) fn knows(&self, tenant: TenantId) -> bool {
        self.tenants.read().expect("no panic while holding the lock").contains_key(&tenant)
    }

    async fn load_unless(
        &self,
        tenant: TenantId,
        suffices: impl Fn(&Known) -> bool,
    ) -> Result<Option<Known>, StoreError> {
        if let Some(known) = self.remembered(tenant).filter(&suffices) {
            return Ok(Some(known));
        }
        let turn = Arc::clone(self.turns().entry(tenant).or_default());
        let result = {
            let _turn = turn.lock().await;
            match self.remembered(tenant).filter(&suffices) {
                Some(known) => Ok(Some(known)),
                None => self.load(tenant).await,
            }
        };
        // Whoever waits for the lock holds it too; the last one (the map and we have it) takes it out.
        let mut turns = self.turns();
        if Arc::strong_count(&turn) <= 2 {
            turns.remove(&tenant);
        }
        result
    }

    /// A reader that lost the race against a newer one does not overwrite it.
    async fn load(&self, tenant: TenantId) -> Result<Option<Known>, StoreError> {
        let Some(Routing { version, webhooks, routes }) = self.store.routing(tenant).await? else {
            self.forget(tenant);
            self.types.write().expect("no panic while holding the lock").remove(&tenant);
            return Ok(None);
        };
        let tokens = self.store.tokens(tenant).await?;
        let (webhooks, routes) = (webhooks.into_iter().map(Arc::new), routes.into_iter().map(Arc::new));
        let plan = self.store.tenant(tenant).await?.map(|tenant| tenant.plan);
        let fresh = Known {
            table: Arc::new(RoutingTable::new(version, webhooks, routes)),
            live_tokens: Arc::new(tokens.into_iter().map(|token| token.id).collect()),
            types: self.types(tenant).await?,
            limits: plan.as_ref().and_then(|plan| self.limits.of(tenant, plan)),
            plan: plan.map(|plan| Arc::clone(self.limits.plan(&plan))),
        };
        let mut tenants = self.tenants.write().expect("no panic while holding the lock");
        let kept = tenants.entry(tenant).or_insert_with(|| fresh.clone());
        if kept.table.version() <= fresh.table.version() {
            *kept = fresh;
        }
        Ok(Some(kept.clone()))
    }

    /// What the tenant demands of its event types now; what is known of them is taken on when nothing changed.
    async fn types(&self, tenant: TenantId) -> Result<Arc<TypeGate>, StoreError> {
        let known = self.types.read().expect("no panic while holding the lock").get(&tenant).cloned();
        match self.store.types_in_force(tenant, known.as_ref().map(|known| known.version())).await? {
            None => Ok(known.unwrap_or_default()),
            Some(changed) => {
                let gate = Arc::new(TypeGate::new(changed));
                let mut types = self.types.write().expect("no panic while holding the lock");
                types.insert(tenant, Arc::clone(&gate));
                Ok(gate)
            }
        }
    }

    fn remembered(&self, tenant: TenantId) -> Option<Known> {
        self.tenants.read().expect("no panic while holding the lock").get(&tenant).cloned()
    }

    fn turns(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>> {
        self.loading.lock().expect("no panic while holding the lock")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use stentor_core::plan::Plans;
    use stentor_core::tenant::{DEFAULT_PLAN, Tenant, TenantSettings};
    use stentor_core::time::Time;
    use stentor_core::token::{Scopes, Token, TokenOwner};
    use stentor_store::seal::MasterKey;
    use stentor_store::sqlite::SqliteStore;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn many_who_miss_a_version_read_it_once() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = SqliteStore::open(&folder.path().join("test.db"), &MasterKey::from_bytes([7; 32]));
        let store: Arc<dyn Store> = Arc::new(store.expect("a new database"));
        let (tenant, now) = (TenantId::from_bytes([1; 16]), Time::from_seconds(1_700_000_000));
        let new = Tenant {
            id: tenant,
            name: "t".into(),
            plan: DEFAULT_PLAN.into(),
            default_profile: None,
            config_version: 1,
            settings: TenantSettings::default(),
            created_at: now,
        };
        store.create_tenant(&new).await.expect("stored");
        let clock = Arc::new(ManualClock::new(now));
        let limits = Limits::load(Plans::default(), &*store, clock).await.expect("read");
        let directory = Directory::new(Arc::clone(&store), limits);
        let old = directory.known(tenant).await.expect("answers").expect("a tenant");
        let token = Token {
            id: TokenId::from_bytes([2; 16]),
            owner: TokenOwner::Tenant(tenant),
            name: "t".into(),
            scopes: Scopes::all(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        assert!(store.create_token(&token, "secret").await.expect("stored"));
        let version = old.table.version();
        let found = join_all((0..50).map(|_| directory.newer_than(tenant, version))).await;
        let found: Vec<Known> =
            found.into_iter().map(|known| known.expect("answers").expect("known")).collect();
        assert!(found[0].table.version() > version);
        assert!(found.iter().all(|known| Arc::ptr_eq(&known.table, &found[0].table)), "read more than once");
        assert!(!old.has_token(token.id) && found[0].has_token(token.id));
        assert!(directory.turns().is_empty());
    }
}
