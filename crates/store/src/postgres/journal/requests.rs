//! What recovery and people ask of single deliveries.

use std::collections::HashMap;

use stentor_core::delivery::{CancelReason, FinalState, PendingDelivery};
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::outcome::Ending;
use super::{Batch, column};
use crate::error::{StoreResult, unreadable};
use crate::journal::Written;
use crate::postgres::connection::Values;
use crate::postgres::row::{self, Id, PENDING, micros, shard_number, small};

/// A row with the columns `id, tenant, event, webhook, shard, attempts`.
pub(super) fn ending(row: &Row) -> StoreResult<Ending> {
    Ok(Ending {
        delivery: row::id(row, 0, DeliveryId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        event: row::id(row, 2, EventId::from_bytes)?,
        webhook: row::id(row, 3, WebhookId::from_bytes)?,
        shard: row::shard(row, 4)?,
        attempts: row::small_count(row, 5)?,
    })
}

impl Batch<'_> {
    pub(super) async fn claim(&mut self, deliveries: &[DeliveryId]) -> StoreResult<Written> {
        let ids = column(deliveries, |id| Id::from(*id));
        let sql =
            "UPDATE pending SET claims = least(claims + 1, 255) WHERE id = ANY($1) RETURNING id, claims";
        let mut claims: HashMap<DeliveryId, u8> = HashMap::new();
        for row in self.session.query(sql, &[&ids]).await? {
            let number = u8::try_from(row.try_get::<_, i16>(1)?).map_err(|_| unreadable("claims"))?;
            claims.insert(row::id(&row, 0, DeliveryId::from_bytes)?, number);
        }
        let claimed = deliveries.iter().filter_map(|id| claims.get(id).map(|number| (*id, *number)));
        Ok(Written::Claimed(claimed.collect()))
    }

    pub(super) async fn finish(
        &mut self,
        deliveries: &[DeliveryId],
        state: FinalState,
        now: Time,
    ) -> StoreResult<Written> {
        // What was attempted in a batch stays in it until it is final (engine rule E23).
        let asked_for = state == FinalState::Cancelled(CancelReason::Requested);
        let ids = column(deliveries, |id| Id::from(*id));
        let sql = "DELETE FROM pending WHERE id = ANY($1) AND NOT ($2 AND batch IS NOT NULL)
             RETURNING id, tenant, event, webhook, shard, attempts";
        let taken = self.session.query(sql, &[&ids, &asked_for]).await?;
        let taken: HashMap<DeliveryId, Ending> = taken
            .iter()
            .map(|row| ending(row).map(|ending| (ending.delivery, ending)))
            .collect::<StoreResult<_>>()?;
        let rows: Vec<_> = taken.values().map(|ending| (*ending, state, now)).collect();
        self.insert_finished(&rows).await?;
        for (ending, ..) in &rows {
            self.count_end(ending.tenant, ending.webhook, state, now);
        }
        let mut left = taken;
        Ok(Written::Finished(deliveries.iter().copied().filter(|id| left.remove(id).is_some()).collect()))
    }

    /// Counts a delivery that ended without an attempt.
    pub(super) fn count_end(&mut self, tenant: TenantId, webhook: WebhookId, state: FinalState, now: Time) {
        if matches!(state, FinalState::Dead(_)) {
            self.state.counted.of(tenant, webhook, now).finished(state, now);
        }
    }

    /// A row that waits for a time is due now. A finished one goes back to the end of its webhook's queue: what was sent
    /// after it cannot be taken back, and a lane that reads on from a position must meet it.
    pub(super) async fn retry(
        &mut self,
        tenant: TenantId,
        delivery: DeliveryId,
        now: Time,
    ) -> StoreResult<Written> {
        let (id, owner) = (Id::from(delivery), Id::from(tenant));
        let key: &Values<'_> = &[&id, &owner, &micros(now)];
        // The batch of a row that waits for a time is due now as a whole: its members are never due at different times.
        let sql = "UPDATE pending p SET due_at = $3 FROM (SELECT shard, webhook, due_at, batch FROM pending WHERE id = $1
             AND tenant = $2 AND due_at > $3 AND batch IS NOT NULL) AS own WHERE p.shard = own.shard
             AND p.webhook = own.webhook AND p.due_at = own.due_at AND p.batch = own.batch AND p.due_at IS NOT NULL";
        self.session.execute(sql, key).await?;
        let sql = "UPDATE pending SET due_at = $3 WHERE id = $1 AND tenant = $2 AND due_at > $3";
        self.session.execute(sql, key).await?;
        let sql = format!("SELECT {PENDING} FROM pending p WHERE p.id = $1 AND p.tenant = $2");
        if let Some(found) = self.session.first(&sql, &[&id, &owner]).await? {
            return Ok(Written::Retried(Some(row::pending(&found)?)));
        }
        let Some((mut pending, state)) = self.finished_row(tenant, delivery).await? else {
            return Ok(Written::Retried(None));
        };
        pending.position = self.last_position(pending.webhook, now).await?;
        pending.due_at = Some(now);
        self.session.execute("DELETE FROM deliveries WHERE id = $1 AND tenant = $2", &[&id, &owner]).await?;
        let sql =
            "INSERT INTO pending (id, tenant, event, webhook, shard, position, due_at, attempts, claims)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";
        let values: &Values<'_> = &[
            &id,
            &owner,
            &Id::from(pending.event),
            &Id::from(pending.webhook),
            &shard_number(pending.shard),
            &pending.position,
            &micros(now),
            &small(pending.attempts),
        ];
        self.session.execute(sql, values).await?;
        self.note_pending(tenant, 1);
        if self.is_closed(delivery.as_bytes()) {
            self.state.changes.of(tenant).finished(state, -1);
        }
        Ok(Written::Retried(Some(pending)))
    }

    /// A finished delivery as it would be pending, and its state's number. None when its event is gone.
    async fn finished_row(
        &self,
        tenant: TenantId,
        delivery: DeliveryId,
    ) -> StoreResult<Option<(PendingDelivery, i64)>> {
        let sql = "SELECT d.event, d.webhook, d.shard, d.attempts, d.state FROM deliveries d
             JOIN events e ON e.id = d.event AND e.tenant = d.tenant WHERE d.id = $1 AND d.tenant = $2";
        let found = self.session.first(sql, &[&Id::from(delivery), &Id::from(tenant)]).await?;
        let read = |row: Row| {
            let pending = PendingDelivery {
                id: delivery,
                tenant,
                event: row::id(&row, 0, EventId::from_bytes)?,
                webhook: row::id(&row, 1, WebhookId::from_bytes)?,
                shard: row::shard(&row, 2)?,
                position: 0,
                due_at: None,
                attempts: row::small_count(&row, 3)?,
                claims: 0,
                batch: None,
            };
            Ok((pending, row.try_get::<_, i16>(4)?.into()))
        };
        found.map(read).transpose()
    }

    /// Only ordered webhooks have a counter.
    async fn last_position(&self, webhook: WebhookId, now: Time) -> StoreResult<i64> {
        let sql =
            "UPDATE webhook_positions SET last = greatest(last + 1, $2) WHERE webhook = $1 RETURNING last";
        let last = self.session.first(sql, &[&Id::from(webhook), &micros(now)]).await?;
        Ok(last.map(|row| row.try_get(0)).transpose()?.unwrap_or_else(|| micros(now)))
    }
}
