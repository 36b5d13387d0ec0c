//! Notes for operational events.

use async_trait::async_trait;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::webhook::DisableReason;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::row::{self, Id, integer, micros, small};
use crate::error::{StoreResult, unreadable};
use crate::journal::OutcomeWrite;
use crate::operational::{Disabling, Operational};

/// Notes that this outcome disabled its webhook.
pub(super) async fn note_disabling(
    session: &Session,
    write: &OutcomeWrite,
    version: u64,
    reason: DisableReason,
) -> StoreResult<()> {
    let attempt = &write.attempt;
    let sql = "INSERT INTO disablings (webhook, version, tenant, reason, failing_since, disabled_at, delivery, event,
         attempt, outcome, outcome_reason, status) VALUES ($1, $2, $3, $4,
         (SELECT failing_since FROM webhook_health WHERE webhook = $1), $5, $6, $7, $8, $9, $10, $11)";
    let values: &Values<'_> = &[
        &Id::from(write.webhook),
        &integer(version),
        &Id::from(write.tenant),
        &reason.as_str(),
        &micros(write.now),
        &Id::from(attempt.delivery),
        &Id::from(write.event),
        &small(attempt.number),
        &attempt.outcome.kind(),
        &attempt.outcome.reason(),
        &attempt.outcome.status().map(i32::from),
    ];
    session.execute(sql, values).await.map(|_| ())
}

fn disabling(row: &Row) -> StoreResult<Disabling> {
    let status: Option<i32> = row.try_get(11)?;
    let status = status.map(|status| u16::try_from(status).map_err(|_| unreadable("a status")));
    Ok(Disabling {
        webhook: row::id(row, 0, WebhookId::from_bytes)?,
        version: row::count_of(row, 1)?,
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        reason: row::word(row, 3, "a disabled webhook's reason", DisableReason::from_word)?,
        failing_since: row::optional_time(row, 4)?,
        disabled_at: row::time(row, 5)?,
        delivery: row::id(row, 6, DeliveryId::from_bytes)?,
        event: row::id(row, 7, EventId::from_bytes)?,
        attempt: row::small_count(row, 8)?,
        outcome: row.try_get::<_, &str>(9)?.into(),
        outcome_reason: row.try_get::<_, Option<&str>>(10)?.map(Into::into),
        status: status.transpose()?,
    })
}

#[async_trait]
impl Operational for PostgresStore {
    async fn disablings(&self, rows: u32) -> StoreResult<Vec<Disabling>> {
        self.read(move |session| {
            Box::pin(async move {
                let sql = "SELECT webhook, version, tenant, reason, failing_since, disabled_at, delivery, event, attempt,
                     outcome, outcome_reason, status FROM disablings ORDER BY disabled_at, webhook LIMIT $1";
                session.query(sql, &[&i64::from(rows)]).await?.iter().map(disabling).collect()
            })
        })
        .await
    }

    async fn disabling_emitted(&self, webhook: WebhookId, version: u64) -> StoreResult<()> {
        self.write(move |session| {
            Box::pin(async move {
                let sql = "DELETE FROM disablings WHERE webhook = $1 AND version = $2";
                session.execute(sql, &[&Id::from(webhook), &integer(version)]).await.map(|_| ())
            })
        })
        .await
    }
}
