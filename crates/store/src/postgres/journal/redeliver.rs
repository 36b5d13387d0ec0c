//! New deliveries for old events: asked for by a person, or made by a step of a replay.

use std::collections::HashSet;

use stentor_core::id::{EventId, ReplayId, TenantId};
use stentor_core::time::Time;

use super::Batch;
use crate::error::StoreResult;
use crate::journal::{NewDelivery, Written};
use crate::postgres::connection::Values;
use crate::postgres::row::{self, Id, micros};

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
    pub(super) async fn redeliver(
        &mut self,
        tenant: TenantId,
        event: EventId,
        deliveries: &[NewDelivery],
    ) -> StoreResult<Written> {
        let items: Vec<_> = deliveries.iter().map(|delivery| (event, delivery)).collect();
        if !self.stored(tenant, [event].into_iter()).await?.contains(&event) {
            return Ok(Written::Redelivered(None));
        }
        self.deliver_again(tenant, &items).await.map(|positions| Written::Redelivered(Some(positions)))
    }

    /// The progress moves first: where it does not move, this step was made before.
    pub(super) async fn replay(&mut self, step: &ReplayStep<'_>) -> StoreResult<Written> {
        let is_end_only = step.done && step.items.is_empty();
        let sql =
            "UPDATE replays SET cursor = greatest(cursor, $3), finished_at = CASE WHEN $4 THEN $5::int8 END
             WHERE id = $1 AND tenant = $2 AND finished_at IS NULL AND ($6 OR cursor IS NULL OR cursor < $3)";
        let values: &Values<'_> = &[
            &Id::from(step.replay),
            &Id::from(step.tenant),
            &step.cursor.map(Id::from),
            &step.done,
            &micros(step.now),
            &is_end_only,
        ];
        if self.session.execute(sql, values).await? == 0 {
            return Ok(Written::Replayed(None));
        }
        let stored = self.stored(step.tenant, step.items.iter().map(|(event, _)| *event)).await?;
        let items: Vec<_> = step
            .items
            .iter()
            .filter(|(event, _)| stored.contains(event))
            .map(|(event, delivery)| (*event, delivery))
            .collect();
        self.deliver_again(step.tenant, &items).await?;
        let made = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let sql = "UPDATE replays SET deliveries = deliveries + $2 WHERE id = $1";
        self.session.execute(sql, &[&Id::from(step.replay), &i64::from(made)]).await?;
        Ok(Written::Replayed(Some(made)))
    }

    /// Those of the events that are there.
    async fn stored(
        &self,
        tenant: TenantId,
        events: impl Iterator<Item = EventId>,
    ) -> StoreResult<HashSet<EventId>> {
        let ids: Vec<Id> = events.map(Id::from).collect();
        let found = self
            .session
            .query("SELECT id FROM events WHERE id = ANY($1) AND tenant = $2", &[&ids, &Id::from(tenant)])
            .await?;
        found.iter().map(|row| row::id(row, 0, EventId::from_bytes)).collect()
    }

    /// The final positions.
    async fn deliver_again(
        &mut self,
        tenant: TenantId,
        items: &[(EventId, &NewDelivery)],
    ) -> StoreResult<Vec<i64>> {
        let rows: Vec<_> = items.iter().map(|(event, delivery)| (tenant, *event, *delivery)).collect();
        let positions = self.insert_deliveries(&rows).await?;
        self.trace_redeliveries(tenant, items).await?;
        let made = i64::try_from(items.len()).unwrap_or(i64::MAX);
        self.note_pending(tenant, made);
        // No event row stands for these, so they are in the totals from the start.
        self.state.changes.of(tenant).accepted += made;
        Ok(positions)
    }
}
