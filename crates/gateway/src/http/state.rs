//! What every handler works with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ipnet::IpNet;
use stentor_core::id::TenantId;
use stentor_core::time::Time;
use stentor_engine::Engine;
use stentor_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::Facts;
use crate::http::extract::BodyBudget;
use crate::http::guesses::Guesses;
use crate::http::repeats::Running;

/// The tenant that the operator's token acts for when a request names none.
pub const DEFAULT_TENANT: &str = "default";
/// How long it is remembered that a tenant exists, so that publishing with the operator's token reads nothing. Changing
/// or deleting one through this process takes effect at once; through another node within this time.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Most tenants remembered; beyond it all are forgotten.
const REMEMBERED_MAX: usize = 20_000;
/// Most answers of sources that are held back at once; beyond it they leave without the delay.
const HELD_BACK_MAX: usize = 1_024;

/// What the operator decides about the API.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// Wrong tokens of one address that have no consequence.
    pub wrong_tokens: u32,
    /// Whether everybody may read `/metrics`.
    pub public_metrics: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { wrong_tokens: 10, public_metrics: false }
    }
}

/// The engine, the tenants that the operator acted for lately, and the memory for bodies. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    tenants: Mutex<HashMap<Named, (TenantId, Time)>>,
    bodies: BodyBudget,
    guesses: Guesses,
    options: HttpOptions,
    facts: Facts,
    running: Running,
    proxies: Vec<IpNet>,
    held_back: Arc<Semaphore>,
}

impl axum::extract::FromRef<AppState> for BodyBudget {
    fn from_ref(state: &AppState) -> Self {
        state.inner.bodies.clone()
    }
}

/// How a request names the tenant that it acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    /// Not at all.
    Default,
    /// By id.
    Id(TenantId),
}

impl AppState {
    /// The state around a running engine. Proxies are believed what they say of clients.
    pub fn new(engine: Engine, options: HttpOptions, facts: Facts, proxies: Vec<IpNet>) -> Self {
        let guesses = Guesses::new(options.wrong_tokens);
        let (tenants, bodies) = (Mutex::default(), BodyBudget::default());
        let (running, held_back) = (Running::default(), Arc::new(Semaphore::new(HELD_BACK_MAX)));
        let inner = Inner { engine, tenants, bodies, guesses, options, facts, running, proxies, held_back };
        Self { inner: Arc::new(inner) }
    }

    /// The proxies that are believed.
    pub fn trusted_proxies(&self) -> &[IpNet] {
        &self.inner.proxies
    }

    /// A place for an answer that is held back; none when there are enough of them.
    pub fn hold_back(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.inner.held_back).try_acquire_owned().ok()
    }

    /// What may be told of the configuration.
    pub fn facts(&self) -> &Facts {
        &self.inner.facts
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Who sends wrong tokens.
    pub fn guesses(&self) -> &Guesses {
        &self.inner.guesses
    }

    /// What the operator decides.
    pub fn options(&self) -> HttpOptions {
        self.inner.options
    }

    /// The memory for the bodies of requests.
    pub fn bodies(&self) -> &BodyBudget {
        &self.inner.bodies
    }

    /// The tenant that the operator chose by id, or the one named [`DEFAULT_TENANT`]; none when there is no such tenant.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn chosen_tenant(&self, id: Option<TenantId>) -> Result<Option<TenantId>, StoreError> {
        let now = self.engine().clock().now();
        let named = id.map_or(Named::Default, Named::Id);
        let remembered = self.lock().get(&named).copied();
        if let Some((tenant, asked_at)) = remembered
            && now.since(asked_at) < REMEMBERED
        {
            return Ok(Some(tenant));
        }
        let store = self.engine().store();
        let found = match id {
            Some(id) => store.tenant(id).await?,
            None => store.tenant_named(DEFAULT_TENANT).await?,
        };
        let Some(tenant) = found.map(|tenant| tenant.id) else { return Ok(None) };
        let mut tenants = self.lock();
        if tenants.len() >= REMEMBERED_MAX {
            tenants.clear();
        }
        tenants.insert(named, (tenant, now));
        Ok(Some(tenant))
    }

    /// The keys of requests that are being carried out.
    pub(super) fn running(&self) -> &Running {
        &self.inner.running
    }

    /// Forgets the tenants, after one changed.
    pub fn forget_tenants(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Named, (TenantId, Time)>> {
        self.inner.tenants.lock().expect("no panic while holding the lock")
    }
}
