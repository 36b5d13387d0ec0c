//! The fair queue of the journal: a plain data structure that composes batches (engine rule E10).
//!
//! What lanes have to write comes first, up to half a batch; acceptances follow, one per tenant in turn. So neither a
//! flooding tenant nor a flood of acceptances delays the others' writes. Under full load a batch brings no more new
//! deliveries than it ends: what came faster than it can leave would only be written to be read again.

use std::collections::{HashMap, VecDeque};

use stentor_core::id::TenantId;
use stentor_store::journal::Write;

use super::{AcceptEntry, Entry};

/// How much may wait, and how much one batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Most items of a batch.
    pub batch_items: usize,
    /// Most rows of a batch.
    pub batch_rows: usize,
    /// Most payload bytes of a batch.
    pub batch_bytes: usize,
    /// New deliveries that a batch may bring, however few outcomes are in it.
    pub batch_deliveries: usize,
    /// A payload larger than this goes alone: at most one per batch.
    pub large_bytes: usize,
    /// Most acceptances of one tenant that may wait.
    pub tenant_items: usize,
    /// Most payload bytes of one tenant that may wait.
    pub tenant_bytes: usize,
    /// Most acceptances that may wait in all.
    pub items: usize,
    /// Most payload bytes that may wait in all.
    pub bytes: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            batch_items: 1_024,
            batch_rows: 4_096,
            batch_bytes: 4 * 1024 * 1024,
            batch_deliveries: 256,
            large_bytes: 256 * 1024,
            tenant_items: 4_096,
            tenant_bytes: 32 * 1024 * 1024,
            items: 16_384,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// Why an acceptance has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Its tenant has its share waiting.
    Tenant,
    /// The whole queue is full.
    Everything,
    /// No new events are taken any more.
    Closed,
}

#[derive(Default)]
struct TenantQueue {
    entries: VecDeque<AcceptEntry>,
    /// Events in them.
    items: usize,
    bytes: usize,
}

/// The queue. Not a channel: whoever takes from it decides what a batch is.
pub(crate) struct FairQueue {
    limits: QueueLimits,
    first: VecDeque<Entry>,
    tenants: HashMap<TenantId, TenantQueue>,
    /// Tenants that have acceptances waiting, in turn.
    turn: VecDeque<TenantId>,
    items: usize,
    bytes: usize,
    closed: bool,
}

/// What a batch holds so far.
#[derive(Default)]
struct Load {
    items: usize,
    rows: usize,
    acceptances: usize,
    outcomes: usize,
    deliveries: usize,
    bytes: usize,
    large: bool,
}

impl FairQueue {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            first: VecDeque::new(),
            tenants: HashMap::new(),
            turn: VecDeque::new(),
            items: 0,
            bytes: 0,
            closed: false,
        }
    }

    pub(crate) fn put_acceptance(&mut self, entry: AcceptEntry) -> Result<(), Busy> {
        let (items, bytes) = (events(&entry), payload_bytes(&entry));
        if self.closed {
            return Err(Busy::Closed);
        }
        if self.items + items > self.limits.items || self.bytes + bytes > self.limits.bytes && self.items > 0
        {
            return Err(Busy::Everything);
        }
        let tenant = entry.first.event.event.tenant;
        let queue = self.tenants.entry(tenant).or_default();
        let over_bytes = queue.bytes + bytes > self.limits.tenant_bytes && !queue.entries.is_empty();
        if queue.items + items > self.limits.tenant_items || over_bytes {
            return Err(Busy::Tenant);
        }
        if queue.entries.is_empty() {
            self.turn.push_back(tenant);
        }
        queue.entries.push_back(entry);
        queue.items += items;
        queue.bytes += bytes;
        self.items += items;
        self.bytes += bytes;
        Ok(())
    }

    pub(crate) fn put_first(&mut self, entry: Entry) {
        self.first.push_back(entry);
    }

    /// Puts back what could not be written, ahead of everything else and in its order.
    pub(crate) fn put_back(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.first.push_front(entry);
        }
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many acceptances of a tenant, or of all, may wait, and how many more fit now.
    pub(crate) fn room(&self, tenant: Option<TenantId>) -> (usize, usize) {
        let left = self.limits.items.saturating_sub(self.items);
        let Some(tenant) = tenant else { return (self.limits.items, left) };
        let waiting = self.tenants.get(&tenant).map_or(0, |queue| queue.items);
        let max = self.limits.tenant_items;
        (max, max.saturating_sub(waiting).min(left))
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.items
    }

    /// The next batch; empty when nothing waits.
    pub(crate) fn take(&mut self) -> Vec<Entry> {
        let mut load = Load::default();
        let mut batch = Vec::with_capacity(self.len().min(self.limits.batch_items));
        let half = if self.items == 0 { self.limits.batch_items } else { self.limits.batch_items / 2 };
        self.take_first(&mut batch, &mut load, half);
        self.take_acceptances(&mut batch, &mut load);
        self.take_first(&mut batch, &mut load, self.limits.batch_items);
        batch
    }

    fn take_first(&mut self, batch: &mut Vec<Entry>, load: &mut Load, items_max: usize) {
        while load.items < items_max && load.rows < self.limits.batch_rows {
            let Some(entry) = self.first.pop_front() else { return };
            load.items += 1;
            load.rows += rows(&entry);
            load.outcomes += usize::from(matches!(entry, Entry::Outcome { .. }));
            batch.push(entry);
        }
    }

    fn take_acceptances(&mut self, batch: &mut Vec<Entry>, load: &mut Load) {
        while let Some(tenant) = self.turn.pop_front() {
            let Some(queue) = self.tenants.get_mut(&tenant) else { continue };
            let fits = queue.entries.front().is_some_and(|entry| load.takes(entry, &self.limits));
            if !fits {
                // Its turn is kept for the next batch.
                self.turn.push_front(tenant);
                return;
            }
            let Some(entry) = queue.entries.pop_front() else { continue };
            let (items, bytes) = (events(&entry), payload_bytes(&entry));
            queue.items -= items;
            queue.bytes -= bytes;
            self.items -= items;
            self.bytes -= bytes;
            if queue.entries.is_empty() {
                self.tenants.remove(&tenant);
            } else {
                self.turn.push_back(tenant);
            }
            // A publisher that stopped waiting before its event was taken has no claim on it.
            if !entry.waiter.is_closed() {
                load.add(&entry, &self.limits);
                batch.push(Entry::Accept(entry));
            }
        }
    }
}

