//! How many test sends may be on their way. They take no permit and no window of a lane, so they have a bound of their own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use stentor_core::id::TenantId;

/// Most at once in the process.
const ALL_MAX: u32 = 32;
/// Most at once of one tenant, so that one cannot take all.
const TENANT_MAX: u32 = 8;

/// The test sends under way in this process.
pub(crate) static TEST_SENDS: TestSends = TestSends(Mutex::new(BTreeMap::new()));

/// Test sends under way, by tenant; a tenant without any is not in it.
pub(crate) struct TestSends(Mutex<BTreeMap<TenantId, u32>>);

/// The place of one test send; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    sends: &'a TestSends,
    tenant: TenantId,
}

impl TestSends {
    /// A place for one more, if there is one.
    pub(crate) fn enter(&self, tenant: TenantId) -> Option<Place<'_>> {
        let mut sends = self.lock();
        let own = sends.get(&tenant).copied().unwrap_or(0);
        if own >= TENANT_MAX || sends.values().sum::<u32>() >= ALL_MAX {
            return None;
        }
        sends.insert(tenant, own + 1);
        Some(Place { sends: self, tenant })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TenantId, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for TestSends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestSends")
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut sends = self.sends.lock();
        if let Some(own) = sends.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                sends.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_fill_and_all_together_have_theirs() {
        let sends = TestSends(Mutex::default());
        let tenant = |n: u8| TenantId::from_bytes([n; 16]);
        let mut places: Vec<_> = (0..TENANT_MAX).map(|_| sends.enter(tenant(0)).expect("free")).collect();
        assert!(sends.enter(tenant(0)).is_none());
        for n in 1..4 {
            places.extend((0..TENANT_MAX).map(|_| sends.enter(tenant(n)).expect("free")));
        }
        assert!(sends.enter(tenant(4)).is_none());
        places.remove(0);
        places.push(sends.enter(tenant(0)).expect("the place that became free"));
        drop(places);
        assert!(sends.lock().is_empty());
    }
}
