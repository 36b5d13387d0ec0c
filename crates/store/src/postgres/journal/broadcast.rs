//! A step of a broadcast: one event for each of some tenants.

use super::Batch;
use crate::broadcasts::BroadcastStep;
use crate::error::StoreResult;
use crate::journal::{NewEvent, Written};
use crate::postgres::broadcasts;
use crate::postgres::row::{Id, micros};

impl Batch<'_> {
    /// Nothing is written unless routing of every tenant is up to date; tenants that are gone are passed over. The progress
    /// moves first: where it does not move, this step was made before.
    pub(super) async fn broadcast(&mut self, step: &BroadcastStep) -> StoreResult<Written> {
        self.read_versions(step.events.iter().map(|new| new.event.tenant)).await?;
        let mut live: Vec<&NewEvent> = Vec::with_capacity(step.events.len());
        for new in &step.events {
            match self.version(new.event.tenant) {
                None => {}
                Some(version) if version == new.event.config_version => live.push(new),
                current => return Ok(Written::StaleConfig { current }),
            }
        }
        let finished_at = step.done.then(|| micros(step.now));
        if !broadcasts::move_on(self.session, step.broadcast, step.cursor, finished_at).await? {
            return Ok(Written::Broadcast(None));
        }
        let written = self.accept(&live).await?;
        let (mut stored, mut deliveries) = (Vec::with_capacity(live.len()), 0_i64);
        for (new, written) in live.iter().zip(written) {
            if let Written::Accepted { positions } = written {
                stored.push(new.event.content.id);
                let made = i64::try_from(positions.len()).unwrap_or(i64::MAX);
                self.note_pending(new.event.tenant, made);
                deliveries += made;
            }
        }
        let sql = "UPDATE broadcasts SET events = events + $2, deliveries = deliveries + $3 WHERE id = $1";
        let events = i64::try_from(stored.len()).unwrap_or(i64::MAX);
        self.session.execute(sql, &[&Id::from(step.broadcast), &events, &deliveries]).await?;
        Ok(Written::Broadcast(Some(stored)))
    }
}
