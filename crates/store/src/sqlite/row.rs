//! Between rows and the types of core.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::FromSql;
use stentor_core::arrival::Arrival;
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::{Event, EventContent, EventType};
use stentor_core::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;

use crate::arrivals;
pub(super) use crate::columns::*;
use crate::error::{StoreResult, unreadable};
use crate::events::ListedEvent;
use crate::seal::Sealer;
use crate::secrets;

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Time> {
    row.get(column).map(Time::from_micros)
}

pub(super) fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Time>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Time::from_micros))
}

/// Any of the typed ids.
pub(super) fn id<T>(row: &Row<'_>, column: usize, make: fn(IdBytes) -> T) -> rusqlite::Result<T> {
    row.get(column).map(make)
}

/// A word that must be one of a closed set.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: usize,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> StoreResult<T> {
    let text: String = row.get(column)?;
    parse(&text).ok_or_else(|| unreadable(what))
}

/// Columns of a pending row, in the order that [`pending`] reads.
pub(super) const PENDING: &str =
    "p.id, p.tenant, p.event, p.webhook, p.shard, p.position, p.due_at, p.attempts, p.claims, p.batch";
/// How many they are.
pub(super) const PENDING_COLUMNS: usize = 10;

pub(super) fn optional_batch(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<BatchId>> {
    Ok(row.get::<_, Option<IdBytes>>(column)?.map(BatchId::from_bytes))
}

pub(super) fn pending(row: &Row<'_>) -> rusqlite::Result<PendingDelivery> {
    Ok(PendingDelivery {
        id: id(row, 0, DeliveryId::from_bytes)?,
        tenant: id(row, 1, TenantId::from_bytes)?,
        event: id(row, 2, EventId::from_bytes)?,
        webhook: id(row, 3, WebhookId::from_bytes)?,
        shard: Shard(row.get(4)?),
        position: row.get(5)?,
        due_at: optional_time(row, 6)?,
        attempts: row.get(7)?,
        claims: row.get(8)?,
        batch: optional_batch(row, 9)?,
    })
}

/// Columns of an event's content, in the order that [`content`] reads. `e` is the event and `y` its payload.
pub(super) const CONTENT: &str =
    "e.id, e.event_type, e.time, e.content_type, e.subject, e.arrival, y.data, y.previous_data";
/// How many they are.
const CONTENT_COLUMNS: usize = AROUND_COLUMNS + 2;
/// Those of them before the bytes.
pub(super) const AROUND: &str = "e.id, e.event_type, e.time, e.content_type, e.subject, e.arrival";
/// How many those are.
pub(super) const AROUND_COLUMNS: usize = 6;
/// What [`EventContent::bytes`] will be. SQLite knows the length of a value without reading it.
pub(super) const CONTENT_BYTES: &str = "(length(y.data) + coalesce(length(y.previous_data), 0))";

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Bytes>> {
    Ok(Option::<Vec<u8>>::column_result(row.get_ref(column)?)?.map(Bytes::from))
}

fn arrival(row: &Row<'_>, column: usize) -> StoreResult<Option<Arc<Arrival>>> {
    let stored = row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    stored.map(|bytes| arrivals::read(bytes).map(Arc::new)).transpose()
}

pub(super) fn event_type(row: &Row<'_>, column: usize) -> StoreResult<EventType> {
    word(row, column, "an event's type", |text| EventType::parse(text).ok())
}

pub(super) fn content(row: &Row<'_>, first: usize) -> StoreResult<EventContent> {
    let bytes_at = first + AROUND_COLUMNS;
    let data = bytes(row, bytes_at)?.ok_or_else(|| unreadable("an event's data"))?;
    content_around(row, first, (data, bytes(row, bytes_at + 1)?))
}

/// The two columns that hold an event's bytes.
pub(super) fn payload(row: &Row<'_>) -> StoreResult<(Bytes, Option<Bytes>)> {
    Ok((bytes(row, 0)?.ok_or_else(|| unreadable("an event's data"))?, bytes(row, 1)?))
}

/// An event's content whose bytes were read apart from it; `row` has the columns before them.
pub(super) fn content_around(
    row: &Row<'_>,
    first: usize,
    (data, previous_data): (Bytes, Option<Bytes>),
) -> StoreResult<EventContent> {
    Ok(EventContent {
        id: id(row, first, EventId::from_bytes)?,
        event_type: event_type(row, first + 1)?,
        time: time(row, first + 2)?,
        content_type: row.get::<_, String>(first + 3)?.into(),
        subject: row.get::<_, Option<String>>(first + 4)?.map(Into::into),
        data,
        previous_data,
        arrival: arrival(row, first + 5)?,
    })
}

/// Columns of an event beyond its content, which come first, in the order that [`event`] reads.
pub(super) const EVENT: &str = "e.tenant, e.accepted_at, y.metadata, e.origin, e.config_version, e.matched";

pub(super) fn event(row: &Row<'_>) -> StoreResult<Event> {
    event_around(row, content(row, 0)?)
}

/// A row in which the bytes are NULL when they are left out.
pub(super) fn listed_event(row: &Row<'_>) -> StoreResult<ListedEvent> {
    let data = bytes(row, AROUND_COLUMNS)?;
    let data_omitted = data.is_none();
    let content = content_around(row, 0, (data.unwrap_or_default(), bytes(row, AROUND_COLUMNS + 1)?))?;
    Ok(ListedEvent { event: event_around(row, content)?, data_omitted })
}

fn event_around(row: &Row<'_>, content: EventContent) -> StoreResult<Event> {
    let first = CONTENT_COLUMNS;
    let arrived = content.arrival.is_some();
    Ok(Event {
        content: Arc::new(content),
        tenant: id(row, first, TenantId::from_bytes)?,
        accepted_at: time(row, first + 1)?,
        metadata: bytes(row, first + 2)?,
        origin: origin(row.get(first + 3)?, arrived)?,
        config_version: count(row.get(first + 4)?),
        matched: row.get(first + 5)?,
    })
}

/// Columns of a webhook, in the order that [`webhook`] reads. They have the same names in `webhooks` and `revisions`,
/// except for the id.
pub(super) const WEBHOOK: &str =
    "tenant, shard, status, disable_reason, config, sealed, version, created_at, updated_at";

pub(super) fn webhook(row: &Row<'_>, id: WebhookId, sealer: &Sealer) -> StoreResult<Webhook> {
    let sealed = row.get_ref(5)?.as_blob().map_err(rusqlite::Error::from)?;
    let reason: Option<String> = row.get(3)?;
    Ok(Webhook {
        id,
        tenant: self::id(row, 0, TenantId::from_bytes)?,
        shard: Shard(row.get(1)?),
        status: status(row.get(2)?, reason.as_deref())?,
        config: serde_json::from_str(&row.get::<_, String>(4)?)
            .map_err(|_| unreadable("a webhook's configuration"))?,
        secrets: secrets::open(id, sealed, sealer)?,
        version: count(row.get(6)?),
        created_at: time(row, 7)?,
        updated_at: time(row, 8)?,
    })
}
