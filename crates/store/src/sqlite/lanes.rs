//! Pages of pending deliveries. Every statement here is bound to one of the two indexes of engine rule E9.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use stentor_core::event::EventContent;
use stentor_core::id::{EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::{self, CONTENT, PENDING, PENDING_COLUMNS, integer};
use crate::error::StoreResult;
use crate::lanes::{DuePage, LaneKey, Lanes, LoadedDelivery, PageLimit, WaitingLane};

/// Rows without a due time; `?1` shard, `?2` webhook, `?3` position, `?4` rows.
pub(super) const FRESH: &str = "SELECT * FROM pending INDEXED BY pending_fresh WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NULL AND position > ?3 ORDER BY position, id LIMIT ?4";
/// The rest of the rows in the place where a page ended; `?4` is the last id.
const FRESH_TIES: &str = "SELECT * FROM pending INDEXED BY pending_fresh WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NULL AND position = ?3 AND id > ?4 ORDER BY id";
/// Rows with a due time; `?3` rows.
pub(super) const DUE: &str = "SELECT * FROM pending INDEXED BY pending_due WHERE shard = ?1 AND webhook = ?2 \
     AND due_at IS NOT NULL ORDER BY due_at LIMIT ?3";
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

/// A page with the events' content. `?9` is the limit of data.
fn with_content(page: &str) -> String {
    let content = CONTENT
        .replace("y.data", "CASE WHEN length(y.data) <= ?9 THEN y.data END")
        .replace("y.previous_data", "CASE WHEN length(y.data) <= ?9 THEN y.previous_data END");
    format!(
        "SELECT {PENDING}, {content} FROM ({page}) p LEFT JOIN events e ON e.id = p.event AND e.tenant = p.tenant
         LEFT JOIN payloads y ON y.id = e.payload"
    )
}

fn loaded(row: &Row<'_>) -> StoreResult<LoadedDelivery> {
    let pending = row::pending(row)?;
    let is_loaded = row.get_ref(PENDING_COLUMNS + 4)? != rusqlite::types::ValueRef::Null;
    let content = if is_loaded { Some(Arc::new(row::content(row, PENDING_COLUMNS)?)) } else { None };
    Ok(LoadedDelivery { pending, content })
}

fn page(
    connection: &Connection,
    statement: &str,
    lane: LaneKey,
    rest: [&dyn ToSql; 2],
    limit: PageLimit,
) -> StoreResult<Vec<LoadedDelivery>> {
    let mut statement = connection.prepare_cached(&with_content(statement))?;
    let data_bytes = integer(limit.data_bytes);
    let none = rusqlite::types::Null;
    let mut rows = statement.query(params![
        lane.shard.0,
        lane.webhook.as_bytes(),
        rest[0],
        rest[1],
        none,
        none,
        none,
        none,
        data_bytes
    ])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(loaded(row)?);
    }
    Ok(page)
}

#[async_trait]
impl Lanes for SqliteStore {
    async fn waiting_lanes(&self) -> StoreResult<Vec<WaitingLane>> {
        self.read(waiting_lanes).await
    }

    async fn fresh_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read(move |connection| {
            let mut rows = page(connection, FRESH, lane, [&after, &limit.rows], limit)?;
            // A reader goes on after the last position, so rows that share it belong to this page.
            if rows.len() >= usize::try_from(limit.rows).unwrap_or(usize::MAX)
                && let Some(last) = rows.last().map(|row| row.pending.clone())
            {
                rows.extend(page(connection, FRESH_TIES, lane, [&last.position, last.id.as_bytes()], limit)?);
            }
            Ok(rows)
        })
        .await
    }

    async fn due_page(&self, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage> {
        self.read(move |connection| {
            let one_more = limit.rows.saturating_add(1);
            let none = rusqlite::types::Null;
            let mut rows = page(connection, DUE, lane, [&one_more, &none], limit)?;
            let is_due = |row: &LoadedDelivery| row.pending.due_at.is_some_and(|due| due <= until);
            let taken = rows.iter().take(limit.rows as usize).take_while(|row| is_due(row)).count();
            let next_due = rows.get(taken).and_then(|row| row.pending.due_at);
            rows.truncate(taken);
            Ok(DuePage { rows, next_due })
        })
        .await
    }

    async fn ordered_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read(move |connection| page(connection, ORDERED, lane, [&after, &limit.rows], limit)).await
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

    async fn waiting_count(&self, lane: LaneKey, at_most: u32) -> StoreResult<u32> {
        self.read(move |connection| Ok(waiting_count(connection, lane, at_most)?)).await
    }
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
fn waiting_lanes(connection: &Connection) -> StoreResult<Vec<WaitingLane>> {
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
    let (mut fresh, mut due) = (next(true, None)?, next(false, None)?);
    let mut lanes = Vec::new();
    while let Some((key, tenant, _)) = match (order(&fresh), order(&due)) {
        (Some(of_fresh), Some(of_due)) if of_due < of_fresh => due,
        (Some(_), _) => fresh,
        (None, _) => due,
    } {
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
    [FRESH, FRESH_TIES, DUE, NEXT_FRESH, NEXT_DUE].map(ToOwned::to_owned).into_iter().collect()
}
