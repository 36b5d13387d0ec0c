//! What tenants use: events stored by day, and deliveries pending.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use stentor_core::id::TenantId;

use crate::error::StoreResult;

/// Events that a tenant had stored on a day. Operational ones do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedDay {
    /// Whose.
    pub tenant: TenantId,
    /// The day, counted in UTC from 1970.
    pub day: i64,
    /// How many.
    pub events: u64,
}

/// How many deliveries each tenant has pending, at hand in memory. Commits move it, but for those that accept events: whoever
/// has an event accepted adds its deliveries before, and takes them away again if it is not stored. So what is on its way
/// counts, and nothing counts twice.
#[derive(Debug, Default)]
pub struct Backlogs(RwLock<HashMap<TenantId, Arc<AtomicI64>>>);

impl Backlogs {
    /// The number of one tenant, to be looked at again and again.
    pub fn of(&self, tenant: TenantId) -> Backlog {
        let known = self.0.read().expect("no panic while holding the lock").get(&tenant).cloned();
        let number = known.unwrap_or_else(|| {
            let mut numbers = self.0.write().expect("no panic while holding the lock");
            Arc::clone(numbers.entry(tenant).or_default())
        });
        Backlog(number)
    }

    /// Moves numbers.
    pub fn apply(&self, changes: impl IntoIterator<Item = (TenantId, i64)>) {
        for (tenant, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
            self.of(tenant).change(change);
        }
    }
}

/// The number of one tenant's pending deliveries.
#[derive(Debug, Clone)]
pub struct Backlog(Arc<AtomicI64>);

impl Backlog {
    /// Moves it.
    pub fn change(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    /// The number now.
    pub fn deliveries(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Reads of what tenants use.
#[async_trait]
pub trait Usage: Send + Sync {
    /// Events stored since a day began, of one tenant or all. Exact at every moment, purged events included.
    async fn usage(&self, tenant: Option<TenantId>, since: i64) -> StoreResult<Vec<UsedDay>>;

    /// Counts all pending deliveries, once, and keeps the numbers up to date from then on.
    async fn follow_backlogs(&self) -> StoreResult<Arc<Backlogs>>;
}
