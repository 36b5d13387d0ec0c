//! Refused requests.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_core::time::Time;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::deliveries::{Named, numbered};
use super::journal::column;
use super::row::{self, Id, first_id, integer, micros, page_of};
use crate::Page;
use crate::error::{StoreResult, unreadable};
use crate::requests::{
    ALREADY_PROCESSED, HANDSHAKE, RefusedBounds, RefusedFilter, RefusedRequest, Refuser, Requests,
};

const COLUMNS: &str = "id, tenant, source, received_at, peer, method, path, headers, content_type, body_bytes, body_us, total_us, code, detail, hidden, status";
const INSERT: &str = "INSERT INTO refused_requests (id, tenant, source, received_at, peer, method, path, headers, \
     content_type, body_bytes, body_us, total_us, code, detail, hidden, status, body, bytes) SELECT * FROM unnest($1::uuid[], \
     $2::uuid[], $3::uuid[], $4::int8[], $5::text[], $6::bytea[], $7::bytea[], $8::text[], $9::bytea[], $10::int8[], $11::int8[], \
     $12::int8[], $13::text[], $14::bytea[], $15::bool[], $16::int4[], $17::bytea[], $18::int8[]) ON CONFLICT (id) DO NOTHING";
/// Deletes the oldest of each source beyond `$2` rows or `$3` bytes. The walk ends at the bound, and the index has all that it needs.
const BOUND: &str = "DELETE FROM refused_requests r USING (SELECT k.source, (SELECT w.id FROM (SELECT q.id, \
     row_number() OVER newest AS rows, sum(q.bytes) OVER newest AS bytes FROM refused_requests q WHERE q.source = k.source \
     WINDOW newest AS (ORDER BY q.id DESC ROWS UNBOUNDED PRECEDING)) AS w WHERE w.rows > $2 OR w.bytes > $3::int8 \
     ORDER BY w.id DESC LIMIT 1) AS last FROM unnest($1::uuid[]) AS k (source)) AS cut \
     WHERE r.source = cut.source AND r.id <= cut.last";
/// The same for those that no source matched: beyond `$1` rows or `$2` bytes.
const BOUND_NOBODY: &str = "DELETE FROM refused_requests r WHERE r.source IS NULL AND r.id <= (SELECT w.id FROM \
     (SELECT q.source, q.id, row_number() OVER newest AS rows, sum(q.bytes) OVER newest AS bytes FROM refused_requests q \
     WHERE q.source IS NULL WINDOW newest AS (ORDER BY q.source DESC, q.id DESC ROWS UNBOUNDED PRECEDING)) AS w \
     WHERE w.rows > $1 OR w.bytes > $2::int8 ORDER BY w.source DESC, w.id DESC LIMIT 1)";

fn refused(row: &Row) -> StoreResult<RefusedRequest> {
    let duration = |column| row::count_of(row, column).map(Duration::from_micros);
    Ok(RefusedRequest {
        id: row::id(row, 0, RequestId::from_bytes)?,
        tenant: row::optional_id(row, 1, TenantId::from_bytes)?,
        source: row::optional_id(row, 2, SourceId::from_bytes)?,
        received_at: row::time(row, 3)?,
        peer: row::word(row, 4, "a peer", |text| text.parse().ok())?,
        method: row::text(row, 5)?,
        path: row::text(row, 6)?,
        headers: serde_json::from_str(row.try_get(7)?).map_err(|_| unreadable("headers"))?,
        content_type: row::optional_text(row, 8)?,
        body: row::bytes(row, 16)?.unwrap_or_default(),
        body_bytes: row::count_of(row, 9)?,
        body_time: duration(10)?,
        total_time: duration(11)?,
        code: row.try_get(12)?,
        detail: row::text(row, 13)?,
        hidden: row.try_get(14)?,
        status: row::http_status(row, 15)?.ok_or_else(|| unreadable("a status"))?,
    })
}

async fn insert(session: &Session, requests: &[RefusedRequest]) -> StoreResult<()> {
    let micros_of = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let headers = requests.iter().map(|request| serde_json::to_string(&request.headers));
    let headers: Vec<String> = headers.collect::<Result<_, _>>().map_err(|_| unreadable("headers"))?;
    let values: &Values<'_> = &[
        &column(requests, |request| Id::from(request.id)),
        &column(requests, |request| request.tenant.map(Id::from)),
        &column(requests, |request| request.source.map(Id::from)),
        &column(requests, |request| micros(request.received_at)),
        &column(requests, |request| request.peer.to_string()),
        &requests.iter().map(|request| request.method.as_bytes()).collect::<Vec<_>>(),
        &requests.iter().map(|request| request.path.as_bytes()).collect::<Vec<_>>(),
        &headers,
        &requests
            .iter()
            .map(|request| request.content_type.as_deref().map(str::as_bytes))
            .collect::<Vec<_>>(),
        &column(requests, |request| integer(request.body_bytes)),
        &column(requests, |request| micros_of(request.body_time)),
        &column(requests, |request| micros_of(request.total_time)),
        &requests.iter().map(|request| &*request.code).collect::<Vec<_>>(),
        &requests.iter().map(|request| request.detail.as_bytes()).collect::<Vec<_>>(),
        &column(requests, |request| request.hidden),
        &column(requests, |request| i32::from(request.status)),
        &requests.iter().map(|request| &request.body[..]).collect::<Vec<_>>(),
        &column(requests, |request| integer(request.weight())),
    ];
    session.execute(INSERT, values).await.map(|_| ())
}

