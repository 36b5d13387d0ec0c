//! Between rows and the types of core.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use stentor_core::arrival::Arrival;
use stentor_core::delivery::PendingDelivery;
use stentor_core::event::{Event, EventContent, EventType};
use stentor_core::id::{
    BatchId, BroadcastId, ConversationId, ConversationKey, CredentialId, DeliveryId, EventId, MessageId,
    NodeId, ReplayId, RequestId, RouteId, SourceId, TenantId, TokenId, WebhookId,
};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::Webhook;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

use super::connection::Session;
use crate::arrivals;
pub(super) use crate::columns::*;
use crate::error::{StoreResult, unreadable};
use crate::events::ListedEvent;
use crate::seal::Sealer;
use crate::secrets;

/// An id as a value of a statement: 16 bytes of the type UUID, which sorts as they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(pub IdBytes);

impl Id {
    pub const LOWEST: Self = Self([0; 16]);
    pub const HIGHEST: Self = Self([0xff; 16]);
}

macro_rules! ids {
    ($($name:ident),*) => {$(
        impl From<$name> for Id {
            fn from(id: $name) -> Self {
                Self(*id.as_bytes())
            }
        }
    )*};
}

ids!(
    BatchId,
    BroadcastId,
    ConversationId,
    ConversationKey,
    CredentialId,
    DeliveryId,
    EventId,
    MessageId,
    NodeId,
    ReplayId,
    RequestId,
    RouteId,
    SourceId,
    TenantId,
    TokenId,
    WebhookId
);

impl ToSql for Id {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(UUID);
}

/// A counter as the database holds it, where its column has 32 bits.
pub(super) fn small(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A shard as the database holds it.
pub(super) fn shard_number(shard: Shard) -> i16 {
    i16::from(shard.0)
}

pub(super) fn shard(row: &Row, column: usize) -> StoreResult<Shard> {
    let number: i16 = row.try_get(column)?;
    u8::try_from(number).map(Shard).map_err(|_| unreadable("a shard"))
}

/// One of the small numbers that stand for words.
pub(super) fn number16(number: i64) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

pub(super) fn count_of(row: &Row, column: usize) -> StoreResult<u64> {
    Ok(count(row.try_get(column)?))
}

/// A counter of 32 bits in a column of 64.
pub(super) fn count32(row: &Row, column: usize) -> StoreResult<u32> {
    u32::try_from(row.try_get::<_, i64>(column)?).map_err(|_| unreadable("a counter"))
}

/// A counter in a column of 32 bits.
pub(super) fn small_count(row: &Row, column: usize) -> StoreResult<u32> {
    u32::try_from(row.try_get::<_, i32>(column)?).map_err(|_| unreadable("a counter"))
}

pub(super) fn time(row: &Row, column: usize) -> StoreResult<Time> {
    Ok(Time::from_micros(row.try_get(column)?))
}

pub(super) fn optional_time(row: &Row, column: usize) -> StoreResult<Option<Time>> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(Time::from_micros))
}

/// The status of an HTTP answer, when there was one.
pub(super) fn http_status(row: &Row, column: usize) -> StoreResult<Option<u16>> {
    let status: Option<i32> = row.try_get(column)?;
    status.map(|status| u16::try_from(status).map_err(|_| unreadable("a status"))).transpose()
}

/// Any of the typed ids.
pub(super) fn id<T>(row: &Row, column: usize, make: fn(IdBytes) -> T) -> StoreResult<T> {
    Ok(make(row.try_get::<_, Id>(column)?.0))
}

pub(super) fn optional_id<T>(row: &Row, column: usize, make: fn(IdBytes) -> T) -> StoreResult<Option<T>> {
    Ok(row.try_get::<_, Option<Id>>(column)?.map(|id| make(id.0)))
}

/// A hash of 32 bytes.
pub(super) fn hash(row: &Row, column: usize) -> StoreResult<[u8; 32]> {
    row.try_get::<_, &[u8]>(column)?.try_into().map_err(|_| unreadable("a hash"))
}

/// What a person wrote, which is kept as bytes.
pub(super) fn text(row: &Row, column: usize) -> StoreResult<String> {
    optional_text(row, column)?.ok_or_else(|| unreadable("a text"))
}

pub(super) fn optional_text(row: &Row, column: usize) -> StoreResult<Option<String>> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| unreadable("a text"))).transpose()
}

