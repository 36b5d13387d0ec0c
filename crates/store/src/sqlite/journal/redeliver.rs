//! New deliveries for old events: asked for by a person, or made by a step of a replay.

use rusqlite::params;
use stentor_core::id::{EventId, ReplayId, TenantId};
use stentor_core::time::Time;

use super::{Batch, ItemResult};
use crate::journal::{NewDelivery, Written};
use crate::sqlite::row::micros;

/// A step of a replay.
pub(super) struct ReplayStep<'a> {
    pub tenant: TenantId,
    pub replay: ReplayId,
    pub items: &'a [(EventId, NewDelivery)],
    pub cursor: Option<EventId>,
    pub done: bool,
    pub now: Time,
}

impl Batch<'_> {
    pub(super) fn redeliver(
        &mut self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
    ) -> ItemResult<Written> {
        Ok(Written::Redelivered(self.deliver_again(tenant, event, deliveries)?))
    }

    /// The progress moves first: where it does not move, this step was made before.
    pub(super) fn replay(&mut self, step: &ReplayStep<'_>) -> ItemResult<Written> {
        let cursor = step.cursor.map(|cursor| *cursor.as_bytes());
        let is_end_only = step.done && step.items.is_empty();
        let moved = self
            .connection
            .prepare_cached(
                "UPDATE replays SET cursor = coalesce(max(cursor, ?3), ?3, cursor),
                 finished_at = CASE WHEN ?4 THEN ?5 END WHERE id = ?1 AND tenant = ?2 AND finished_at IS NULL
                 AND (?6 OR cursor IS NULL OR cursor < ?3)",
            )?
            .execute(params![
                step.replay.as_bytes(),
                step.tenant.as_bytes(),
                cursor,
                step.done,
                micros(step.now),
                is_end_only,
            ])?;
        if moved == 0 {
            return Ok(Written::Replayed(None));
        }
        let mut made = 0;
        for (event, delivery) in step.items {
            if self.deliver_again(step.tenant, *event, std::slice::from_ref(delivery))?.is_some() {
                made += 1;
            }
        }
        self.connection
            .prepare_cached("UPDATE replays SET deliveries = deliveries + ?2 WHERE id = ?1")?
            .execute(params![step.replay.as_bytes(), made])?;
        Ok(Written::Replayed(Some(made)))
    }

    /// The final positions; none when there is no such event.
    fn deliver_again(
        &mut self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
    ) -> ItemResult<Option<Vec<i64>>> {
        let mut find =
            self.connection.prepare_cached("SELECT 1 FROM events WHERE id = ?1 AND tenant = ?2")?;
        if !find.exists([event.as_bytes(), tenant.as_bytes()])? {
            return Ok(None);
        }
        let positions = self.insert_deliveries(tenant, event, deliveries)?;
        self.trace_redeliveries(tenant, event, deliveries)?;
        let made = i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
        self.note_pending(tenant, made);
        // No event row stands for these, so they are in the totals from the start.
        self.changes.of(tenant).accepted += made;
        Ok(Some(positions))
    }
}
