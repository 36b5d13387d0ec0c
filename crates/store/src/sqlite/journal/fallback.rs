//! What one webhook gives up goes to another, in the transaction of the outcome that gave it up.

use rusqlite::{OptionalExtension, params};
use stentor_core::event::Origin;
use stentor_core::shard::Shard;
use stentor_core::webhook::WebhookConfig;

use super::{Batch, Fault, ItemResult};
use crate::journal::{Fallback, NewDelivery, OutcomeWrite};
use crate::sqlite::row::origin_number;

impl Batch<'_> {
    /// Makes the delivery to the fallback. None when this event goes no further.
    pub(super) fn fall_back(
        &mut self,
        write: &OutcomeWrite,
        to: &Fallback,
    ) -> ItemResult<Option<Box<NewDelivery>>> {
        let found: Option<(u8, String)> = self
            .connection
            .prepare_cached(
                "SELECT w.shard, w.config FROM events e JOIN webhooks w ON w.id = ?3 AND w.tenant = ?2
                 AND w.deleted_at IS NULL WHERE e.id = ?1 AND e.tenant = ?2 AND e.origin <> ?4
                 AND NOT EXISTS (SELECT 1 FROM fallbacks WHERE delivery = ?5)",
            )?
            .query_row(
                params![
                    write.event.as_bytes(),
                    write.tenant.as_bytes(),
                    to.webhook.as_bytes(),
                    origin_number(Origin::Operational),
                    write.attempt.delivery.as_bytes(),
                ],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((shard, config)) = found else { return Ok(None) };
        let config: WebhookConfig =
            serde_json::from_str(&config).map_err(|_| Fault::Item("the fallback cannot be read"))?;
        let mut delivery = NewDelivery {
            id: to.id,
            webhook: to.webhook,
            shard: Shard(shard),
            position: to.position,
            ordered: config.ordered,
            due_at: config.first_wait().map(|wait| write.now.plus(wait)),
        };
        let positions = self.insert_deliveries(write.tenant, write.event, std::slice::from_ref(&delivery))?;
        delivery.position = positions.first().copied().unwrap_or(delivery.position);
        self.connection
            .prepare_cached("INSERT INTO fallbacks (delivery, given_up) VALUES (?1, ?2)")?
            .execute([to.id.as_bytes(), write.attempt.delivery.as_bytes()])?;
        // No event row stands for it, so it is in the totals from the start.
        self.changes.of(write.tenant).accepted += 1;
        self.note_pending(write.tenant, 1);
        Ok(Some(Box::new(delivery)))
    }
}
