//! What one batch counts, and its row of `counts`.

use std::collections::BTreeMap;

use stentor_core::id::{TenantId, WebhookId};
use stentor_core::statistics::{Minute, Rollup};
use stentor_core::time::Time;

use crate::columns::IdBytes;

/// Sums by minute, tenant and webhook.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(pub BTreeMap<(Minute, TenantId, WebhookId), Rollup>);

impl Counted {
    /// The sums of a webhook in the minute of `at`.
    pub fn of(&mut self, tenant: TenantId, webhook: WebhookId, at: Time) -> &mut Rollup {
        self.0.entry((Minute::of(at), tenant, webhook)).or_default()
    }

    /// The rows that store them: one per minute, which is one row for nearly every batch.
    pub fn rows(&self) -> Vec<(Minute, Vec<u8>)> {
        let mut rows = Vec::new();
        let mut rest = self.0.iter().peekable();
        while let Some(&(&(minute, ..), _)) = rest.peek() {
            let mut bytes = Vec::with_capacity(64);
            let mut last = None;
            while let Some((&(_, tenant, webhook), rollup)) = rest.next_if(|((at, ..), _)| *at == minute) {
                // A tenant's id stands before its first webhook.
                let is_same = last == Some(tenant);
                bytes.push(u8::from(!is_same));
                if !is_same {
                    bytes.extend_from_slice(tenant.as_bytes());
                    last = Some(tenant);
                }
                bytes.extend_from_slice(webhook.as_bytes());
                rollup.encode(&mut bytes);
            }
            rows.push((minute, bytes));
        }
        rows
    }

    /// Adds a stored row. None when it is not one.
    pub fn add_stored(&mut self, minute: Minute, mut bytes: &[u8]) -> Option<()> {
        let mut tenant = None;
        while let Some((is_new, rest)) = bytes.split_first() {
            bytes = rest;
            if *is_new == 1 {
                tenant = Some(TenantId::from_bytes(take_id(&mut bytes)?));
            }
            let webhook = WebhookId::from_bytes(take_id(&mut bytes)?);
            let rollup = Rollup::decode(&mut bytes)?;
            self.0.entry((minute, tenant?, webhook)).or_default().merge(&rollup);
        }
        Some(())
    }
}

fn take_id(bytes: &mut &[u8]) -> Option<IdBytes> {
    let (id, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*id)
}
