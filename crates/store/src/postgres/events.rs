//! Reading events.

use async_trait::async_trait;
use stentor_core::event::{Event, EventType, Origin};
use stentor_core::id::{EventId, TenantId};
use stentor_core::time::Time;

use super::connection::{Session, Values};
use super::row::{
    self, AROUND, CONTENT, CONTENT_BYTES, EVENT, Id, first_id, integer, micros, number16, page_of,
};
use super::{PostgresStore, totals};
use crate::Page;
use crate::error::StoreResult;
use crate::events::{Conservation, EventFilter, Events, KeyedEvent, ListedEvent};
use crate::journal::IdempotencyKey;

/// Ids of `[since, until)` lie between these: an event's id is made when it is accepted.
fn id_range(since: Option<Time>, until: Option<Time>) -> (Id, Id) {
    let low = since.map_or(Id::LOWEST, |since| Id(first_id(since)));
    let high = until.map_or(Id::HIGHEST, |until| Id(first_id(until)));
    (low, high)
}

/// The statement that lists events, without bytes of more than `$7`; `$8` is a type, or the lowest and `$9` the first after those
/// below a prefix, `$10` a subject, `$11` the source when it is by one.
pub(super) fn list_sql(by_source: bool) -> String {
    let source = if by_source { " AND e.source = $11" } else { "" };
    let fits = |column: &str| format!("CASE WHEN {CONTENT_BYTES} <= $7 THEN {column} END");
    let (data, previous_data) = (fits("y.data"), fits("y.previous_data"));
    format!(
        "SELECT {AROUND}, {data}, {previous_data}, {EVENT} FROM events e
         JOIN payloads y ON y.id = e.id AND y.tenant = e.tenant
         WHERE e.tenant = $1 AND e.id >= $2 AND e.id < $3 AND e.accepted_at >= $4 AND e.accepted_at < $5
         AND ($8::text IS NULL OR e.event_type >= $8) AND ($9::text IS NULL OR e.event_type < $9)
         AND ($10::bytea IS NULL OR e.subject = $10){source} ORDER BY e.id DESC LIMIT $6"
    )
}

/// From the first type that the filter lets pass to the first that it does not.
fn types(event_type: Option<&str>) -> (Option<String>, Option<String>) {
    match event_type {
        None => (None, None),
        // `/` follows `.`, so these are all types below the prefix.
        Some(prefix) if prefix.ends_with('.') => {
            (Some(prefix.to_owned()), Some(format!("{}/", &prefix[..prefix.len() - 1])))
        }
        // Nothing lies between a text and the same with the lowest character behind it.
        Some(exact) => (Some(exact.to_owned()), Some(format!("{exact}\u{1}"))),
    }
}

async fn list(
    session: &Session,
    tenant: TenantId,
    filter: &EventFilter,
    before: Option<EventId>,
    (rows, data_bytes): (u32, u64),
) -> StoreResult<Page<ListedEvent>> {
    let (low, high) = id_range(filter.since, filter.until);
    let high = before.map_or(high, |before| high.min(before.into()));
    let (from, to) = types(filter.event_type.as_deref());
    let (tenant, one_more, bytes) = (Id::from(tenant), i64::from(rows) + 1, integer(data_bytes));
    let (since, until) = (filter.since.map_or(i64::MIN, micros), filter.until.map_or(i64::MAX, micros));
    let (subject, source) = (filter.subject.as_deref().map(str::as_bytes), filter.source.map(Id::from));
    let values: &Values<'_> =
        &[&tenant, &low, &high, &since, &until, &one_more, &bytes, &from, &to, &subject, &source];
    let values = if source.is_some() { values } else { &values[..10] };
    let found = session.query(&list_sql(source.is_some()), values).await?;
    Ok(page_of(found.iter().map(row::listed_event).collect::<Result<_, _>>()?, rows))
}

#[async_trait]
impl Events for PostgresStore {
    async fn event(&self, tenant: TenantId, id: EventId) -> StoreResult<Option<Event>> {
        let sql = format!(
            "SELECT {CONTENT}, {EVENT} FROM events e JOIN payloads y ON y.id = e.id AND y.tenant = e.tenant
             WHERE e.id = $1 AND e.tenant = $2"
        );
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(id), &Id::from(tenant)]).await?;
                found.map(|row| row::event(&row)).transpose()
            })
        })
        .await
    }

    async fn events(
        &self,
        tenant: TenantId,
        filter: &EventFilter,
        before: Option<EventId>,
        rows: u32,
        data_bytes: u64,
    ) -> StoreResult<Page<ListedEvent>> {
        let filter = filter.clone();
        self.read(move |session| {
            Box::pin(async move { list(session, tenant, &filter, before, (rows, data_bytes)).await })
        })
        .await
    }

    async fn event_types(
        &self,
        tenant: TenantId,
        since: Time,
        until: Time,
        after: Option<EventId>,
        rows: u32,
    ) -> StoreResult<Vec<(EventId, EventType)>> {
        self.read(move |session| {
            Box::pin(async move {
                let (low, high) = id_range(Some(since), Some(until));
                let after = after.map_or(Id::LOWEST, Id::from);
                let sql = "SELECT id, event_type FROM events WHERE tenant = $1 AND id >= $2 AND id <> $3 AND id < $4
                     AND accepted_at >= $5 AND accepted_at < $6 AND origin <> $7 ORDER BY id LIMIT $8";
                let values: &Values<'_> = &[
                    &Id::from(tenant),
                    &low.max(after),
                    &after,
                    &high,
                    &micros(since),
                    &micros(until),
                    &number16(row::origin_number(Origin::Operational)),
                    &i64::from(rows),
                ];
                let found = session.query(sql, values).await?;
                let read = |row| Ok((row::id(row, 0, EventId::from_bytes)?, row::event_type(row, 1)?));
                found.iter().map(read).collect()
            })
        })
        .await
    }

    async fn keyed_event(
        &self,
        tenant: TenantId,
        key: &IdempotencyKey,
        now: Time,
    ) -> StoreResult<Option<KeyedEvent>> {
        let (key_hash, body_hash) = (key.key_hash, key.body_hash);
        self.read(move |session| {
            Box::pin(async move {
                let sql =
                    "SELECT body_hash, event, matched FROM idempotency WHERE tenant = $1 AND key_hash = $2
                     AND expires_at > $3";
                let values: &Values<'_> = &[&Id::from(tenant), &key_hash.as_slice(), &micros(now)];
                let Some(found) = session.first(sql, values).await? else { return Ok(None) };
                let event = row::id(&found, 1, EventId::from_bytes)?;
                Ok(Some(match row::hash(&found, 0)? == body_hash {
                    true => KeyedEvent::Same { event, matched: row::small_count(&found, 2)? },
                    false => KeyedEvent::Other(event),
                }))
            })
        })
        .await
    }

    async fn conservation(&self, tenant: Option<TenantId>) -> StoreResult<Conservation> {
        self.read_moment(move |session| Box::pin(totals::conservation(session, tenant))).await
    }
}
