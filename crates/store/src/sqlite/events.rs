//! Reading events.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, ToSql, named_params, params};
use stentor_core::event::{Event, EventType, Origin};
use stentor_core::id::{EventId, TenantId};
use stentor_core::time::Time;

use super::SqliteStore;
use super::row::{self, AROUND, CONTENT, CONTENT_BYTES, EVENT, IdBytes, first_id, integer, micros};
use super::totals;
use crate::Page;
use crate::error::StoreResult;
use crate::events::{Conservation, EventFilter, Events, KeyedEvent, ListedEvent};
use crate::journal::IdempotencyKey;

/// Ids of `[since, until)` lie between these: an event's id is made when it is accepted.
fn id_range(since: Option<Time>, until: Option<Time>) -> (IdBytes, IdBytes) {
    let low = since.map_or([0; 16], first_id);
    let high = until.map_or([0xff; 16], first_id);
    (low, high)
}

/// The condition that the filter adds, and its one text parameter for the type.
fn type_condition(event_type: Option<&str>) -> (&'static str, Option<String>) {
    match event_type {
        None => ("", None),
        // `/` follows `.`, so these are all types below the prefix.
        Some(prefix) if prefix.ends_with('.') => (
            " AND e.event_type >= :type AND e.event_type < substr(:type, 1, length(:type) - 1) || '/'",
            Some(prefix.to_owned()),
        ),
        Some(exact) => (" AND e.event_type = :type", Some(exact.to_owned())),
    }
}

/// The statement that lists events, without bytes of more than `:data_bytes`.
fn list_sql(filter: &EventFilter) -> String {
    let (by_type, _) = type_condition(filter.event_type.as_deref());
    let by_subject = if filter.subject.is_some() { " AND e.subject = :subject" } else { "" };
    let fits = |column: &str| format!("CASE WHEN {CONTENT_BYTES} <= :data_bytes THEN {column} END");
    let (data, previous_data) = (fits("y.data"), fits("y.previous_data"));
    let (index, by_source) = match filter.source {
        Some(_) => ("events_by_source", " AND e.source = :source"),
        None => ("events_by_tenant", ""),
    };
    format!(
        "SELECT {AROUND}, {data}, {previous_data}, {EVENT} FROM events e INDEXED BY {index} CROSS JOIN payloads y ON y.id = e.payload
         WHERE e.tenant = :tenant AND e.id >= :low AND e.id < :high AND e.accepted_at >= :since
         AND e.accepted_at < :until{by_type}{by_subject}{by_source} ORDER BY e.id DESC LIMIT :rows"
    )
}

#[async_trait]
impl Events for SqliteStore {
    async fn event(&self, tenant: TenantId, id: EventId) -> StoreResult<Option<Event>> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {CONTENT}, {EVENT} FROM events e JOIN payloads y ON y.id = e.payload
                 WHERE e.id = ?1 AND e.tenant = ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([id.as_bytes(), tenant.as_bytes()])?;
            rows.next()?.map(row::event).transpose()
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
        self.read(move |connection| {
            let (low, high) = id_range(filter.since, filter.until);
            let high = before.map_or(high, |before| high.min(*before.as_bytes()));
            let (since, until) = (filter.since.map_or(i64::MIN, micros), filter.until.map_or(i64::MAX, micros));
            let (_, by_type) = type_condition(filter.event_type.as_deref());
            let (one_more, data_bytes) = (rows.saturating_add(1), integer(data_bytes));
            let tenant = tenant.as_bytes();
            let mut values: Vec<(&str, &dyn ToSql)> = named_params! {
                ":tenant": tenant, ":low": low, ":high": high, ":since": since, ":until": until, ":rows": one_more,
                ":data_bytes": data_bytes,
            }
            .to_vec();
            if let Some(by_type) = &by_type {
                values.push((":type", by_type));
            }
            if let Some(subject) = &filter.subject {
                values.push((":subject", subject));
            }
            let source = filter.source.map(|source| *source.as_bytes());
            if let Some(source) = &source {
                values.push((":source", source));
            }
            let mut statement = connection.prepare_cached(&list_sql(&filter))?;
            let mut found = statement.query(values.as_slice())?;
            let mut page = Vec::new();
            while let Some(row) = found.next()? {
                page.push(row::listed_event(row)?);
            }
            Ok(super::page_of(page, rows))
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
        self.read(move |connection| {
            let (low, high) = id_range(Some(since), Some(until));
            let after = after.map_or([0; 16], |after| *after.as_bytes());
            let mut statement = connection.prepare_cached(
                "SELECT id, event_type FROM events INDEXED BY events_by_tenant WHERE tenant = :tenant AND id >= max(:low, :after)
                 AND id <> :after AND id < :high AND accepted_at >= :since AND accepted_at < :until AND origin <> :operational
                 ORDER BY id LIMIT :rows",
            )?;
            let (tenant, since, until) = (tenant.as_bytes(), micros(since), micros(until));
            let mut found = statement.query(
                named_params! {
                    ":tenant": tenant, ":low": low, ":after": after, ":high": high, ":since": since, ":until": until,
                    ":rows": rows, ":operational": row::origin_number(Origin::Operational),
                },
            )?;
            let mut types = Vec::new();
            while let Some(row) = found.next()? {
                types.push((row::id(row, 0, EventId::from_bytes)?, row::event_type(row, 1)?));
            }
            Ok(types)
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
        self.read(move |connection| {
            let mut find = connection.prepare_cached(
                "SELECT body_hash, event, matched FROM idempotency WHERE tenant = ?1 AND key_hash = ?2 AND expires_at > ?3",
            )?;
            let earlier = find.query_row(params![tenant.as_bytes(), key_hash, micros(now)], |row| {
                let event = EventId::from_bytes(row.get(1)?);
                Ok(match row.get::<_, [u8; 32]>(0)? == body_hash {
                    true => KeyedEvent::Same { event, matched: row.get(2)? },
                    false => KeyedEvent::Other(event),
                })
            });
            Ok(earlier.optional()?)
        })
        .await
    }

    async fn conservation(&self, tenant: Option<TenantId>) -> StoreResult<Conservation> {
        self.read(move |connection| totals::conservation(connection, tenant)).await
    }
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<String> {
    let full = EventFilter {
        event_type: Some("order.".into()),
        subject: Some("x".into()),
        source: None,
        since: Some(Time::ZERO),
        until: Some(Time::ZERO),
    };
    let of_source =
        EventFilter { source: Some(stentor_core::id::SourceId::from_bytes([1; 16])), ..full.clone() };
    vec![list_sql(&EventFilter::default()), list_sql(&full), list_sql(&of_source)]
}
