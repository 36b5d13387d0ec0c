//! The permits that all shards share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use stentor_core::id::TenantId;
use stentor_store::lanes::LaneKey;

use super::state::PermitSource;
use crate::permits::{Granted, Permits, Standing};

/// One account for the whole process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedPermits {
    account: Arc<Mutex<Permits>>,
    alone: Arc<AtomicBool>,
}

impl SharedPermits {
    pub(crate) fn new(total: u32) -> Self {
        Self { account: Arc::new(Mutex::new(Permits::new(total))), alone: Arc::default() }
    }

    /// Started attempts whose outcome is not committed.
    pub(crate) fn in_use(&self) -> u32 {
        self.lock().in_use()
    }

    fn lock(&self) -> MutexGuard<'_, Permits> {
        self.account.lock().expect("no panic while holding the lock")
    }
}

impl PermitSource for SharedPermits {
    fn acquire(&mut self, tenant: TenantId, lane: LaneKey, standing: Standing) -> bool {
        self.lock().acquire(tenant, lane, standing)
    }

    fn release(&mut self, tenant: TenantId, standing: Standing) -> Option<Granted> {
        self.lock().release(tenant, standing)
    }

    fn park(&mut self, tenant: TenantId, standing: Standing) -> (bool, Option<Granted>) {
        self.lock().park(tenant, standing)
    }

    fn unpark(&mut self) {
        self.lock().unpark();
    }

    fn board(&mut self, members: u32) {
        self.lock().board(members);
    }

    fn leave(&mut self, members: u32) {
        self.lock().leave(members);
    }

    fn acquire_alone(&mut self) -> bool {
        !self.alone.swap(true, Ordering::AcqRel)
    }

    fn release_alone(&mut self) {
        self.alone.store(false, Ordering::Release);
    }
}
