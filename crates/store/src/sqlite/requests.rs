//! Refused requests.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, Row, ToSql, named_params, params};
use stentor_core::id::{RequestId, SourceId, TenantId};
use stentor_core::time::Time;

use super::row::{self, IdBytes, count, first_id, integer, micros};
use super::{SqliteStore, page_of};
use crate::Page;
use crate::error::{StoreResult, unreadable};
use crate::requests::{
    ALREADY_PROCESSED, HANDSHAKE, RefusedBounds, RefusedFilter, RefusedRequest, Refuser, Requests,
};

const COLUMNS: &str =
    "id, tenant, source, received_at, peer, method, path, headers, content_type, body_bytes, body_us,
    total_us, code, detail, hidden, status";

fn refused(row: &Row<'_>) -> StoreResult<RefusedRequest> {
    let peer: String = row.get(4)?;
    let headers: String = row.get(7)?;
    let duration = |column| row.get(column).map(|micros| Duration::from_micros(count(micros)));
    Ok(RefusedRequest {
        id: row::id(row, 0, RequestId::from_bytes)?,
        tenant: row.get::<_, Option<IdBytes>>(1)?.map(TenantId::from_bytes),
        source: row.get::<_, Option<IdBytes>>(2)?.map(SourceId::from_bytes),
        received_at: row::time(row, 3)?,
        peer: peer.parse().map_err(|_| unreadable("a peer"))?,
        method: row.get(5)?,
        path: row.get(6)?,
        headers: serde_json::from_str(&headers).map_err(|_| unreadable("headers"))?,
        content_type: row.get(8)?,
        body: row.get::<_, Option<Vec<u8>>>(16)?.map(Bytes::from).unwrap_or_default(),
        body_bytes: count(row.get(9)?),
        body_time: duration(10)?,
        total_time: duration(11)?,
        code: row.get(12)?,
        detail: row.get(13)?,
        hidden: row.get(14)?,
        status: row.get(15)?,
    })
}

fn insert(connection: &Connection, request: &RefusedRequest) -> StoreResult<()> {
    let headers = serde_json::to_string(&request.headers).map_err(|_| unreadable("headers"))?;
    let micros_of = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let sql = format!(
        "INSERT INTO refused_requests ({COLUMNS}, body, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) ON CONFLICT DO NOTHING"
    );
    connection.prepare_cached(&sql)?.execute(params![
        request.id.as_bytes(),
        request.tenant.map(|tenant| *tenant.as_bytes()),
        request.source.map(|source| *source.as_bytes()),
        micros(request.received_at),
        request.peer.to_string(),
        request.method,
        request.path,
        headers,
        request.content_type,
        integer(request.body_bytes),
        micros_of(request.body_time),
        micros_of(request.total_time),
        request.code,
        request.detail,
        request.hidden,
        request.status,
        &request.body[..],
        integer(request.weight()),
    ])?;
    Ok(())
}

/// Deletes the oldest beyond the bounds. The walk ends at the bound, and the index has all that it needs.
fn bound(connection: &Connection, source: Option<IdBytes>, bounds: RefusedBounds) -> StoreResult<()> {
    let last = {
        let mut walk = connection
            .prepare_cached("SELECT id, bytes FROM refused_requests WHERE source IS ?1 ORDER BY id DESC")?;
        let mut rows = walk.query([source])?;
        let (mut kept, mut bytes) = (0, 0);
        loop {
            let Some(row) = rows.next()? else { return Ok(()) };
            (kept, bytes) = (kept + 1, bytes + count(row.get(1)?));
            if kept > bounds.rows || bytes > bounds.bytes {
                break row.get::<_, IdBytes>(0)?;
            }
        }
    };
    connection
        .prepare_cached("DELETE FROM refused_requests WHERE source IS ?1 AND id <= ?2")?
        .execute(params![source, last])?;
    Ok(())
}

