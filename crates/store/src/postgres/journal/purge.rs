//! Retention: deletes a bounded piece of what is too old (engine rule E17).

use stentor_core::delivery::{DeadReason, FinalState};
use stentor_core::id::{DeliveryId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use super::Batch;
use super::requests::ending;
use crate::error::StoreResult;
use crate::journal::{PURGE_PAYLOAD_BYTES_MAX, Written};
use crate::postgres::connection::Values;
use crate::postgres::row::{self, CONTENT_BYTES, Id, IdBytes, first_id, micros};
use crate::postgres::totals;

/// Where a piece ends in one table: everything below goes.
struct Cut {
    below: IdBytes,
    /// Whether rows that must go stay behind it.
    more: bool,
}

impl Batch<'_> {
    /// First what is pending becomes `dead: expired`, in pieces that do nothing else, so that its end can be seen. Then
    /// finished deliveries with their attempts, then events with their payloads and messages, then idempotency keys, kept
    /// answers and what is left of deleted conversations.
    pub(super) async fn purge(&mut self, before: Time, rows_max: u32, now: Time) -> StoreResult<Written> {
        let bound = first_id(before);
        let expired = self.expire(&bound, rows_max, now).await?;
        if !expired.is_empty() {
            return Ok(Written::Purged { expired, deleted: 0, more: true });
        }
        let mut deleted = 0;
        let later = self.purge_later(&bound, rows_max, &mut deleted).await?;
        let cut = self.cut_deliveries(&bound, rows_max.saturating_sub(later)).await?;
        deleted += self.purge_range(&IdBytes::default(), &cut.below).await?;
        let mut more = later == rows_max || cut.more;
        if !more {
            let cut = self.cut_events(&bound, rows_max).await?;
            deleted += self.purge_events(&cut.below).await?;
            more = cut.more;
        }
        let limit = i64::from(rows_max);
        let sql =
            "DELETE FROM idempotency i USING (SELECT tenant, key_hash FROM idempotency WHERE expires_at <= $1
             ORDER BY expires_at LIMIT $2) AS old WHERE i.tenant = old.tenant AND i.key_hash = old.key_hash";
        let keys = self.session.execute(sql, &[&micros(now), &limit]).await?;
        let sql = "DELETE FROM answers a USING (SELECT key_hash FROM answers WHERE expires_at <= $1
             ORDER BY expires_at LIMIT $2) AS old WHERE a.key_hash = old.key_hash";
        let answers = self.session.execute(sql, &[&micros(now), &limit]).await?;
        let sql =
            "DELETE FROM conversations c USING (SELECT key FROM conversations WHERE deleted_at IS NOT NULL
             AND deleted_at < $1 ORDER BY deleted_at LIMIT $2) AS old WHERE c.key = old.key";
        let conversations = self.session.execute(sql, &[&micros(before), &limit]).await?;
        more |= keys.max(answers).max(conversations) >= u64::from(rows_max);
        deleted += keys + answers + conversations;
        Ok(Written::Purged { expired, deleted: u32::try_from(deleted).unwrap_or(u32::MAX), more })
    }

    async fn expire(
        &mut self,
        bound: &IdBytes,
        rows_max: u32,
        now: Time,
    ) -> StoreResult<Vec<(DeliveryId, WebhookId, Shard)>> {
        let sql = "DELETE FROM pending p USING (
             (SELECT id, tenant FROM pending WHERE id < $1 ORDER BY id LIMIT $2)
             UNION (SELECT q.id, q.tenant FROM later_deliveries l
             JOIN pending q ON q.id = l.delivery AND q.tenant = l.tenant WHERE l.event < $1 LIMIT $2) LIMIT $2
             ) AS old WHERE p.id = old.id AND p.tenant = old.tenant
             RETURNING p.id, p.tenant, p.event, p.webhook, p.shard, p.attempts";
        let found = self.session.query(sql, &[&Id(*bound), &i64::from(rows_max)]).await?;
        let mut endings = found.iter().map(ending).collect::<StoreResult<Vec<_>>>()?;
        endings.sort_unstable_by_key(|ending| ending.delivery);
        let state = FinalState::Dead(DeadReason::Expired);
        let rows: Vec<_> = endings.iter().map(|ending| (*ending, state, now)).collect();
        self.insert_finished(&rows).await?;
        for ending in &endings {
            self.count_end(ending.tenant, ending.webhook, state, now);
        }
        Ok(endings.into_iter().map(|ending| (ending.delivery, ending.webhook, ending.shard)).collect())
    }

    /// Where at most `rows_max` rows lie below.
    async fn cut_deliveries(&self, bound: &IdBytes, rows_max: u32) -> StoreResult<Cut> {
        let sql = "SELECT id FROM deliveries WHERE id < $1 ORDER BY id LIMIT 1 OFFSET $2";
        let next = self.session.first(sql, &[&Id(*bound), &i64::from(rows_max)]).await?;
        let next = next.map(|row| row.try_get::<_, Id>(0)).transpose()?;
        Ok(next.map_or(Cut { below: *bound, more: false }, |below| Cut { below: below.0, more: true }))
    }

    /// Where at most `rows_max` events with payloads of at most [`PURGE_PAYLOAD_BYTES_MAX`] lie below, or one larger one.
    async fn cut_events(&self, bound: &IdBytes, rows_max: u32) -> StoreResult<Cut> {
        let sql = format!(
            "SELECT e.id, coalesce({CONTENT_BYTES} + coalesce(octet_length(y.metadata), 0), 0)::int8
             FROM (SELECT id, tenant FROM events WHERE id < $1 ORDER BY id LIMIT $2) AS e
             LEFT JOIN payloads y ON y.id = e.id AND y.tenant = e.tenant ORDER BY e.id"
        );
        let found = self.session.query(&sql, &[&Id(*bound), &(i64::from(rows_max) + 1)]).await?;
        let (mut rows, mut bytes) = (0, 0_u64);
        for row in &found {
            bytes = bytes.saturating_add(row::count_of(row, 1)?);
            if rows == rows_max || rows > 0 && bytes > PURGE_PAYLOAD_BYTES_MAX {
                return Ok(Cut { below: row.try_get::<_, Id>(0)?.0, more: true });
            }
            rows += 1;
        }
        Ok(Cut { below: *bound, more: false })
    }

    /// Redeliveries go with their event, whatever their own age. Answers how many went.
    async fn purge_later(&mut self, bound: &IdBytes, rows_max: u32, deleted: &mut u64) -> StoreResult<u32> {
        let sql =
            "SELECT event, delivery FROM later_deliveries WHERE event < $1 ORDER BY event, delivery LIMIT $2";
        let found = self.session.query(sql, &[&Id(*bound), &i64::from(rows_max)]).await?;
        let (mut events, mut deliveries): (Vec<Id>, Vec<Id>) = (Vec::new(), Vec::new());
        for row in &found {
            events.push(row.try_get(0)?);
            deliveries.push(row.try_get(1)?);
        }
        if deliveries.is_empty() {
            return Ok(0);
        }
        let open: Vec<Id> = deliveries.iter().copied().filter(|id| !self.is_closed(&id.0)).collect();
        let sql = "SELECT tenant, state, count(*) FROM deliveries WHERE id = ANY($1) GROUP BY tenant, state";
        for row in self.session.query(sql, &[&open]).await? {
            let tenant = row::id(&row, 0, stentor_core::id::TenantId::from_bytes)?;
            self.state.changes.of(tenant).finished(row.try_get::<_, i16>(1)?.into(), row.try_get(2)?);
        }
        *deleted +=
            self.session.execute("DELETE FROM attempts WHERE delivery = ANY($1)", &[&deliveries]).await?;
        self.session.execute("DELETE FROM fallbacks WHERE delivery = ANY($1)", &[&deliveries]).await?;
        self.session
            .execute("DELETE FROM message_deliveries WHERE delivery = ANY($1)", &[&deliveries])
            .await?;
        *deleted += self.session.execute("DELETE FROM deliveries WHERE id = ANY($1)", &[&deliveries]).await?;
        let sql = "DELETE FROM later_deliveries l USING unnest($1::uuid[], $2::uuid[]) AS k (event, delivery)
             WHERE l.event = k.event AND l.delivery = k.delivery";
        self.session.execute(sql, &[&events, &deliveries]).await?;
        Ok(u32::try_from(deliveries.len()).unwrap_or(u32::MAX))
    }

    /// Deletes finished deliveries of `[from, below)` and their attempts. Totals take over for rows that are still open.
    async fn purge_range(&mut self, from: &IdBytes, below: &IdBytes) -> StoreResult<u64> {
        let open = (*from).max(self.closed_before);
        if open < *below {
            totals::add_finished(&mut self.state.changes, self.session, &open, below).await?;
        }
        let range: &Values<'_> = &[&Id(*from), &Id(*below)];
        let mut deleted = 0;
        for (sql, counts) in [
            ("DELETE FROM attempts WHERE delivery >= $1 AND delivery < $2", true),
            ("DELETE FROM fallbacks WHERE delivery >= $1 AND delivery < $2", false),
            ("DELETE FROM message_deliveries WHERE delivery >= $1 AND delivery < $2", false),
            ("DELETE FROM deliveries WHERE id >= $1 AND id < $2", true),
        ] {
            let rows = self.session.execute(sql, range).await?;
            deleted += if counts { rows } else { 0 };
        }
        Ok(deleted)
    }

    async fn purge_events(&mut self, below: &IdBytes) -> StoreResult<u64> {
        if self.closed_before < *below {
            totals::add_events(&mut self.state.changes, self.session, &self.closed_before, below).await?;
        }
        let bound: &Values<'_> = &[&Id(*below)];
        self.session.execute("DELETE FROM payloads WHERE id < $1", bound).await?;
        let messages = self.session.execute("DELETE FROM messages WHERE event < $1", bound).await?;
        let events = self.session.execute("DELETE FROM events WHERE id < $1", bound).await?;
        Ok(messages + events)
    }
}
