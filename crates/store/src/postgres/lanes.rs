//! Pages of pending deliveries. Every statement here walks one of the two indexes of engine rule E9.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::EventContent;
use stentor_core::id::{BatchId, EventId, TenantId, WebhookId};
use stentor_core::time::Time;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::row::{
    self, AROUND, AROUND_COLUMNS, CONTENT, CONTENT_BYTES, Id, PENDING, PENDING_COLUMNS, count, micros,
    shard_number,
};
use crate::error::{StoreResult, unreadable};
use crate::lanes::{DuePage, LaneKey, Lanes, LoadedDelivery, PageLimit, WaitingLane};

/// Rows without a due time; `$1` shard, `$2` webhook, `$3` position, `$4` rows.
pub(super) const FRESH: &str = "SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at IS NULL AND position > $3 ORDER BY position, id LIMIT $4";
/// The rest of the rows in the place where a page ended; `$4` is the last id.
const FRESH_TIES: &str = "SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at IS NULL AND position = $3 AND id > $4 ORDER BY id";
/// Rows with a due time; `$3` rows.
pub(super) const DUE: &str = "SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at IS NOT NULL ORDER BY due_at, id LIMIT $3";
/// The members of a batch after the last of them that a page holds; `$3` is when they are due, `$4` the batch, `$5` the last
/// id or, in an ordered webhook's queue, the last position.
const DUE_REST: &str = "SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at = $3 AND batch = $4 AND id > $5 ORDER BY id";
const ORDERED_REST: &str = "SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at = $3 AND batch = $4 AND position > $5 ORDER BY position";
/// The queue of an ordered webhook, which has few rows with a due time.
const ORDERED: &str = "SELECT * FROM (SELECT * FROM (SELECT * FROM pending WHERE shard = $1 \
     AND webhook = $2 AND due_at IS NULL AND position > $3 ORDER BY position LIMIT $4) AS fresh \
     UNION ALL SELECT * FROM pending WHERE shard = $1 AND webhook = $2 \
     AND due_at IS NOT NULL AND position > $3) AS queue ORDER BY position LIMIT $4";
/// The first lane after `$1`, `$2` in each index: a skip-scan.
pub(super) const NEXT_FRESH: &str = "SELECT shard, webhook, tenant, NULL::int8 FROM pending \
     WHERE due_at IS NULL AND (shard, webhook) > ($1, $2) ORDER BY shard, webhook, position LIMIT 1";
pub(super) const NEXT_DUE: &str = "SELECT shard, webhook, tenant, due_at FROM pending \
     WHERE due_at IS NOT NULL AND (shard, webhook) > ($1, $2) ORDER BY shard, webhook, due_at LIMIT 1";
/// The bytes of some payloads.
const PAYLOADS: &str =
    "SELECT y.id, y.tenant, y.data, y.previous_data FROM unnest($1::uuid[], $2::uuid[]) AS k (id, tenant)
     JOIN payloads y ON y.id = k.id AND y.tenant = k.tenant";

/// A page with the events around their bytes, and how many these are. NULL when there is no such event. The page's own order
/// stays: rows are joined one by one.
pub(super) fn with_content(page: &str) -> String {
    format!(
        "SELECT {PENDING}, {AROUND}, {CONTENT_BYTES} FROM ({page}) AS p
         LEFT JOIN events e ON e.id = p.event AND e.tenant = p.tenant
         LEFT JOIN payloads y ON y.id = e.id AND y.tenant = e.tenant"
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

    /// Adds the rows of a statement.
    async fn read(
        &mut self,
        session: &Session,
        statement: &str,
        lane: LaneKey,
        rest: &[&(dyn ToSql + Sync)],
    ) -> StoreResult<()> {
        let (shard, webhook) = (shard_number(lane.shard), Id::from(lane.webhook));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&shard, &webhook];
        values.extend_from_slice(rest);
        let rows = session.query(&with_content(statement), &values).await?;
        self.rows.reserve(rows.len());
        let begun = self.rows.len();
        let mut wanted = Vec::new();
        for row in &rows {
            let bytes: Option<i64> = row.try_get(PENDING_COLUMNS + AROUND_COLUMNS)?;
            let pending = row::pending(row)?;
            if bytes.is_some_and(|bytes| self.takes(count(bytes))) {
                wanted.push(self.rows.len());
            }
            self.rows.push(LoadedDelivery { pending, content: None });
        }
        self.load(session, &rows, begun, &wanted).await
    }

    /// Reads bytes only for contents that the page takes; each event's once.
    async fn load(
        &mut self,
        session: &Session,
        rows: &[Row],
        begun: usize,
        wanted: &[usize],
    ) -> StoreResult<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: BTreeSet<(Id, Id)> = wanted
            .iter()
            .map(|at| &self.rows[*at].pending)
            .map(|pending| (pending.event.into(), pending.tenant.into()))
            .collect();
        let (ids, tenants): (Vec<Id>, Vec<Id>) = keys.into_iter().unzip();
        let mut payloads: HashMap<(Id, Id), (Bytes, Option<Bytes>)> = HashMap::with_capacity(ids.len());
        for row in session.query(PAYLOADS, &[&ids, &tenants]).await? {
            let data = row::bytes(&row, 2)?.ok_or_else(|| unreadable("an event's data"))?;
            payloads.insert((row.try_get(0)?, row.try_get(1)?), (data, row::bytes(&row, 3)?));
        }
        for at in wanted {
            let pending = &self.rows[*at].pending;
            let found = payloads.get(&(pending.event.into(), pending.tenant.into())).cloned();
            let payload = found.ok_or_else(|| unreadable("an event's data"))?;
            let content = row::content_around(&rows[*at - begun], PENDING_COLUMNS, payload)?;
            self.rows[*at].content = Some(Arc::new(content));
        }
        Ok(())
    }
}

