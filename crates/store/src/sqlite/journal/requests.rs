//! What recovery and people ask of single deliveries.

use rusqlite::{OptionalExtension, params};
use stentor_core::delivery::{FinalState, PendingDelivery};
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use super::outcome::Ending;
use super::{Batch, ItemResult};
use crate::journal::Written;
use crate::sqlite::row::{self, PENDING, micros};

/// A row with the columns `id, tenant, event, webhook, shard, attempts`.
pub(super) fn ending(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Ending, i64)> {
    let ending = Ending {
        delivery: row::id(row, 0, DeliveryId::from_bytes)?,
        tenant: row::id(row, 1, TenantId::from_bytes)?,
        event: row::id(row, 2, EventId::from_bytes)?,
        webhook: row::id(row, 3, WebhookId::from_bytes)?,
        shard: Shard(row.get(4)?),
    };
    Ok((ending, row.get(5)?))
}

impl Batch<'_> {
    pub(super) fn claim(&mut self, deliveries: &[DeliveryId]) -> ItemResult<Written> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE pending SET claims = min(claims + 1, 255) WHERE id = ?1 RETURNING claims",
        )?;
        let mut claimed = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let claims = statement.query_row([delivery.as_bytes()], |row| row.get(0)).optional()?;
            claimed.extend(claims.map(|claims| (*delivery, claims)));
        }
        Ok(Written::Claimed(claimed))
    }

    pub(super) fn finish(
        &mut self,
        deliveries: &[DeliveryId],
        state: FinalState,
        now: Time,
    ) -> ItemResult<Written> {
        let mut find = self.connection.prepare_cached(
            "SELECT id, tenant, event, webhook, shard, attempts FROM pending WHERE id = ?1",
        )?;
        let mut finished = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let found = find.query_row([delivery.as_bytes()], ending).optional()?;
            if let Some((ending, attempts)) = found
                && self.finish_one(&ending, state, (attempts, attempts), now)?
            {
                self.count_end(ending.tenant, ending.webhook, state, now);
                finished.push(*delivery);
            }
        }
        Ok(Written::Finished(finished))
    }

    /// Counts a delivery that ended without an attempt.
    pub(super) fn count_end(&mut self, tenant: TenantId, webhook: WebhookId, state: FinalState, now: Time) {
        if matches!(state, FinalState::Dead(_)) {
            self.counted.of(tenant, webhook, now).finished(state, now);
        }
    }

    /// A row that waits for a time is due now. A finished one goes back to the end of its webhook's queue: what was sent
    /// after it cannot be taken back, and a lane that reads on from a position must meet it.
    pub(super) fn retry(&mut self, tenant: TenantId, delivery: DeliveryId, now: Time) -> ItemResult<Written> {
        let key = params![delivery.as_bytes(), tenant.as_bytes(), micros(now)];
        self.connection
            .prepare_cached("UPDATE pending SET due_at = ?3 WHERE id = ?1 AND tenant = ?2 AND due_at > ?3")?
            .execute(key)?;
        if let Some(pending) = self.pending_row(tenant, delivery)? {
            return Ok(Written::Retried(Some(pending)));
        }
        let Some((mut pending, state)) = self.finished_row(tenant, delivery)? else {
            return Ok(Written::Retried(None));
        };
        pending.position = self.last_position(pending.webhook, now)?;
        pending.due_at = Some(now);
        self.connection
            .prepare_cached("DELETE FROM deliveries WHERE id = ?1 AND tenant = ?2")?
            .execute([delivery.as_bytes(), tenant.as_bytes()])?;
        self.connection
            .prepare_cached(
                "INSERT INTO pending (id, tenant, event, webhook, shard, position, due_at, attempts, claims)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            )?
            .execute(params![
                delivery.as_bytes(),
                tenant.as_bytes(),
                pending.event.as_bytes(),
                pending.webhook.as_bytes(),
                pending.shard.0,
                pending.position,
                micros(now),
                pending.attempts,
            ])?;
        self.note_pending(tenant, 1);
        if self.is_closed(delivery.as_bytes()) {
            self.changes.of(tenant).finished(state, -1);
        }
        Ok(Written::Retried(Some(pending)))
    }

    fn pending_row(&self, tenant: TenantId, delivery: DeliveryId) -> ItemResult<Option<PendingDelivery>> {
        let sql = format!("SELECT {PENDING} FROM pending p WHERE p.id = ?1 AND p.tenant = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([delivery.as_bytes(), tenant.as_bytes()], row::pending).optional()?)
    }

    /// A finished delivery as it would be pending, and its state's number. None when its event is gone.
    fn finished_row(
        &self,
        tenant: TenantId,
        delivery: DeliveryId,
    ) -> ItemResult<Option<(PendingDelivery, i64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT d.event, d.webhook, d.shard, d.attempts, d.state FROM deliveries d
             JOIN events e ON e.id = d.event AND e.tenant = d.tenant WHERE d.id = ?1 AND d.tenant = ?2",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            let pending = PendingDelivery {
                id: delivery,
                tenant,
                event: row::id(row, 0, EventId::from_bytes)?,
                webhook: row::id(row, 1, WebhookId::from_bytes)?,
                shard: Shard(row.get(2)?),
                position: 0,
                due_at: None,
                attempts: row.get(3)?,
                claims: 0,
            };
            Ok((pending, row.get(4)?))
        };
        Ok(statement.query_row([delivery.as_bytes(), tenant.as_bytes()], read).optional()?)
    }

    /// Only ordered webhooks have a counter.
    fn last_position(&self, webhook: WebhookId, now: Time) -> ItemResult<i64> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE webhook_positions SET last = max(last + 1, ?2) WHERE webhook = ?1 RETURNING last",
        )?;
        let last =
            statement.query_row(params![webhook.as_bytes(), micros(now)], |row| row.get(0)).optional()?;
        Ok(last.unwrap_or_else(|| micros(now)))
    }
}
