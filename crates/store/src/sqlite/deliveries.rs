//! Reading deliveries: pending and finished ones in one statement (engine rule E16).
//!
//! Neither table has an index by tenant or event, which would cost every event. A tenant's finished deliveries are found
//! through its webhooks, an event's through its id: they were made in the same microsecond, or are noted as later ones.

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::{Connection, Row, ToSql, named_params};
use stentor_core::attempt::CapturedResponse;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::shard::Shard;

use super::SqliteStore;
use super::row::{self, count, first_id_after, first_id_made_with, outcome_kind, state_number};
use crate::Page;
use crate::deliveries::list::{self, Dialect, FINISHED, PENDING, PendingWalk};
use crate::deliveries::{AttemptRow, Deliveries, DeliveryFilter, DeliveryRow};
use crate::error::StoreResult;

pub(super) const DIALECT: Dialect = Dialect { hints: true, join: "CROSS JOIN", lowest_id: "x''" };

fn delivery(row: &Row<'_>) -> StoreResult<DeliveryRow> {
    Ok(DeliveryRow {
        id: row::id(row, 0, DeliveryId::from_bytes)?,
        event: row::id(row, 1, EventId::from_bytes)?,
        webhook: row::id(row, 2, WebhookId::from_bytes)?,
        shard: Shard(row.get(3)?),
        state: row::state(row.get(4)?)?,
        reason: row.get(5)?,
        attempts: row.get(6)?,
        next_attempt_at: row::optional_time(row, 7)?,
        finished_at: row::optional_time(row, 8)?,
        batch: row::optional_batch(row, 9)?,
    })
}

fn pending_walk(
    connection: &Connection,
    tenant: TenantId,
    filter: &DeliveryFilter,
) -> StoreResult<PendingWalk> {
    let Some(sql) = list::walk_sql(DIALECT, filter) else { return Ok(PendingWalk::Ids) };
    let mut statement = connection.prepare_cached(&sql)?;
    let (tenant, webhook) = (tenant.as_bytes(), filter.webhook.map(|webhook| *webhook.as_bytes()));
    let counted: i64 = match webhook {
        Some(webhook) => {
            statement.query_row(named_params! { ":tenant": tenant, ":webhook": webhook }, |row| row.get(0))?
        }
        None => statement.query_row(named_params! { ":tenant": tenant }, |row| row.get(0))?,
    };
    Ok(list::walk_of(count(counted)))
}

fn list(
    connection: &Connection,
    tenant: TenantId,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    rows: u32,
) -> StoreResult<Page<DeliveryRow>> {
    let sql = list::list_sql(DIALECT, filter, pending_walk(connection, tenant, filter)?);
    let before = before.map_or([0xff; 16], |before| *before.as_bytes());
    let one_more = rows.saturating_add(1);
    let low = filter.event.map(|event| first_id_made_with(event.as_bytes()));
    let high = filter.event.map(|event| first_id_after(event.as_bytes()));
    let state = filter.state.map(state_number);
    let (event, webhook) = (filter.event.map(|id| *id.as_bytes()), filter.webhook.map(|id| *id.as_bytes()));
    let conversation = filter.conversation.map(|id| *id.as_bytes());
    let message = filter.message.map(|id| *id.as_bytes());
    let tenant = tenant.as_bytes();
    let values: &[(&str, &dyn ToSql)] = named_params! {
        ":tenant": tenant, ":before": before, ":rows": one_more, ":low": low, ":high": high, ":state": state,
        ":event": event, ":webhook": webhook, ":conversation": conversation, ":message": message,
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let used: Vec<_> = values
        .iter()
        .filter(|(name, _)| statement.parameter_index(name).is_ok_and(|index| index.is_some()))
        .copied()
        .collect();
    let mut found = statement.query(used.as_slice())?;
    let mut page = Vec::new();
    while let Some(row) = found.next()? {
        page.push(delivery(row)?);
    }
    Ok(super::page_of(page, rows))
}

fn attempt(row: &Row<'_>) -> StoreResult<AttemptRow> {
    let body: Option<Vec<u8>> = row.get(6)?;
    let truncated: bool = row.get(7)?;
    Ok(AttemptRow {
        number: row.get(0)?,
        started_at: row::time(row, 1)?,
        duration_us: count(row.get(2)?),
        outcome: outcome_kind(row.get(3)?)?.to_owned(),
        reason: row.get(4)?,
        status: row.get(5)?,
        response: body.map(|body| CapturedResponse { body: Bytes::from(body), truncated }),
        batch: row::optional_batch(row, 8)?,
    })
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        self.read(move |connection| {
            let sql = format!(
                "{PENDING} FROM pending p LEFT JOIN webhooks w ON w.id = p.webhook WHERE p.id = ?1 AND p.tenant = ?2
                 UNION ALL {FINISHED} FROM deliveries d WHERE d.id = ?1 AND d.tenant = ?2"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([id.as_bytes(), tenant.as_bytes()])?;
            rows.next()?.map(delivery).transpose()
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
        self.read(move |connection| list(connection, tenant, &filter, before, rows)).await
    }

    async fn attempts(&self, tenant: TenantId, id: DeliveryId) -> StoreResult<Vec<AttemptRow>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, started_at, duration_us, outcome, reason, status, response, truncated, batch FROM attempts
                 WHERE delivery = ?1 AND tenant = ?2 ORDER BY number",
            )?;
            let mut rows = statement.query([id.as_bytes(), tenant.as_bytes()])?;
            let mut attempts = Vec::new();
            while let Some(row) = rows.next()? {
                attempts.push(attempt(row)?);
            }
            Ok(attempts)
        })
        .await
    }
}
