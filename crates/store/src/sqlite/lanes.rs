//! Pages of pending deliveries. Every statement here is bound to one of the two indexes of engine rule E9.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, ToSql, params};
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{BatchId, EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::{
    self, AROUND, AROUND_COLUMNS, CONTENT, CONTENT_BYTES, PENDING, PENDING_COLUMNS, count, micros,
};
use crate::error::StoreResult;
use crate::error::unreadable;
use crate::lanes::{DuePage, LaneKey, Lanes, LoadedDelivery, PageLimit, WaitingLane};

/// Rows without a due time; `?1` shard, `?2` webhook, `?3` position, `?4` rows.
pub(super) const FRESH: &str = "SELECT * FROM pending INDEXED BY pending_fresh WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NULL AND position > ?3 ORDER BY position, id LIMIT ?4";
/// The rest of the rows in the place where a page ended; `?4` is the last id.
const FRESH_TIES: &str = "SELECT * FROM pending INDEXED BY pending_fresh WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NULL AND position = ?3 AND id > ?4 ORDER BY id";
/// Rows with a due time; `?3` rows.
pub(super) const DUE: &str = "SELECT * FROM pending INDEXED BY pending_due WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NOT NULL ORDER BY due_at, id LIMIT ?3";
/// The members of a batch after the last of them that a page holds; `?3` is when they are due, `?4` the batch, `?5` the last
/// id or, in an ordered webhook's queue, the last position.
const DUE_REST: &str = "SELECT * FROM pending INDEXED BY pending_due WHERE shard = ?1 AND webhook = ?2 \
     AND due_at = ?3 AND batch = ?4 AND id > ?5 ORDER BY id";
const ORDERED_REST: &str = "SELECT * FROM pending INDEXED BY pending_due WHERE shard = ?1 AND webhook = ?2 \
     AND due_at = ?3 AND batch = ?4 AND position > ?5 ORDER BY position";
/// The queue of an ordered webhook, which has few rows with a due time.
const ORDERED: &str = "SELECT * FROM (SELECT * FROM (SELECT * FROM pending INDEXED BY pending_fresh WHERE shard = ?1 \
     AND webhook = ?2 AND due_at IS NULL AND position > ?3 ORDER BY position LIMIT ?4) \
     UNION ALL SELECT * FROM pending INDEXED BY pending_due WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NOT NULL AND position > ?3) ORDER BY position LIMIT ?4";
/// The first lane after `?1`, `?2` in each index: a skip-scan.
pub(super) const NEXT_FRESH: &str = "SELECT shard, webhook, tenant, NULL FROM pending INDEXED BY pending_fresh \
     WHERE due_at IS NULL AND (shard, webhook) > (?1, ?2) ORDER BY shard, webhook LIMIT 1";
pub(super) const NEXT_DUE: &str = "SELECT shard, webhook, tenant, due_at FROM pending INDEXED BY pending_due \
     WHERE due_at IS NOT NULL AND (shard, webhook) > (?1, ?2) ORDER BY shard, webhook, due_at LIMIT 1";

/// Reads the bytes of one payload.
const PAYLOAD: &str = "SELECT data, previous_data FROM payloads WHERE id = ?1";

/// A page with the events around their bytes, and how many these are. NULL when there is no such event.
fn with_content(page: &str) -> String {
    format!(
        "SELECT {PENDING}, {AROUND}, y.id, {CONTENT_BYTES} FROM ({page}) p
         LEFT JOIN events e ON e.id = p.event AND e.tenant = p.tenant LEFT JOIN payloads y ON y.id = e.payload"
    )
}

/// Rows read so far, and how much of their content.
struct Loading {
    limit: PageLimit,
    bytes: u64,
    /// Whether the page's bytes are used up.
    full: bool,
    rows: Vec<LoadedDelivery>,
}

impl Loading {
    const fn new(limit: PageLimit) -> Self {
        Self { limit, bytes: 0, full: false, rows: Vec::new() }
    }

    /// Whether content of this many bytes comes along.
    fn takes(&mut self, bytes: u64) -> bool {
        if bytes > self.limit.data_bytes || self.full {
            return false;
        }
        self.full = self.bytes.saturating_add(bytes) > self.limit.page_bytes;
        if !self.full {
            self.bytes += bytes;
        }
        !self.full
    }

    /// Adds the rows of a statement. Bytes are read only for contents that the page takes.
    fn read(
        &mut self,
        connection: &Connection,
        statement: &str,
        lane: LaneKey,
        rest: &[&dyn ToSql],
    ) -> StoreResult<()> {
        let mut statement = connection.prepare_cached(&with_content(statement))?;
        let mut payload = connection.prepare_cached(PAYLOAD)?;
        let webhook = lane.webhook.as_bytes();
        let mut values: Vec<&dyn ToSql> = vec![&lane.shard.0, &webhook];
        values.extend_from_slice(rest);
        let mut rows = statement.query(values.as_slice())?;
        let payload_at = PENDING_COLUMNS + AROUND_COLUMNS;
        while let Some(row) = rows.next()? {
            let bytes: Option<i64> = row.get(payload_at + 1)?;
            let content = if bytes.is_some_and(|bytes| self.takes(count(bytes))) {
                let mut found = payload.query([row.get::<_, i64>(payload_at)?])?;
                let found = found.next()?.ok_or_else(|| unreadable("an event's data"))?;
                Some(Arc::new(row::content_around(row, PENDING_COLUMNS, row::payload(found)?)?))
            } else {
                None
            };
            self.rows.push(LoadedDelivery { pending: row::pending(row)?, content });
        }
        Ok(())
    }
}

#[async_trait]
impl Lanes for SqliteStore {
    async fn waiting_lanes(&self, after: Option<LaneKey>, rows: u32) -> StoreResult<Vec<WaitingLane>> {
        self.read(move |connection| waiting_lanes(connection, after, rows)).await
    }

    async fn fresh_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read(move |connection| {
            let mut page = Loading::new(limit);
            page.read(connection, FRESH, lane, &[&after, &limit.rows])?;
            // A reader goes on after the last position, so rows that share it belong to this page.
            if page.rows.len() >= usize::try_from(limit.rows).unwrap_or(usize::MAX)
                && let Some(last) = page.rows.last().map(|row| row.pending.clone())
            {
                page.read(connection, FRESH_TIES, lane, &[&last.position, last.id.as_bytes()])?;
            }
            Ok(page.rows)
        })
        .await
    }

    async fn due_page(&self, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage> {
        self.read(move |connection| {
            let one_more = limit.rows.saturating_add(1);
            let mut page = Loading::new(limit);
            page.read(connection, DUE, lane, &[&one_more])?;
            let is_due = |row: &LoadedDelivery| row.pending.due_at.is_some_and(|due| due <= until);
            let taken = page.rows.iter().take(limit.rows as usize).take_while(|row| is_due(row)).count();
            let next_due = page.rows.get(taken).and_then(|row| row.pending.due_at);
            page.rows.truncate(taken);
            if taken >= limit.rows as usize {
                complete_batches(&mut page, connection, lane)?;
            }
            Ok(DuePage { rows: page.rows, next_due })
        })
        .await
    }

    async fn ordered_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read(move |connection| {
            let mut page = Loading::new(limit);
            page.read(connection, ORDERED, lane, &[&after, &limit.rows])?;
            if page.rows.len() >= limit.rows as usize
                && let Some(PendingDelivery { position, due_at, batch: Some(batch), .. }) =
                    page.rows.last().map(|row| row.pending.clone())
            {
                page.read(
                    connection,
                    ORDERED_REST,
                    lane,
                    &[&due_at.map(micros), batch.as_bytes(), &position],
                )?;
            }
            Ok(page.rows)
        })
        .await
    }

    async fn content(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Arc<EventContent>>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {CONTENT} FROM events e JOIN payloads y ON y.id = e.payload
                 WHERE e.id = ?1 AND e.tenant = ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([event.as_bytes(), tenant.as_bytes()])?;
            rows.next()?.map(|row| row::content(row, 0).map(Arc::new)).transpose()
        })
        .await
    }

    async fn failing_since(&self, tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>> {
        self.read(move |connection| Ok(failing_since(connection, tenant, webhook)?)).await
    }

    async fn failing(&self, tenant: TenantId) -> StoreResult<Vec<(WebhookId, Time)>> {
        self.read(move |connection| {
            // Holds only webhooks that fail now, so it is short.
            let sql =
                "SELECT webhook, failing_since FROM webhook_health WHERE tenant = ?1 ORDER BY webhook DESC";
            let mut statement = connection.prepare_cached(sql)?;
            let found = statement.query_map([tenant.as_bytes()], |row| {
                Ok((row::id(row, 0, WebhookId::from_bytes)?, row::time(row, 1)?))
            })?;
            Ok(found.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn waiting_count(&self, lane: LaneKey, at_most: u32) -> StoreResult<u32> {
        self.read(move |connection| Ok(waiting_count(connection, lane, at_most)?)).await
    }
}

/// Adds the members that the end of the page cut off. They are due at the same time as those that it holds.
fn complete_batches(page: &mut Loading, connection: &Connection, lane: LaneKey) -> StoreResult<()> {
    let Some(last) = page.rows.last().map(|row| row.pending.clone()) else { return Ok(()) };
    let at_the_end = page.rows.iter().rev().take_while(|row| row.pending.due_at == last.due_at);
    let begun: BTreeSet<BatchId> = at_the_end.filter_map(|row| row.pending.batch).collect();
    for batch in begun {
        page.read(
            connection,
            DUE_REST,
            lane,
            &[&last.due_at.map(micros), batch.as_bytes(), last.id.as_bytes()],
        )?;
    }
    Ok(())
}

/// Pending rows of a webhook, counted up to a bound.
pub(super) fn waiting_count(connection: &Connection, lane: LaneKey, at_most: u32) -> rusqlite::Result<u32> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM (SELECT 1 FROM pending INDEXED BY pending_fresh
         WHERE shard = ?1 AND webhook = ?2 AND due_at IS NULL UNION ALL SELECT 1 FROM pending INDEXED BY pending_due
         WHERE shard = ?1 AND webhook = ?2 AND due_at IS NOT NULL) LIMIT ?3)",
    )?;
    statement.query_row(params![lane.shard.0, lane.webhook.as_bytes(), at_most], |row| row.get(0))
}

fn failing_since(
    connection: &Connection,
    tenant: TenantId,
    webhook: WebhookId,
) -> rusqlite::Result<Option<Time>> {
    connection
        .prepare_cached("SELECT failing_since FROM webhook_health WHERE webhook = ?1 AND tenant = ?2")?
        .query_row([webhook.as_bytes(), tenant.as_bytes()], |row| row::time(row, 0))
        .optional()
}

/// Walks both indexes from lane to lane and merges what it meets.
fn waiting_lanes(
    connection: &Connection,
    after: Option<LaneKey>,
    rows_max: u32,
) -> StoreResult<Vec<WaitingLane>> {
    let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
    let mut next_fresh = connection.prepare_cached(NEXT_FRESH)?;
    let mut next_due = connection.prepare_cached(NEXT_DUE)?;
    let mut next = |is_fresh: bool, after: Option<LaneKey>| {
        let statement = if is_fresh { &mut next_fresh } else { &mut next_due };
        let (shard, webhook) =
            after.map_or((-1, [0; 16]), |key| (i64::from(key.shard.0), *key.webhook.as_bytes()));
        statement
            .query_row(params![shard, webhook], |row| {
                let key =
                    LaneKey { shard: Shard(row.get(0)?), webhook: row::id(row, 1, WebhookId::from_bytes)? };
                Ok((key, row::id(row, 2, TenantId::from_bytes)?, row::optional_time(row, 3)?))
            })
            .optional()
    };
    let order =
        |lane: &Option<(LaneKey, TenantId, Option<Time>)>| lane.map(|(key, ..)| (key.shard, key.webhook));
    let (mut fresh, mut due) = (next(true, after)?, next(false, after)?);
    let mut lanes = Vec::new();
    while let Some((key, tenant, _)) = match (order(&fresh), order(&due)) {
        (Some(of_fresh), Some(of_due)) if of_due < of_fresh => due,
        (Some(_), _) => fresh,
        (None, _) => due,
    } {
        if lanes.len() >= rows_max {
            break;
        }
        let is_fresh = fresh.is_some_and(|(of_fresh, ..)| of_fresh == key);
        let next_due_at = due.filter(|(of_due, ..)| *of_due == key).and_then(|(.., at)| at);
        if is_fresh {
            fresh = next(true, Some(key))?;
        }
        if next_due_at.is_some() {
            due = next(false, Some(key))?;
        }
        let failing_since = failing_since(connection, tenant, key.webhook)?;
        lanes.push(WaitingLane { key, tenant, fresh: is_fresh, next_due: next_due_at, failing_since });
    }
    Ok(lanes)
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<String> {
    [FRESH, FRESH_TIES, DUE, DUE_REST, NEXT_FRESH, NEXT_DUE].map(ToOwned::to_owned).into_iter().collect()
}