async fn record(session: &Session, requests: &[RefusedRequest], bounds: RefusedBounds) -> StoreResult<()> {
    insert(session, requests).await?;
    let (rows, bytes) = (i64::from(bounds.rows), integer(bounds.bytes));
    let sources: BTreeSet<Id> = requests.iter().filter_map(|request| request.source).map(Id::from).collect();
    if !sources.is_empty() {
        let sources: Vec<Id> = sources.into_iter().collect();
        session.execute(BOUND, &[&sources, &rows, &bytes]).await?;
    }
    if requests.iter().any(|request| request.source.is_none()) {
        session.execute(BOUND_NOBODY, &[&rows, &bytes]).await?;
    }
    Ok(())
}

/// An index that leads with the source sorts within it, but the planner sees that of those without one only when the order
/// names it too.
fn list_sql(filter: &RefusedFilter, refuser: Refuser) -> String {
    let body = if filter.bodies { "body" } else { "NULL::bytea" };
    let by_code = if filter.code.is_some() { " AND code = :code" } else { "" };
    let refused = if filter.refused_only { " AND code NOT IN (:repetition, :handshake)" } else { "" };
    let whose = match refuser {
        Refuser::Source(..) => "source = :source AND tenant = :tenant",
        Refuser::Nobody => "source IS NULL AND tenant IS NULL",
    };
    format!(
        "SELECT {COLUMNS}, {body} FROM refused_requests WHERE {whose} AND id >= :low AND id < :high
         AND received_at >= :since AND received_at < :until{by_code}{refused} ORDER BY source DESC, id DESC LIMIT :rows"
    )
}

async fn list(
    session: &Session,
    refuser: Refuser,
    filter: &RefusedFilter,
    before: Option<RequestId>,
    rows: u32,
) -> StoreResult<Page<RefusedRequest>> {
    let (tenant, source) = match refuser {
        Refuser::Source(tenant, source) => (Some(Id::from(tenant)), Some(Id::from(source))),
        Refuser::Nobody => (None, None),
    };
    // An id is made no earlier than its head was complete.
    let low = filter.since.map_or(Id::LOWEST, |since| Id(first_id(since)));
    let high = before.map_or(Id::HIGHEST, Id::from);
    let (since, until) = (filter.since.map_or(i64::MIN, micros), filter.until.map_or(i64::MAX, micros));
    let one_more = i64::from(rows) + 1;
    let named: [Named<'_>; 10] = [
        (":source", "uuid", &source),
        (":tenant", "uuid", &tenant),
        (":low", "uuid", &low),
        (":high", "uuid", &high),
        (":since", "int8", &since),
        (":until", "int8", &until),
        (":code", "text", &filter.code),
        (":repetition", "text", &ALREADY_PROCESSED),
        (":handshake", "text", &HANDSHAKE),
        (":rows", "int8", &one_more),
    ];
    let (sql, values) = numbered(&list_sql(filter, refuser), &named);
    let found = session.query(&sql, &values).await?;
    Ok(page_of(found.iter().map(refused).collect::<Result<_, _>>()?, rows))
}

#[async_trait]
impl Requests for PostgresStore {
    async fn record_refused(&self, requests: Vec<RefusedRequest>, bounds: RefusedBounds) -> StoreResult<()> {
        self.write(move |session| Box::pin(async move { record(session, &requests, bounds).await })).await
    }

    async fn refused_requests(
        &self,
        refuser: Refuser,
        filter: &RefusedFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> StoreResult<Page<RefusedRequest>> {
        let filter = filter.clone();
        self.read(move |session| Box::pin(async move { list(session, refuser, &filter, before, rows).await }))
            .await
    }

    async fn refused_request(
        &self,
        tenant: Option<TenantId>,
        id: RequestId,
    ) -> StoreResult<Option<RefusedRequest>> {
        let sql = format!(
            "SELECT {COLUMNS}, body FROM refused_requests WHERE id = $1 AND tenant IS NOT DISTINCT FROM $2"
        );
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(id), &tenant.map(Id::from)]).await?;
                found.map(|row| refused(&row)).transpose()
            })
        })
        .await
    }

    async fn purge_refused(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.write(move |session| {
            Box::pin(async move {
                let sql =
                    "DELETE FROM refused_requests r USING (SELECT id FROM refused_requests WHERE id < $1
                     ORDER BY id LIMIT $2) AS old WHERE r.id = old.id";
                let deleted = session.execute(sql, &[&Id(first_id(before)), &i64::from(rows_max)]).await?;
                Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
            })
        })
        .await
    }
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<String> {
    let coded = RefusedFilter { code: Some("x".into()), ..RefusedFilter::default() };
    let source = Refuser::Source(TenantId::from_bytes([1; 16]), SourceId::from_bytes([1; 16]));
    let lists = [(RefusedFilter::default(), source), (coded.clone(), source), (coded, Refuser::Nobody)];
    let nothing: Option<Id> = None;
    let kinds = [
        (":source", "uuid"),
        (":tenant", "uuid"),
        (":low", "uuid"),
        (":high", "uuid"),
        (":since", "int8"),
        (":until", "int8"),
        (":code", "text"),
        (":rows", "int8"),
    ];
    let named =
        kinds.map(|(name, kind)| (name, kind, &nothing as &(dyn tokio_postgres::types::ToSql + Sync)));
    let mut all = vec![BOUND.to_owned(), BOUND_NOBODY.to_owned()];
    all.extend(lists.iter().map(|(filter, refuser)| numbered(&list_sql(filter, *refuser), &named).0));
    all
}
