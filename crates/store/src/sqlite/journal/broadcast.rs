//! A step of a broadcast: one event for each of some tenants.

use rusqlite::params;

use super::{Batch, ItemResult};
use crate::broadcasts::BroadcastStep;
use crate::journal::Written;
use crate::sqlite::broadcasts;
use crate::sqlite::row::micros;

impl Batch<'_> {
    /// Nothing is written unless routing of every tenant is up to date; tenants that are gone are passed over. The progress
    /// moves first: where it does not move, this step was made before.
    pub(super) fn broadcast(&mut self, step: &BroadcastStep) -> ItemResult<Written> {
        let mut live = Vec::with_capacity(step.events.len());
        for new in &step.events {
            match self.version(new.event.tenant)? {
                None => {}
                Some(version) if version == new.event.config_version => live.push(new),
                current => return Ok(Written::StaleConfig { current }),
            }
        }
        let finished_at = step.done.then(|| micros(step.now));
        if !broadcasts::move_on(self.connection, step.broadcast, step.cursor, finished_at)? {
            return Ok(Written::Broadcast(None));
        }
        let (mut stored, mut deliveries) = (Vec::with_capacity(live.len()), 0_i64);
        for new in live {
            if let Written::Accepted { positions } = self.accept(new)? {
                stored.push(new.event.content.id);
                let made = i64::try_from(positions.len()).unwrap_or(i64::MAX);
                self.note_pending(new.event.tenant, made);
                deliveries += made;
            }
        }
        self.connection
            .prepare_cached(
                "UPDATE broadcasts SET events = events + ?2, deliveries = deliveries + ?3 WHERE id = ?1",
            )?
            .execute(params![
                step.broadcast.as_bytes(),
                i64::try_from(stored.len()).unwrap_or(i64::MAX),
                deliveries
            ])?;
        Ok(Written::Broadcast(Some(stored)))
    }
}
