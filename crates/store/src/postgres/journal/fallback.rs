//! What one webhook gives up goes to another, in the transaction of the outcome that gave it up.

use stentor_core::event::Origin;
use stentor_core::webhook::WebhookConfig;

use super::Batch;
use crate::error::{StoreResult, unreadable};
use crate::journal::{Fallback, NewDelivery, OutcomeWrite};
use crate::postgres::connection::Values;
use crate::postgres::row::{self, Id, number16, origin_number};

impl Batch<'_> {
    /// Makes the delivery to the fallback. None when this event goes no further.
    pub(super) async fn fall_back(
        &mut self,
        write: &OutcomeWrite,
        to: &Fallback,
    ) -> StoreResult<Option<Box<NewDelivery>>> {
        let sql = "SELECT w.shard, w.config FROM events e JOIN webhooks w ON w.id = $3 AND w.tenant = $2
             AND w.deleted_at IS NULL WHERE e.id = $1 AND e.tenant = $2 AND e.origin <> $4
             AND NOT EXISTS (SELECT 1 FROM fallbacks WHERE delivery = $5)";
        let values: &Values<'_> = &[
            &Id::from(write.event),
            &Id::from(write.tenant),
            &Id::from(to.webhook),
            &number16(origin_number(Origin::Operational)),
            &Id::from(write.attempt.delivery),
        ];
        let Some(found) = self.session.first(sql, values).await? else { return Ok(None) };
        let config: WebhookConfig =
            serde_json::from_str(found.try_get(1)?).map_err(|_| unreadable("the fallback"))?;
        let mut delivery = NewDelivery {
            id: to.id,
            webhook: to.webhook,
            shard: row::shard(&found, 0)?,
            position: to.position,
            ordered: config.ordered,
            due_at: config.first_wait().map(|wait| write.now.plus(wait)),
        };
        let positions = self.insert_deliveries(&[(write.tenant, write.event, &delivery)]).await?;
        delivery.position = positions.first().copied().unwrap_or(delivery.position);
        let sql = "INSERT INTO fallbacks (delivery, given_up) VALUES ($1, $2)";
        self.session.execute(sql, &[&Id::from(to.id), &Id::from(write.attempt.delivery)]).await?;
        // No event row stands for it, so it is in the totals from the start.
        self.state.changes.of(write.tenant).accepted += 1;
        self.note_pending(write.tenant, 1);
        Ok(Some(Box::new(delivery)))
    }
}
