//! Notes for operational events.

use async_trait::async_trait;
use stentor_core::delivery::FinalState;
use stentor_core::event::Origin;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::retry::Step;
use stentor_core::webhook::DisableReason;
use tokio_postgres::Row;

use super::PostgresStore;
use super::connection::{Session, Values};
use super::journal::column;
use super::row::{self, Id, integer, micros, number16, origin_number, small};
use crate::error::StoreResult;
use crate::journal::OutcomeWrite;
use crate::operational::{Death, Disabling, Operational};

/// Deliveries that were given up, where another webhook of the tenant asks for that.
pub(super) const NOTE_DEATHS: &str = "INSERT INTO deaths (delivery, attempts, tenant, event, event_type, webhook, reason, \
     died_at, outcome, outcome_reason, status) SELECT k.delivery, k.attempts, k.tenant, k.event, e.event_type, k.webhook, k.reason, \
     k.died_at, k.outcome, k.outcome_reason, k.status FROM unnest($1::uuid[], $2::int4[], $3::uuid[], $4::uuid[], $5::uuid[], \
     $6::text[], $7::int8[], $8::text[], $9::text[], $10::int4[]) \
     AS k (delivery, attempts, tenant, event, webhook, reason, died_at, outcome, outcome_reason, status) \
     JOIN events e ON e.id = k.event AND e.tenant = k.tenant WHERE e.origin <> $11 AND EXISTS (SELECT 1 FROM webhooks w \
     WHERE w.tenant = k.tenant AND w.told_of_dead AND w.deleted_at IS NULL AND w.id <> k.webhook) \
     ON CONFLICT (delivery, attempts) DO UPDATE SET tenant = excluded.tenant, event = excluded.event, \
     event_type = excluded.event_type, webhook = excluded.webhook, reason = excluded.reason, died_at = excluded.died_at, \
     outcome = excluded.outcome, outcome_reason = excluded.outcome_reason, status = excluded.status";

/// Notes those of the outcomes, of different deliveries, that gave theirs up.
pub(super) async fn note_deaths(session: &Session, writes: &[&OutcomeWrite]) -> StoreResult<()> {
    let mut dead: Vec<(&OutcomeWrite, &str)> = Vec::new();
    for write in writes {
        if let Step::Final(state @ FinalState::Dead(_)) = write.step {
            dead.push((write, state.reason().unwrap_or_default()));
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    let values: &Values<'_> = &[
        &column(&dead, |(write, _)| Id::from(write.attempt.delivery)),
        &column(&dead, |(write, _)| small(write.attempt.number)),
        &column(&dead, |(write, _)| Id::from(write.tenant)),
        &column(&dead, |(write, _)| Id::from(write.event)),
        &column(&dead, |(write, _)| Id::from(write.webhook)),
        &column(&dead, |(_, reason)| *reason),
        &column(&dead, |(write, _)| micros(write.now)),
        &column(&dead, |(write, _)| write.attempt.outcome.kind()),
        &column(&dead, |(write, _)| write.attempt.outcome.reason()),
        &column(&dead, |(write, _)| write.attempt.outcome.status().map(i32::from)),
        &number16(origin_number(Origin::Operational)),
    ];
    session.execute(NOTE_DEATHS, values).await.map(|_| ())
}

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
        status: row::http_status(row, 11)?,
    })
}

fn death(row: &Row) -> StoreResult<Death> {
    Ok(Death {
        delivery: row::id(row, 0, DeliveryId::from_bytes)?,
        attempts: row::small_count(row, 1)?,
        tenant: row::id(row, 2, TenantId::from_bytes)?,
        event: row::id(row, 3, EventId::from_bytes)?,
        event_type: row.try_get::<_, &str>(4)?.into(),
        webhook: row::id(row, 5, WebhookId::from_bytes)?,
        reason: row.try_get::<_, &str>(6)?.into(),
        died_at: row::time(row, 7)?,
        outcome: row.try_get::<_, &str>(8)?.into(),
        outcome_reason: row.try_get::<_, Option<&str>>(9)?.map(Into::into),
        status: row::http_status(row, 10)?,
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
    async fn deaths(&self, rows: u32) -> StoreResult<Vec<Death>> {
        self.read(move |session| {
            Box::pin(async move {
                let sql =
                    "SELECT delivery, attempts, tenant, event, event_type, webhook, reason, died_at, outcome,
                     outcome_reason, status FROM deaths ORDER BY delivery, attempts LIMIT $1";
                session.query(sql, &[&i64::from(rows)]).await?.iter().map(death).collect()
            })
        })
        .await
    }

    async fn deaths_emitted(&self, deaths: &[(DeliveryId, u32)]) -> StoreResult<()> {
        let deliveries = column(deaths, |(delivery, _)| Id::from(*delivery));
        let attempts = column(deaths, |(_, attempts)| small(*attempts));
        self.write(move |session| {
            Box::pin(async move {
                let sql =
                    "DELETE FROM deaths d USING unnest($1::uuid[], $2::int4[]) AS k (delivery, attempts)
                     WHERE d.delivery = k.delivery AND d.attempts = k.attempts";
                session.execute(sql, &[&deliveries, &attempts]).await.map(|_| ())
            })
        })
        .await
    }
}