async fn fresh_page(
    session: &Session,
    lane: LaneKey,
    after: i64,
    limit: PageLimit,
) -> StoreResult<Vec<LoadedDelivery>> {
    let mut page = Loading::new(limit);
    page.read(session, FRESH, lane, &[&after, &i64::from(limit.rows)]).await?;
    // A lane reads on after a position: rows that share the last one must all be there.
    if page.rows.len() >= limit.rows as usize
        && let Some(last) = page.rows.last().map(|row| row.pending.clone())
    {
        page.read(session, FRESH_TIES, lane, &[&last.position, &Id::from(last.id)]).await?;
    }
    Ok(page.rows)
}

async fn due_page(session: &Session, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage> {
    let mut page = Loading::new(limit);
    page.read(session, DUE, lane, &[&(i64::from(limit.rows) + 1)]).await?;
    let is_due = |row: &LoadedDelivery| row.pending.due_at.is_some_and(|due| due <= until);
    let taken = page.rows.iter().take(limit.rows as usize).take_while(|row| is_due(row)).count();
    let next_due = page.rows.get(taken).and_then(|row| row.pending.due_at);
    page.rows.truncate(taken);
    if taken >= limit.rows as usize {
        complete_batches(&mut page, session, lane).await?;
    }
    Ok(DuePage { rows: page.rows, next_due })
}

/// Adds the members that the end of the page cut off. They are due at the same time as those that it holds.
async fn complete_batches(page: &mut Loading, session: &Session, lane: LaneKey) -> StoreResult<()> {
    let Some(last) = page.rows.last().map(|row| row.pending.clone()) else { return Ok(()) };
    let at_the_end = page.rows.iter().rev().take_while(|row| row.pending.due_at == last.due_at);
    let begun: BTreeSet<BatchId> = at_the_end.filter_map(|row| row.pending.batch).collect();
    for batch in begun {
        let rest: &Values<'_> = &[&last.due_at.map(micros), &Id::from(batch), &Id::from(last.id)];
        page.read(session, DUE_REST, lane, rest).await?;
    }
    Ok(())
}

async fn ordered_page(
    session: &Session,
    lane: LaneKey,
    after: i64,
    limit: PageLimit,
) -> StoreResult<Vec<LoadedDelivery>> {
    let mut page = Loading::new(limit);
    page.read(session, ORDERED, lane, &[&after, &i64::from(limit.rows)]).await?;
    if page.rows.len() >= limit.rows as usize
        && let Some(PendingDelivery { position, due_at, batch: Some(batch), .. }) =
            page.rows.last().map(|row| row.pending.clone())
    {
        let rest: &Values<'_> = &[&due_at.map(micros), &Id::from(batch), &position];
        page.read(session, ORDERED_REST, lane, rest).await?;
    }
    Ok(page.rows)
}

#[async_trait]
impl Lanes for PostgresStore {
    async fn waiting_lanes(&self, after: Option<LaneKey>, rows: u32) -> StoreResult<Vec<WaitingLane>> {
        self.read_moment(move |session| Box::pin(waiting_lanes(session, after, rows))).await
    }

    async fn fresh_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read_moment(move |session| Box::pin(fresh_page(session, lane, after, limit))).await
    }

    async fn due_page(&self, lane: LaneKey, until: Time, limit: PageLimit) -> StoreResult<DuePage> {
        self.read_moment(move |session| Box::pin(due_page(session, lane, until, limit))).await
    }

    async fn ordered_page(
        &self,
        lane: LaneKey,
        after: i64,
        limit: PageLimit,
    ) -> StoreResult<Vec<LoadedDelivery>> {
        self.read_moment(move |session| Box::pin(ordered_page(session, lane, after, limit))).await
    }

    async fn content(&self, tenant: TenantId, event: EventId) -> StoreResult<Option<Arc<EventContent>>> {
        let sql = format!(
            "SELECT {CONTENT} FROM events e JOIN payloads y ON y.id = e.id AND y.tenant = e.tenant
             WHERE e.id = $1 AND e.tenant = $2"
        );
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(event), &Id::from(tenant)]).await?;
                found.map(|row| row::content(&row, 0).map(Arc::new)).transpose()
            })
        })
        .await
    }

    async fn failing_since(&self, tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>> {
        self.read(move |session| Box::pin(failing_since(session, tenant, webhook))).await
    }

    async fn failing(&self, tenant: TenantId) -> StoreResult<Vec<(WebhookId, Time)>> {
        self.read(move |session| {
            Box::pin(async move {
                // Holds only webhooks that fail now, so it is short.
                let sql = "SELECT webhook, failing_since FROM webhook_health WHERE tenant = $1 ORDER BY webhook DESC";
                let found = session.query(sql, &[&Id::from(tenant)]).await?;
                let read = |row| Ok((row::id(row, 0, WebhookId::from_bytes)?, row::time(row, 1)?));
                found.iter().map(read).collect()
            })
        })
        .await
    }

    async fn waiting_count(&self, lane: LaneKey, at_most: u32) -> StoreResult<u32> {
        self.read(move |session| {
            Box::pin(async move {
                let sql = "SELECT count(*) FROM (SELECT 1 FROM (
                     (SELECT 1 FROM pending WHERE shard = $1 AND webhook = $2 AND due_at IS NULL LIMIT $3) UNION ALL
                     (SELECT 1 FROM pending WHERE shard = $1 AND webhook = $2 AND due_at IS NOT NULL LIMIT $3)
                     ) AS waiting LIMIT $3) AS counted";
                let values: &Values<'_> =
                    &[&shard_number(lane.shard), &Id::from(lane.webhook), &i64::from(at_most)];
                row::count32(&session.one(sql, values).await?, 0)
            })
        })
        .await
    }
}

