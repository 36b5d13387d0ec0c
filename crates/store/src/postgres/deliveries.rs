//! Reading deliveries: pending and finished ones in one statement (engine rule E16).
//!
//! Neither table has an index by tenant or event, which would cost every event. A tenant's finished deliveries are found
//! through its webhooks, an event's through its id: they were made in the same microsecond, or are noted as later ones.

use async_trait::async_trait;
use stentor_core::attempt::CapturedResponse;
use stentor_core::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::connection::Session;
use super::row::{
    self, Id, first_id_after, first_id_made_with, number16, outcome_kind, page_of, state, state_number,
};
use crate::Page;
use crate::deliveries::list::{self, Dialect, FINISHED, PENDING, PendingWalk};
use crate::deliveries::{AttemptRow, Deliveries, DeliveryFilter, DeliveryRow};
use crate::error::StoreResult;

pub(super) const DIALECT: Dialect =
    Dialect { hints: false, join: "JOIN", lowest_id: "'00000000-0000-0000-0000-000000000000'::uuid" };

fn delivery(row: &Row) -> StoreResult<DeliveryRow> {
    Ok(DeliveryRow {
        id: row::id(row, 0, DeliveryId::from_bytes)?,
        event: row::id(row, 1, EventId::from_bytes)?,
        webhook: row::id(row, 2, WebhookId::from_bytes)?,
        shard: row::shard(row, 3)?,
        state: state(row.try_get::<_, i32>(4)?.into())?,
        reason: row.try_get(5)?,
        attempts: row::small_count(row, 6)?,
        next_attempt_at: row::optional_time(row, 7)?,
        finished_at: row::optional_time(row, 8)?,
        batch: row::optional_id(row, 9, BatchId::from_bytes)?,
    })
}

/// A name in the statement, its type, and its value.
pub(super) type Named<'v> = (&'static str, &'static str, &'v (dyn ToSql + Sync));

/// Puts numbers for names. Answers the values that the statement has, in their order.
pub(super) fn numbered<'v>(sql: &str, named: &[Named<'v>]) -> (String, Vec<&'v (dyn ToSql + Sync)>) {
    let mut sql = sql.to_owned();
    let mut values = Vec::with_capacity(named.len());
    for (name, type_name, value) in named {
        if sql.contains(name) {
            values.push(*value);
            sql = sql.replace(name, &format!("${}::{type_name}", values.len()));
        }
    }
    (sql, values)
}

async fn list(
    session: &Session,
    tenant: TenantId,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    rows: u32,
) -> StoreResult<Page<DeliveryRow>> {
    let tenant = Id::from(tenant);
    let webhook = filter.webhook.map(Id::from);
    let walk = match list::walk_sql(DIALECT, filter) {
        None => PendingWalk::Ids,
        Some(sql) => {
            let (sql, values) =
                numbered(&sql, &[(":tenant", "uuid", &tenant), (":webhook", "uuid", &webhook)]);
            list::walk_of(row::count_of(&session.one(&sql, &values).await?, 0)?)
        }
    };
    let one_more = i64::from(rows) + 1;
    let before = before.map_or(Id::HIGHEST, Id::from);
    let low = filter.event.map(|event| Id(first_id_made_with(event.as_bytes())));
    let high = filter.event.map(|event| Id(first_id_after(event.as_bytes())));
    let state = filter.state.map(|state| number16(state_number(state)));
    let event = filter.event.map(Id::from);
    let (conversation, message) = (filter.conversation.map(Id::from), filter.message.map(Id::from));
    let named: [Named<'_>; 10] = [
        (":tenant", "uuid", &tenant),
        (":before", "uuid", &before),
        (":rows", "int8", &one_more),
        (":low", "uuid", &low),
        (":high", "uuid", &high),
        (":state", "int2", &state),
        (":event", "uuid", &event),
        (":webhook", "uuid", &webhook),
        (":conversation", "uuid", &conversation),
        (":message", "uuid", &message),
    ];
    let sql = list::list_sql(DIALECT, filter, walk);
    let (sql, values) = numbered(&sql, &named);
    let found = session.query(&sql, &values).await?;
    Ok(page_of(found.iter().map(delivery).collect::<Result<_, _>>()?, rows))
}

fn attempt(row: &Row) -> StoreResult<AttemptRow> {
    let truncated: bool = row.try_get(7)?;
    Ok(AttemptRow {
        number: row::small_count(row, 0)?,
        started_at: row::time(row, 1)?,
        duration_us: row::count_of(row, 2)?,
        outcome: outcome_kind(row.try_get::<_, i16>(3)?.into())?.to_owned(),
        reason: row.try_get(4)?,
        status: row::http_status(row, 5)?,
        response: row::bytes(row, 6)?.map(|body| CapturedResponse { body, truncated }),
        batch: row::optional_id(row, 8, BatchId::from_bytes)?,
    })
}

#[async_trait]
impl Deliveries for PostgresStore {
    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        let sql = format!(
            "{PENDING} FROM pending p LEFT JOIN webhooks w ON w.id = p.webhook WHERE p.id = $1 AND p.tenant = $2
             UNION ALL {FINISHED} FROM deliveries d WHERE d.id = $1 AND d.tenant = $2"
        );
        self.read(move |session| {
            Box::pin(async move {
                let found = session.first(&sql, &[&Id::from(id), &Id::from(tenant)]).await?;
                found.map(|row| delivery(&row)).transpose()
            })
        })
        .await
    }

    async fn deliveries(
        &self,
        tenant: TenantId,
        filter: &DeliveryFilter,
        before: Option<DeliveryId>,
        rows: u32,
    ) -> StoreResult<Page<DeliveryRow>> {
        let filter = filter.clone();
        self.read(move |session| Box::pin(async move { list(session, tenant, &filter, before, rows).await }))
            .await
    }

    async fn attempts(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Vec<AttemptRow>> {
        self.read(move |session| {
            Box::pin(async move {
                let sql = "SELECT number, started_at, duration_us, outcome, reason, status, response, truncated, batch FROM attempts
                     WHERE delivery = $1 AND tenant = $2 ORDER BY number";
                session.query(sql, &[&Id::from(id), &Id::from(tenant)]).await?.iter().map(attempt).collect()
            })
        })
        .await
    }
}
