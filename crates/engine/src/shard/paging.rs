//! How a lane reads what the store has and memory has not (engine rules E2, E9). A page shows the store as it was when the
//! read ran; what came since decides what of it still holds.

use std::collections::HashSet;

use stentor_core::id::{BatchId, DeliveryId};
use stentor_core::time::Time;
use stentor_store::lanes::LoadedDelivery;

use super::ALONE_PAUSE;
use super::input::ReadKind;
use super::lane::{Lane, Queued};

/// A read that has not returned.
#[derive(Debug)]
pub struct Reading {
    /// For which rows.
    pub kind: ReadKind,
    /// The lane's generation when it was issued.
    pub generation: u64,
    /// Rows that ended or were attempted since: the page may show them as they were.
    pub changed: HashSet<DeliveryId>,
    /// The earliest due time that came up since.
    pub due_since: Option<Time>,
    /// The lowest position of a row that was committed since and did not go into memory.
    pub dropped_since: Option<i64>,
    /// Memory was forgotten since: what the page shows has no place any more.
    pub stale: bool,
}

impl Lane {
    /// Which page is wanted next, if any.
    pub fn wanted_read(&self, now: Time) -> Option<ReadKind> {
        if self.reading.is_some() || now < self.read_not_before || !self.webhook.status.delivers() {
            return None;
        }
        if self.is_ordered() {
            let wanted = self.spilled && self.has_room_to_read();
            return wanted.then_some(ReadKind::Ordered { after: self.low });
        }
        if self.retries.is_empty() && self.next_due.is_some_and(|due| due <= now) {
            // Rows in flight are still in the store; ask for enough to see past them.
            let rows = u32::try_from(self.flights.len()).unwrap_or(u32::MAX).saturating_add(64);
            return Some(ReadKind::Due { until: now, rows });
        }
        let wanted = self.spilled && self.has_room_to_read();
        wanted.then_some(ReadKind::Fresh { after: self.low })
    }

    /// Notes that a read was issued.
    pub fn begin_read(&mut self, kind: ReadKind) {
        let generation = self.generation;
        let changed = HashSet::new();
        self.reading =
            Some(Reading { kind, generation, changed, due_since: None, dropped_since: None, stale: false });
    }

    /// Takes a page of rows in order of position.
    pub fn take_page(&mut self, rows: Vec<LoadedDelivery>, rows_max: usize, reading: &Reading, now: Time) {
        let is_changed = |row: &LoadedDelivery| reading.changed.contains(&row.pending.id);
        if rows.iter().any(|row| row.pending.batch.is_some() && is_changed(row)) {
            // A batch that is known otherwise in part: what comes after it must not come before it. Read again.
            if let Some(dropped) = reading.dropped_since {
                self.low = self.low.min(dropped.saturating_sub(1));
            }
            self.read_not_before = self.read_not_before.max(now.plus(ALONE_PAUSE));
            return;
        }
        let short = rows.len() < rows_max;
        let known: HashSet<DeliveryId> = self.memory.iter().map(|queued| queued.pending.id).collect();
        for row in rows {
            let id = row.pending.id;
            self.low = self.low.max(row.pending.position);
            if !known.contains(&id) && !self.flights.contains_key(&id) && !reading.changed.contains(&id) {
                self.paged.insert(id);
                self.remember(Queued::new(row.pending, row.content));
            }
        }
        if let Some(dropped) = reading.dropped_since {
            self.low = self.low.min(dropped.saturating_sub(1));
        }
        if short && reading.generation == self.generation {
            self.spilled = false;
        }
    }

    /// Takes a page of due rows.
    pub fn take_due(
        &mut self,
        rows: Vec<LoadedDelivery>,
        next_due: Option<Time>,
        reading: &Reading,
        now: Time,
    ) {
        // A batch of which a member is known otherwise is passed over as a whole.
        let mut broken: HashSet<BatchId> = HashSet::new();
        for row in rows {
            let id = row.pending.id;
            let known = self.flights.contains_key(&id)
                || reading.changed.contains(&id)
                || self.memory.iter().any(|queued| queued.pending.id == id);
            if known {
                broken.extend(row.pending.batch);
            } else {
                self.paged.insert(id);
                self.retries.push_back(Queued::new(row.pending, row.content));
            }
        }
        let part_read = !broken.is_empty() && self.pass_over(&broken);
        self.next_due = match (next_due, reading.due_since) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if part_read {
            self.note_due(now);
            self.read_not_before = self.read_not_before.max(now.plus(ALONE_PAUSE));
        }
    }

    /// Takes out what a page brought of these batches. True if that was a part of one, which is to be read again.
    fn pass_over(&mut self, broken: &HashSet<BatchId>) -> bool {
        let of_broken = |queued: &Queued| queued.pending.batch.is_some_and(|batch| broken.contains(&batch));
        let brought = self.retries.len();
        let paged = &mut self.paged;
        self.retries.retain(|queued| {
            let kept = !of_broken(queued);
            if !kept {
                paged.remove(&queued.pending.id);
            }
            kept
        });
        self.retries.len() < brought
    }

    /// Rows that one page of this kind may hold.
    pub fn page_rows(&self, kind: ReadKind) -> u32 {
        match kind {
            ReadKind::Due { rows, .. } | ReadKind::Leftover { rows } => rows,
            ReadKind::Fresh { .. } | ReadKind::Ordered { .. } => {
                u32::try_from(self.limits.rows / 2).unwrap_or(1).max(1)
            }
        }
    }
}
