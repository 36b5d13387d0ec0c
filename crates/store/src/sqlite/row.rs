//! Between rows and the types of core.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::FromSql;
use stentor_core::arrival::Arrival;
use stentor_core::delivery::{DeliveryState, FinalState, PendingDelivery};
use stentor_core::event::{Event, EventContent, EventType, Origin};
use stentor_core::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, Webhook, WebhookStatus};

use super::failure::unreadable;
use super::{arrivals, secrets};
use crate::error::StoreResult;
use crate::events::ListedEvent;
use crate::seal::Sealer;

/// An id as the database holds it.
pub(super) type IdBytes = [u8; 16];

/// The lowest id that can be made at `time`. Ids carry their time in 60 bits around the version, which tells microseconds
/// apart (RFC 9562 section 6.2, method 3, as core makes them): every id made earlier is lower.
pub(super) fn first_id(time: Time) -> IdBytes {
    first_id_made_with(EventId::new(time.max(Time::ZERO), 0).as_bytes())
}

/// The lowest id of the same microsecond.
pub(super) fn first_id_made_with(id: &IdBytes) -> IdBytes {
    (u128::from_be_bytes(*id) >> 64 << 64).to_be_bytes()
}

/// The first id after the microsecond in which this one was made.
pub(super) fn first_id_after(id: &IdBytes) -> IdBytes {
    ((u128::from_be_bytes(*id) >> 64).saturating_add(1) << 64).to_be_bytes()
}

/// Whether both ids were made in the same microsecond.
pub(super) fn made_together(a: &IdBytes, b: &IdBytes) -> bool {
    a[..8] == b[..8]
}

/// Counters and versions; none of ours comes near the bound.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A sum that cannot be negative.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn micros(time: Time) -> i64 {
    time.as_micros()
}

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

pub(super) const fn origin_number(origin: Origin) -> i64 {
    match origin {
        // Told apart from the former by its arrival.
        Origin::Api | Origin::Source => 1,
        Origin::Operational => 2,
    }
}

fn origin(number: i64) -> StoreResult<Origin> {
    match number {
        1 => Ok(Origin::Api),
        2 => Ok(Origin::Operational),
        _ => Err(unreadable("an origin")),
    }
}

pub(super) const fn final_number(state: FinalState) -> i64 {
    match state {
        FinalState::Delivered => 1,
        FinalState::Dead(_) => 2,
        FinalState::Cancelled(_) => 3,
    }
}

/// States as the list statements number them: 1-3 as in `deliveries`, 4 pending, 5 held.
pub(super) const fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Delivered => 1,
        DeliveryState::Dead => 2,
        DeliveryState::Cancelled => 3,
        DeliveryState::Pending => 4,
        DeliveryState::Held => 5,
    }
}

pub(super) fn state(number: i64) -> StoreResult<DeliveryState> {
    let found = DeliveryState::ALL.into_iter().find(|state| state_number(*state) == number);
    found.ok_or_else(|| unreadable("a delivery's state"))
}

/// The number and the word for why, of a webhook's status.
pub(super) const fn status_columns(status: WebhookStatus) -> (i64, Option<&'static str>) {
    match status {
        WebhookStatus::Active => (1, None),
        WebhookStatus::Paused => (2, None),
        WebhookStatus::Disabled(reason) => (3, Some(reason.as_str())),
        WebhookStatus::Deleted => (4, None),
    }
}

/// The number of deleted webhooks.
pub(super) const DELETED: i64 = status_columns(WebhookStatus::Deleted).0;

fn status(number: i64, reason: Option<&str>) -> StoreResult<WebhookStatus> {
    match (number, reason.and_then(DisableReason::from_word)) {
        (1, None) => Ok(WebhookStatus::Active),
        (2, None) => Ok(WebhookStatus::Paused),
        (3, Some(reason)) => Ok(WebhookStatus::Disabled(reason)),
        (4, None) => Ok(WebhookStatus::Deleted),
        _ => Err(unreadable("a webhook's status")),
    }
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
    let origin = match origin(row.get(first + 3)?)? {
        Origin::Api if content.arrival.is_some() => Origin::Source,
        other => other,
    };
    Ok(Event {
        content: Arc::new(content),
        tenant: id(row, first, TenantId::from_bytes)?,
        accepted_at: time(row, first + 1)?,
        metadata: bytes(row, first + 2)?,
        origin,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bounded_by_their_microsecond() {
        for micros in
            [1_700_000_000_000_000, 1_700_000_000_000_001, 1_700_000_000_000_999, 1_700_000_000_001_000]
        {
            let at = Time::from_micros(micros);
            let (low, high) = (DeliveryId::new(at, 0), DeliveryId::new(at, u64::MAX));
            assert!(
                first_id(at) <= *low.as_bytes() && *high.as_bytes() < first_id(Time::from_micros(micros + 1))
            );
            assert!(*high.as_bytes() < first_id_after(low.as_bytes()));
            assert_eq!(first_id_made_with(high.as_bytes()), first_id(at));
            assert!(made_together(low.as_bytes(), high.as_bytes()));
            assert!(!made_together(
                low.as_bytes(),
                EventId::new(Time::from_micros(micros + 1), 0).as_bytes()
            ));
        }
    }
}