/// A word that must be one of a closed set.
pub(super) fn word<T>(
    row: &Row,
    column: usize,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> StoreResult<T> {
    parse(row.try_get(column)?).ok_or_else(|| unreadable(what))
}

/// A value that the database keeps about itself.
pub(super) async fn meta(session: &Session, name: &str) -> StoreResult<Option<Vec<u8>>> {
    let row = session.first("SELECT value FROM meta WHERE name = $1", &[&name]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

pub(super) async fn set_meta(session: &Session, name: &str, value: &[u8]) -> StoreResult<()> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    session.execute(sql, &[&name, &value]).await.map(|_| ())
}

/// Columns of a pending row, in the order that [`pending`] reads.
pub(super) const PENDING: &str =
    "p.id, p.tenant, p.event, p.webhook, p.shard, p.position, p.due_at, p.attempts, p.claims, p.batch";
/// How many they are.
pub(super) const PENDING_COLUMNS: usize = 10;

pub(super) fn pending(row: &Row) -> StoreResult<PendingDelivery> {
    let claims: i16 = row.try_get(8)?;
    Ok(PendingDelivery {
        id: id(row, 0, DeliveryId::from_bytes)?,
        tenant: id(row, 1, TenantId::from_bytes)?,
        event: id(row, 2, EventId::from_bytes)?,
        webhook: id(row, 3, WebhookId::from_bytes)?,
        shard: shard(row, 4)?,
        position: row.try_get(5)?,
        due_at: optional_time(row, 6)?,
        attempts: small_count(row, 7)?,
        claims: u8::try_from(claims).map_err(|_| unreadable("claims"))?,
        batch: optional_id(row, 9, BatchId::from_bytes)?,
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
/// What [`EventContent::bytes`] will be. The length of a value is known without reading it.
pub(super) const CONTENT_BYTES: &str =
    "(octet_length(y.data)::int8 + coalesce(octet_length(y.previous_data), 0))";

pub(super) fn bytes(row: &Row, column: usize) -> StoreResult<Option<Bytes>> {
    Ok(row.try_get::<_, Option<Vec<u8>>>(column)?.map(Bytes::from))
}

fn arrival(row: &Row, column: usize) -> StoreResult<Option<Arc<Arrival>>> {
    let stored: Option<&[u8]> = row.try_get(column)?;
    stored.map(|bytes| arrivals::read(bytes).map(Arc::new)).transpose()
}

pub(super) fn event_type(row: &Row, column: usize) -> StoreResult<EventType> {
    word(row, column, "an event's type", |text| EventType::parse(text).ok())
}

pub(super) fn content(row: &Row, first: usize) -> StoreResult<EventContent> {
    let bytes_at = first + AROUND_COLUMNS;
    let data = bytes(row, bytes_at)?.ok_or_else(|| unreadable("an event's data"))?;
    content_around(row, first, (data, bytes(row, bytes_at + 1)?))
}

/// An event's content whose bytes were read apart from it; `row` has the columns before them.
pub(super) fn content_around(
    row: &Row,
    first: usize,
    (data, previous_data): (Bytes, Option<Bytes>),
) -> StoreResult<EventContent> {
    Ok(EventContent {
        id: id(row, first, EventId::from_bytes)?,
        event_type: event_type(row, first + 1)?,
        time: time(row, first + 2)?,
        content_type: row.try_get::<_, &str>(first + 3)?.into(),
        subject: optional_text(row, first + 4)?.map(Into::into),
        data,
        previous_data,
        arrival: arrival(row, first + 5)?,
    })
}

/// Columns of an event beyond its content, which come first, in the order that [`event`] reads.
pub(super) const EVENT: &str = "e.tenant, e.accepted_at, y.metadata, e.origin, e.config_version, e.matched";

pub(super) fn event(row: &Row) -> StoreResult<Event> {
    event_around(row, content(row, 0)?)
}

/// A row in which the bytes are NULL when they are left out.
pub(super) fn listed_event(row: &Row) -> StoreResult<ListedEvent> {
    let data = bytes(row, AROUND_COLUMNS)?;
    let data_omitted = data.is_none();
    let content = content_around(row, 0, (data.unwrap_or_default(), bytes(row, AROUND_COLUMNS + 1)?))?;
    Ok(ListedEvent { event: event_around(row, content)?, data_omitted })
}

fn event_around(row: &Row, content: EventContent) -> StoreResult<Event> {
    let first = CONTENT_COLUMNS;
    let arrived = content.arrival.is_some();
    Ok(Event {
        content: Arc::new(content),
        tenant: id(row, first, TenantId::from_bytes)?,
        accepted_at: time(row, first + 1)?,
        metadata: bytes(row, first + 2)?,
        origin: origin(row.try_get::<_, i16>(first + 3)?.into(), arrived)?,
        config_version: count_of(row, first + 4)?,
        matched: small_count(row, first + 5)?,
    })
}

/// Columns of a webhook, in the order that [`webhook`] reads. They have the same names in `webhooks` and `revisions`,
/// except for the id.
pub(super) const WEBHOOK: &str =
    "tenant, shard, status, disable_reason, config, sealed, version, created_at, updated_at";

pub(super) fn webhook(row: &Row, id: WebhookId, sealer: &Sealer) -> StoreResult<Webhook> {
    let reason: Option<&str> = row.try_get(3)?;
    Ok(Webhook {
        id,
        tenant: self::id(row, 0, TenantId::from_bytes)?,
        shard: shard(row, 1)?,
        status: status(row.try_get::<_, i16>(2)?.into(), reason)?,
        config: serde_json::from_str(row.try_get(4)?).map_err(|_| unreadable("a webhook's configuration"))?,
        secrets: secrets::open(id, row.try_get(5)?, sealer)?,
        version: count_of(row, 6)?,
        created_at: time(row, 7)?,
        updated_at: time(row, 8)?,
    })
}