fn list_sql(filter: &RefusedFilter) -> String {
    let body = if filter.bodies { "body" } else { "NULL" };
    let by_code = if filter.code.is_some() { " AND code = :code" } else { "" };
    let refused = if filter.refused_only { " AND code NOT IN (:repetition, :handshake)" } else { "" };
    format!(
        "SELECT {COLUMNS}, {body} FROM refused_requests WHERE source IS :source AND tenant IS :tenant AND id >= :low AND id < :high
         AND received_at >= :since AND received_at < :until{by_code}{refused} ORDER BY id DESC LIMIT :rows"
    )
}

fn list(
    connection: &Connection,
    refuser: Refuser,
    filter: &RefusedFilter,
    before: Option<RequestId>,
    rows: u32,
) -> StoreResult<Page<RefusedRequest>> {
    let (tenant, source) = match refuser {
        Refuser::Source(tenant, source) => (Some(*tenant.as_bytes()), Some(*source.as_bytes())),
        Refuser::Nobody => (None, None),
    };
    // An id is made no earlier than its head was complete.
    let low = filter.since.map_or([0; 16], first_id);
    let high = before.map_or([0xff; 16], |before| *before.as_bytes());
    let (since, until) = (filter.since.map_or(i64::MIN, micros), filter.until.map_or(i64::MAX, micros));
    let one_more = rows.saturating_add(1);
    let mut values: Vec<(&str, &dyn ToSql)> = named_params! {
        ":source": source, ":tenant": tenant, ":low": low, ":high": high, ":since": since, ":until": until, ":rows": one_more,
    }
    .to_vec();
    if let Some(code) = &filter.code {
        values.push((":code", code));
    }
    if filter.refused_only {
        values.extend_from_slice(named_params! {":repetition": ALREADY_PROCESSED, ":handshake": HANDSHAKE});
    }
    let mut statement = connection.prepare_cached(&list_sql(filter))?;
    let mut found = statement.query(values.as_slice())?;
    let mut page = Vec::new();
    while let Some(row) = found.next()? {
        page.push(refused(row)?);
    }
    Ok(page_of(page, rows))
}

#[async_trait]
impl Requests for SqliteStore {
    async fn record_refused(&self, requests: Vec<RefusedRequest>, bounds: RefusedBounds) -> StoreResult<()> {
        self.write(move |connection| {
            for request in &requests {
                insert(connection, request)?;
            }
            let sources: HashSet<Option<SourceId>> = requests.iter().map(|request| request.source).collect();
            for source in sources {
                bound(connection, source.map(|source| *source.as_bytes()), bounds)?;
            }
            Ok(())
        })
        .await
    }

    async fn refused_requests(
        &self,
        refuser: Refuser,
        filter: &RefusedFilter,
        before: Option<RequestId>,
        rows: u32,
    ) -> StoreResult<Page<RefusedRequest>> {
        let filter = filter.clone();
        self.read(move |connection| list(connection, refuser, &filter, before, rows)).await
    }

    async fn refused_request(
        &self,
        tenant: Option<TenantId>,
        id: RequestId,
    ) -> StoreResult<Option<RefusedRequest>> {
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS}, body FROM refused_requests WHERE id = ?1 AND tenant IS ?2");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows =
                statement.query(params![id.as_bytes(), tenant.map(|tenant| *tenant.as_bytes())])?;
            rows.next()?.map(refused).transpose()
        })
        .await
    }

    async fn purge_refused(&self, before: Time, rows_max: u32) -> StoreResult<u32> {
        self.write(move |connection| {
            let deleted = connection
                .prepare_cached(
                    "DELETE FROM refused_requests WHERE id IN
                     (SELECT id FROM refused_requests WHERE id < ?1 ORDER BY id LIMIT ?2)",
                )?
                .execute(params![first_id(before), rows_max])?;
            Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
        })
        .await
    }
}

/// For the tests of query plans.
#[cfg(test)]
pub(super) fn statements() -> Vec<String> {
    vec![
        list_sql(&RefusedFilter::default()),
        list_sql(&RefusedFilter { code: Some("x".into()), ..RefusedFilter::default() }),
    ]
}