async fn failing_since(session: &Session, tenant: TenantId, webhook: WebhookId) -> StoreResult<Option<Time>> {
    let sql = "SELECT failing_since FROM webhook_health WHERE webhook = $1 AND tenant = $2";
    let found = session.first(sql, &[&Id::from(webhook), &Id::from(tenant)]).await?;
    found.map(|row| row::time(&row, 0)).transpose()
}

/// A lane, its tenant, and when its first row is due.
type Found = Option<(LaneKey, TenantId, Option<Time>)>;

async fn next_lane(session: &Session, is_fresh: bool, after: Option<LaneKey>) -> StoreResult<Found> {
    let sql = if is_fresh { NEXT_FRESH } else { NEXT_DUE };
    let (shard, webhook) =
        after.map_or((-1, Id::LOWEST), |key| (shard_number(key.shard), Id::from(key.webhook)));
    let found = session.first(sql, &[&shard, &webhook]).await?;
    found
        .map(|row| {
            let key =
                LaneKey { shard: row::shard(&row, 0)?, webhook: row::id(&row, 1, WebhookId::from_bytes)? };
            Ok((key, row::id(&row, 2, TenantId::from_bytes)?, row::optional_time(&row, 3)?))
        })
        .transpose()
}

/// Walks both indexes from lane to lane and merges what it meets.
async fn waiting_lanes(
    session: &Session,
    after: Option<LaneKey>,
    rows_max: u32,
) -> StoreResult<Vec<WaitingLane>> {
    let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
    let order = |lane: &Found| lane.map(|(key, ..)| (key.shard, key.webhook));
    let (mut fresh, mut due) =
        tokio::try_join!(next_lane(session, true, after), next_lane(session, false, after))?;
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
        let next_due = due.filter(|(of_due, ..)| *of_due == key).and_then(|(.., at)| at);
        if is_fresh {
            fresh = next_lane(session, true, Some(key)).await?;
        }
        if next_due.is_some() {
            due = next_lane(session, false, Some(key)).await?;
        }
        let failing_since = failing_since(session, tenant, key.webhook).await?;
        lanes.push(WaitingLane { key, tenant, fresh: is_fresh, next_due, failing_since });
    }
    Ok(lanes)
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<&'static str> {
    vec![FRESH, FRESH_TIES, DUE, DUE_REST, NEXT_FRESH, NEXT_DUE]
}