impl Load {
    fn takes(&self, entry: &AcceptEntry, limits: &QueueLimits) -> bool {
        let bytes = payload_bytes(entry);
        let large = bytes > limits.large_bytes;
        // The first one always fits, so that the largest is never passed over for ever.
        self.acceptances == 0
            || self.items + events(entry) <= limits.batch_items
                && self.rows + accept_rows(entry) <= limits.batch_rows
                && self.deliveries + deliveries(entry) <= limits.batch_deliveries.max(self.outcomes)
                && self.bytes + bytes <= limits.batch_bytes
                && !(large && self.large)
    }

    fn add(&mut self, entry: &AcceptEntry, limits: &QueueLimits) {
        let bytes = payload_bytes(entry);
        self.items += events(entry);
        self.acceptances += 1;
        self.rows += accept_rows(entry);
        self.deliveries += deliveries(entry);
        self.bytes += bytes;
        self.large |= bytes > limits.large_bytes;
    }
}

fn payload_bytes(entry: &AcceptEntry) -> usize {
    entry.events().map(|new| new.event.content.bytes()).sum()
}

/// How many events one entry brings.
fn events(entry: &AcceptEntry) -> usize {
    1 + entry.others.len()
}

fn deliveries(entry: &AcceptEntry) -> usize {
    entry.events().map(|new| new.deliveries.len()).sum()
}

fn accept_rows(entry: &AcceptEntry) -> usize {
    2 * events(entry) + deliveries(entry)
}

fn rows(entry: &Entry) -> usize {
    match entry {
        Entry::Accept(entry) => accept_rows(entry),
        Entry::Outcome { .. } => 3,
        Entry::Outcomes { outcomes, .. } => 3 * outcomes.len(),
        Entry::Lane(lane) => write_rows(&lane.write),
        Entry::Command { write, .. } => write_rows(write),
    }
}

fn write_rows(write: &Write) -> usize {
    match write {
        Write::Accept(event) => 2 + event.deliveries.len(),
        Write::AcceptAll(events) => events.iter().map(|event| 2 + event.deliveries.len()).sum(),
        Write::Outcome(_) | Write::Retry { .. } => 3,
        Write::Outcomes(outcomes) => 3 * outcomes.len(),
        Write::Claim { deliveries } => deliveries.len(),
        Write::Finish { deliveries, .. } => 2 * deliveries.len(),
        Write::Redeliver { deliveries, .. } => deliveries.len(),
        Write::Replay { items, .. } => items.len() + 1,
        Write::Broadcast(step) => {
            step.events.iter().map(|event| 2 + event.deliveries.len()).sum::<usize>() + 1
        }
        Write::Purge { rows_max, .. } => *rows_max as usize,
    }
}

#[cfg(test)]
mod tests;
