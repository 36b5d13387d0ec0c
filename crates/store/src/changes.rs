//! What a transaction changes of what is summed up already.

use std::collections::HashMap;

use stentor_core::id::TenantId;

/// What a transaction changes below the bound, by tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub tenants: HashMap<TenantId, Change>,
    /// Events by tenant and UTC day, operational ones aside.
    pub days: HashMap<(TenantId, i64), i64>,
}

/// One tenant's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    pub events: i64,
    pub accepted: i64,
    pub delivered: i64,
    pub dead: i64,
    pub cancelled: i64,
}

impl Change {
    /// Moves the sum of a final state, numbered as in the table.
    pub fn finished(&mut self, state: i64, by: i64) {
        match state {
            1 => self.delivered += by,
            2 => self.dead += by,
            _ => self.cancelled += by,
        }
    }
}

impl Changes {
    pub fn of(&mut self, tenant: TenantId) -> &mut Change {
        self.tenants.entry(tenant).or_default()
    }

    /// Counts events of a day as used.
    pub fn use_on(&mut self, tenant: TenantId, day: i64, events: i64) {
        *self.days.entry((tenant, day)).or_default() += events;
    }
}
