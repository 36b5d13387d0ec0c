//! Retention: deletes a bounded piece of what is too old (engine rule E17).

use rusqlite::{OptionalExtension, params};
use stentor_core::delivery::{DeadReason, FinalState};
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use super::requests::ending;
use super::{Batch, ItemResult};
use crate::journal::{PURGE_PAYLOAD_BYTES_MAX, Written};
use crate::sqlite::row::{CONTENT_BYTES, IdBytes, count, first_id, micros};
use crate::sqlite::totals;

/// Where a piece ends in one table: everything below goes.
struct Cut {
    below: IdBytes,
    /// Whether rows that must go stay behind it.
    more: bool,
}

impl Batch<'_> {
    /// First what is pending becomes `dead: expired`, in pieces that do nothing else, so that its end can be seen. Then
    /// finished deliveries with their attempts, then events with their payloads and messages, then idempotency keys, kept answers and
    /// what is left of deleted conversations.
    pub(super) fn purge(&mut self, before: Time, rows_max: u32, now: Time) -> ItemResult<Written> {
        let bound = first_id(before);
        let expired = self.expire(&bound, rows_max, now)?;
        if !expired.is_empty() {
            return Ok(Written::Purged { expired, deleted: 0, more: true });
        }
        let mut deleted = 0;
        let later = self.purge_later(&bound, rows_max, &mut deleted)?;
        let cut = self.cut_deliveries(&bound, rows_max.saturating_sub(later))?;
        deleted += self.purge_range(&IdBytes::default(), &cut.below)?;
        let mut more = later == rows_max || cut.more;
        if !more {
            let cut = self.cut_events(&bound, rows_max)?;
            deleted += self.purge_events(&cut.below)?;
            more = cut.more;
        }
        let keys = self
            .connection
            .prepare_cached(
                "DELETE FROM idempotency WHERE (tenant, key_hash) IN (SELECT tenant, key_hash FROM idempotency
                 INDEXED BY idempotency_by_expiry WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute(params![micros(now), rows_max])?;
        let answers = self
            .connection
            .prepare_cached(
                "DELETE FROM answers WHERE key_hash IN (SELECT key_hash FROM answers INDEXED BY answers_by_expiry
                 WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            )?
            .execute(params![micros(now), rows_max])?;
        let conversations = self
            .connection
            .prepare_cached(
                "DELETE FROM conversations WHERE key IN (SELECT key FROM conversations INDEXED BY conversations_deleted
                 WHERE deleted_at IS NOT NULL AND deleted_at < ?1 LIMIT ?2)",
            )?
            .execute(params![micros(before), rows_max])?;
        more |= keys.max(answers).max(conversations) >= usize::try_from(rows_max).unwrap_or(usize::MAX);
        deleted += keys + answers + conversations;
        Ok(Written::Purged { expired, deleted: u32::try_from(deleted).unwrap_or(u32::MAX), more })
    }

    fn expire(
        &mut self,
        bound: &IdBytes,
        rows_max: u32,
        now: Time,
    ) -> ItemResult<Vec<(DeliveryId, WebhookId, Shard)>> {
        let mut find = self.connection.prepare_cached(
            "SELECT id, tenant, event, webhook, shard, attempts FROM
             (SELECT * FROM pending WHERE id < ?1 ORDER BY id LIMIT ?2)
             UNION SELECT p.id, p.tenant, p.event, p.webhook, p.shard, p.attempts FROM later_deliveries l
             CROSS JOIN pending p ON p.id = l.delivery AND p.tenant = l.tenant WHERE l.event < ?1 LIMIT ?2",
        )?;
        let rows = find.query_map(params![bound, rows_max], ending)?;
        let found: Vec<_> = rows.collect::<Result<_, _>>()?;
        let state = FinalState::Dead(DeadReason::Expired);
        let mut expired = Vec::with_capacity(found.len());
        for (ending, attempts) in found {
            if self.finish_one(&ending, state, (attempts, attempts), now)? {
                self.count_end(ending.tenant, ending.webhook, state, now);
                expired.push((ending.delivery, ending.webhook, ending.shard));
            }
        }
        Ok(expired)
    }

    /// Where at most `rows_max` rows lie below.
    fn cut_deliveries(&self, bound: &IdBytes, rows_max: u32) -> ItemResult<Cut> {
        let next: Option<IdBytes> = self
            .connection
            .prepare_cached("SELECT id FROM deliveries WHERE id < ?1 ORDER BY id LIMIT 1 OFFSET ?2")?
            .query_row(params![bound, rows_max], |row| row.get(0))
            .optional()?;
        Ok(next.map_or(Cut { below: *bound, more: false }, |below| Cut { below, more: true }))
    }

    /// Where at most `rows_max` events with payloads of at most [`PURGE_PAYLOAD_BYTES_MAX`] lie below, or one larger one.
    fn cut_events(&self, bound: &IdBytes, rows_max: u32) -> ItemResult<Cut> {
        let mut walk = self.connection.prepare_cached(&format!(
            "SELECT e.id, coalesce({CONTENT_BYTES} + coalesce(length(y.metadata), 0), 0) FROM events e
             LEFT JOIN payloads y ON y.id = e.payload WHERE e.id < ?1 ORDER BY e.id LIMIT ?2"
        ))?;
        let mut found = walk.query(params![bound, rows_max.saturating_add(1)])?;
        let (mut rows, mut bytes) = (0, 0_u64);
        while let Some(row) = found.next()? {
            bytes = bytes.saturating_add(count(row.get(1)?));
            if rows == rows_max || rows > 0 && bytes > PURGE_PAYLOAD_BYTES_MAX {
                return Ok(Cut { below: row.get(0)?, more: true });
            }
            rows += 1;
        }
        Ok(Cut { below: *bound, more: false })
    }

    /// Redeliveries go with their event, whatever their own age. Answers how many went.
    fn purge_later(&mut self, bound: &IdBytes, rows_max: u32, deleted: &mut usize) -> ItemResult<u32> {
        let mut find = self.connection.prepare_cached(
            "SELECT event, delivery FROM later_deliveries WHERE event < ?1 ORDER BY event LIMIT ?2",
        )?;
        let rows = find.query_map(params![bound, rows_max], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found: Vec<(IdBytes, IdBytes)> = rows.collect::<Result<_, _>>()?;
        for (event, delivery) in &found {
            let after = (u128::from_be_bytes(*delivery).saturating_add(1)).to_be_bytes();
            *deleted += self.purge_range(delivery, &after)?;
            self.connection
                .prepare_cached("DELETE FROM later_deliveries WHERE event = ?1 AND delivery = ?2")?
                .execute([event, delivery])?;
        }
        Ok(u32::try_from(found.len()).unwrap_or(u32::MAX))
    }

    /// Deletes finished deliveries of `[from, below)` and their attempts. Totals take over for rows that are still open.
    fn purge_range(&mut self, from: &IdBytes, below: &IdBytes) -> ItemResult<usize> {
        let open = (*from).max(self.closed_before);
        if open < *below {
            totals::add_finished(&mut self.changes, self.connection, &open, below)?;
        }
        let attempts = self
            .connection
            .prepare_cached("DELETE FROM attempts WHERE delivery >= ?1 AND delivery < ?2")?
            .execute([from, below])?;
        self.connection
            .prepare_cached("DELETE FROM fallbacks WHERE delivery >= ?1 AND delivery < ?2")?
            .execute([from, below])?;
        self.connection
            .prepare_cached("DELETE FROM message_deliveries WHERE delivery >= ?1 AND delivery < ?2")?
            .execute([from, below])?;
        let deliveries = self
            .connection
            .prepare_cached("DELETE FROM deliveries WHERE id >= ?1 AND id < ?2")?
            .execute([from, below])?;
        Ok(attempts + deliveries)
    }

    fn purge_events(&mut self, below: &IdBytes) -> ItemResult<usize> {
        if self.closed_before < *below {
            totals::add_events(&mut self.changes, self.connection, &self.closed_before, below)?;
        }
        self.connection
            .prepare_cached("DELETE FROM payloads WHERE id IN (SELECT payload FROM events WHERE id < ?1)")?
            .execute([below])?;
        let messages =
            self.connection.prepare_cached("DELETE FROM messages WHERE event < ?1")?.execute([below])?;
        let events = self.connection.prepare_cached("DELETE FROM events WHERE id < ?1")?.execute([below])?;
        Ok(messages + events)
    }
}
