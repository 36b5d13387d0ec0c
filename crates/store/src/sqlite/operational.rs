//! Notes for operational events.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params};
use stentor_core::event::Origin;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::webhook::DisableReason;

use super::SqliteStore;
use super::row::{self, count, integer, micros, origin_number};
use crate::error::StoreResult;
use crate::journal::OutcomeWrite;
use crate::operational::{Death, Disabling, Operational};

/// Notes that this outcome disabled its webhook.
pub(super) fn note_disabling(
    connection: &Connection,
    write: &OutcomeWrite,
    version: u64,
    reason: DisableReason,
) -> rusqlite::Result<()> {
    let attempt = &write.attempt;
    connection
        .prepare_cached(
            "INSERT INTO disablings (webhook, version, tenant, reason, failing_since, disabled_at, delivery, event, attempt,
             outcome, outcome_reason, status) VALUES (?1, ?2, ?3, ?4,
             (SELECT failing_since FROM webhook_health WHERE webhook = ?1), ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            write.webhook.as_bytes(),
            integer(version),
            write.tenant.as_bytes(),
            reason.as_str(),
            micros(write.now),
            attempt.delivery.as_bytes(),
            write.event.as_bytes(),
            attempt.number,
            attempt.outcome.kind(),
            attempt.outcome.reason(),
            attempt.outcome.status(),
        ])
        .map(|_| ())
}

/// Notes that this outcome gave its delivery up, where another webhook of the tenant asks for that.
pub(super) fn note_death(
    connection: &Connection,
    write: &OutcomeWrite,
    reason: &str,
) -> rusqlite::Result<()> {
    let attempt = &write.attempt;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO deaths (delivery, attempts, tenant, event, event_type, webhook, reason, died_at, outcome,
             outcome_reason, status) SELECT ?1, ?2, ?3, ?4, e.event_type, ?5, ?6, ?7, ?8, ?9, ?10 FROM events e
             WHERE e.id = ?4 AND e.tenant = ?3 AND e.origin <> ?11 AND EXISTS (SELECT 1 FROM webhooks
             INDEXED BY webhooks_told_of_dead WHERE tenant = ?3 AND told_of_dead = 1 AND deleted_at IS NULL AND id <> ?5)",
        )?
        .execute(params![
            attempt.delivery.as_bytes(),
            attempt.number,
            write.tenant.as_bytes(),
            write.event.as_bytes(),
            write.webhook.as_bytes(),
            reason,
            micros(write.now),
            attempt.outcome.kind(),
            attempt.outcome.reason(),
            attempt.outcome.status(),
            origin_number(Origin::Operational),
        ])
        .map(|_| ())
}

#[async_trait]
impl Operational for SqliteStore {
    async fn disablings(&self, rows: u32) -> StoreResult<Vec<Disabling>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT webhook, version, tenant, reason, failing_since, disabled_at, delivery, event, attempt, outcome,
                 outcome_reason, status FROM disablings ORDER BY disabled_at, webhook LIMIT ?1",
            )?;
            let mut found = statement.query([rows])?;
            let mut disablings = Vec::new();
            while let Some(row) = found.next()? {
                disablings.push(disabling(row)?);
            }
            Ok(disablings)
        })
        .await
    }

    async fn disabling_emitted(&self, webhook: WebhookId, version: u64) -> StoreResult<()> {
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM disablings WHERE webhook = ?1 AND version = ?2")?
                .execute(params![webhook.as_bytes(), integer(version)])?;
            Ok(())
        })
        .await
    }

    async fn deaths(&self, rows: u32) -> StoreResult<Vec<Death>> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT delivery, attempts, tenant, event, event_type, webhook, reason, died_at, outcome, outcome_reason,
                 status FROM deaths ORDER BY delivery, attempts LIMIT ?1",
            )?;
            let mut found = statement.query([rows])?;
            let mut deaths = Vec::new();
            while let Some(row) = found.next()? {
                deaths.push(death(row)?);
            }
            Ok(deaths)
        })
        .await
    }

    async fn deaths_emitted(&self, deaths: &[(DeliveryId, u32)]) -> StoreResult<()> {
        let deaths = deaths.to_vec();
        self.write(move |connection| {
            let mut forget =
                connection.prepare_cached("DELETE FROM deaths WHERE delivery = ?1 AND attempts = ?2")?;
            for (delivery, attempts) in deaths {
                forget.execute(params![delivery.as_bytes(), attempts])?;
            }
            Ok(())
        })
        .await
    }
}

fn death(row: &Row<'_>) -> StoreResult<Death> {
    Ok(Death {
        delivery: row::id(row, 0, DeliveryId::from_bytes)?,
        attempts: row.get(1)?,
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        event: row::id(row, 3, EventId::from_bytes)?,
        event_type: row.get::<_, String>(4)?.into(),
        webhook: row::id(row, 5, WebhookId::from_bytes)?,
        reason: row.get::<_, String>(6)?.into(),
        died_at: row::time(row, 7)?,
        outcome: row.get::<_, String>(8)?.into(),
        outcome_reason: row.get::<_, Option<String>>(9)?.map(Into::into),
        status: row.get(10)?,
    })
}

fn disabling(row: &Row<'_>) -> StoreResult<Disabling> {
    Ok(Disabling {
        webhook: row::id(row, 0, WebhookId::from_bytes)?,
        version: count(row.get(1)?),
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        reason: row::word(row, 3, "a disabled webhook's reason", DisableReason::from_word)?,
        failing_since: row::optional_time(row, 4)?,
        disabled_at: row::time(row, 5)?,
        delivery: row::id(row, 6, DeliveryId::from_bytes)?,
        event: row::id(row, 7, EventId::from_bytes)?,
        attempt: row.get(8)?,
        outcome: row.get::<_, String>(9)?.into(),
        outcome_reason: row.get::<_, Option<String>>(10)?.map(Into::into),
        status: row.get(11)?,
    })
}
