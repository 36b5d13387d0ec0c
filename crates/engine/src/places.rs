//! How much of something that people ask for may be under way at once. It takes no permit and no window of a lane, so it
//! has bounds of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stentor_core::id::TenantId;

/// Places that are taken, by tenant; a tenant without any is not in it.
pub(crate) struct Places {
    /// Most at once in the process.
    all_max: u32,
    /// Most at once of one tenant, so that one cannot take all.
    tenant_max: u32,
    taken: Mutex<BTreeMap<TenantId, u32>>,
}

/// One place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    places: &'a Places,
    tenant: TenantId,
}

impl Places {
    pub(crate) const fn new(all_max: u32, tenant_max: u32) -> Self {
        Self { all_max, tenant_max, taken: Mutex::new(BTreeMap::new()) }
    }

    /// A place for one more, if there is one.
    pub(crate) fn enter(&self, tenant: TenantId) -> Option<Place<'_>> {
        let mut taken = self.lock();
        let own = taken.get(&tenant).copied().unwrap_or(0);
        if own >= self.tenant_max || taken.values().sum::<u32>() >= self.all_max {
            return None;
        }
        taken.insert(tenant, own + 1);
        Some(Place { places: self, tenant })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TenantId, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Places")
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(own) = taken.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_fill_and_all_together_have_theirs() {
        let places = Places::new(32, 8);
        let tenant = |n: u8| TenantId::from_bytes([n; 16]);
        let mut taken: Vec<_> = (0..8).map(|_| places.enter(tenant(0)).expect("free")).collect();
        assert!(places.enter(tenant(0)).is_none());
        for n in 1..4 {
            taken.extend((0..8).map(|_| places.enter(tenant(n)).expect("free")));
        }
        assert!(places.enter(tenant(4)).is_none());
        taken.remove(0);
        taken.push(places.enter(tenant(0)).expect("the place that became free"));
        drop(taken);
        assert!(places.lock().is_empty());
    }
}
