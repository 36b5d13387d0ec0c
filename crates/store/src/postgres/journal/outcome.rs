//! Recording attempts and what follows from them.

use std::collections::HashSet;

use stentor_core::delivery::FinalState;
use stentor_core::id::{DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::retry::{HealthChange, Step};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, WebhookStatus};

use super::{Batch, column};
use crate::error::StoreResult;
use crate::journal::{NewDelivery, OutcomeWrite, Written};
use crate::postgres::connection::{Values, both};
use crate::postgres::row::{
    self, Id, final_number, integer, micros, number16, outcome_number, shard_number, small, status_columns,
};
use crate::postgres::{operational, tenants, webhooks};

/// Takes rows out of the queue that are there with the expected number of attempts.
pub(in crate::postgres) const TAKE_PENDING: &str = "DELETE FROM pending p USING \
     unnest($1::uuid[], $2::uuid[], $3::int4[]) AS k (id, tenant, attempts) \
     WHERE p.id = k.id AND p.tenant = k.tenant AND p.attempts = k.attempts RETURNING p.id";
pub(in crate::postgres) const DELAY_PENDING: &str = "UPDATE pending p SET attempts = k.number, due_at = k.due_at, claims = 0, \
     batch = k.batch FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::int8[], $5::uuid[]) \
     AS k (id, tenant, number, due_at, batch) \
     WHERE p.id = k.id AND p.tenant = k.tenant AND p.attempts = k.number - 1 RETURNING p.id";
pub(in crate::postgres) const INSERT_FINISHED: &str = "INSERT INTO deliveries (id, tenant, event, webhook, shard, state, reason, \
     attempts, finished_at) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int2[], $6::int2[], \
     $7::text[], $8::int4[], $9::int8[])";
pub(in crate::postgres) const INSERT_ATTEMPTS: &str = "INSERT INTO attempts (delivery, tenant, number, started_at, duration_us, \
     outcome, reason, status, response, truncated, batch) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::int8[], \
     $5::int8[], $6::int2[], $7::text[], $8::int4[], $9::bytea[], $10::bool[], $11::uuid[])";

/// The columns of a pending row that a finished one keeps, and how it ended.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub delivery: DeliveryId,
    pub tenant: TenantId,
    pub event: EventId,
    pub webhook: WebhookId,
    pub shard: Shard,
    pub attempts: u32,
}

impl Batch<'_> {
    /// Outcomes of different deliveries, each with whether it counts as an attempt of the webhook.
    pub(super) async fn outcomes(&mut self, writes: &[(&OutcomeWrite, bool)]) -> StoreResult<Vec<Written>> {
        let applied = self.apply(writes).await?;
        let recorded: Vec<&OutcomeWrite> = writes
            .iter()
            .map(|(write, _)| *write)
            .filter(|write| applied.contains(&write.attempt.delivery))
            .collect();
        let ended = |write: &&OutcomeWrite| match write.step {
            Step::Final(state) => Some((ending(write), state, write.now)),
            Step::RetryAt(_) => None,
        };
        let ended: Vec<_> = recorded.iter().filter_map(ended).collect();
        self.insert_finished(&ended).await?;
        self.insert_attempts(&recorded).await?;
        operational::note_deaths(self.session, &recorded).await?;
        let mut written = Vec::with_capacity(writes.len());
        for (write, counts) in writes {
            if !applied.contains(&write.attempt.delivery) {
                written.push(Written::Recorded { applied: false, disabled_version: None, fallback: None });
                continue;
            }
            self.count(write, *counts);
            let (disabled_version, fallback) = self.follow(write).await?;
            written.push(Written::Recorded { applied: true, disabled_version, fallback });
        }
        Ok(written)
    }

    /// Ends or delays the rows that are there with the expected number of attempts, and answers which.
    async fn apply(&self, writes: &[(&OutcomeWrite, bool)]) -> StoreResult<HashSet<DeliveryId>> {
        let due = |write: &OutcomeWrite| match write.step {
            Step::RetryAt(due) => Some(due),
            Step::Final(_) => None,
        };
        let all: Vec<&OutcomeWrite> = writes.iter().map(|(write, _)| *write).collect();
        let (retried, ended): (Vec<_>, Vec<_>) = all.into_iter().partition(|write| due(write).is_some());
        let take: &Values<'_> = &[
            &column(&ended, |write| Id::from(write.attempt.delivery)),
            &column(&ended, |write| Id::from(write.tenant)),
            &column(&ended, |write| small(write.attempt.number) - 1),
        ];
        let delay: &Values<'_> = &[
            &column(&retried, |write| Id::from(write.attempt.delivery)),
            &column(&retried, |write| Id::from(write.tenant)),
            &column(&retried, |write| small(write.attempt.number)),
            &column(&retried, |write| due(write).map(micros)),
            &column(&retried, |write| write.batch.map(Id::from)),
        ];
        let run = async |sql: &str, values: &Values<'_>, rows: usize| {
            if rows == 0 { Ok(Vec::new()) } else { self.session.query(sql, values).await }
        };
        let (taken, delayed) =
            both(run(TAKE_PENDING, take, ended.len()), run(DELAY_PENDING, delay, retried.len())).await?;
        taken.iter().chain(&delayed).map(|row| row::id(row, 0, DeliveryId::from_bytes)).collect()
    }

    /// Appends rows that were taken out of the queue to the finished ones.
    pub(super) async fn insert_finished(&mut self, rows: &[(Ending, FinalState, Time)]) -> StoreResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let values: &Values<'_> = &[
            &column(rows, |(ending, ..)| Id::from(ending.delivery)),
            &column(rows, |(ending, ..)| Id::from(ending.tenant)),
            &column(rows, |(ending, ..)| Id::from(ending.event)),
            &column(rows, |(ending, ..)| Id::from(ending.webhook)),
            &column(rows, |(ending, ..)| shard_number(ending.shard)),
            &column(rows, |(_, state, _)| number16(final_number(*state))),
            &column(rows, |(_, state, _)| state.reason()),
            &column(rows, |(ending, ..)| small(ending.attempts)),
            &column(rows, |(.., now)| micros(*now)),
        ];
        self.session.execute(INSERT_FINISHED, values).await?;
        for (ending, state, _) in rows {
            self.note_pending(ending.tenant, -1);
            if self.is_closed(ending.delivery.as_bytes()) {
                self.state.changes.of(ending.tenant).finished(final_number(*state), 1);
            }
        }
        Ok(())
    }

    async fn insert_attempts(&self, writes: &[&OutcomeWrite]) -> StoreResult<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let body =
            |write: &&OutcomeWrite| write.attempt.response.as_ref().map(|response| response.body.to_vec());
        let values: &Values<'_> = &[
            &column(writes, |write| Id::from(write.attempt.delivery)),
            &column(writes, |write| Id::from(write.tenant)),
            &column(writes, |write| small(write.attempt.number)),
            &column(writes, |write| micros(write.attempt.started_at)),
            &column(writes, |write| i64::try_from(write.attempt.duration.as_micros()).unwrap_or(i64::MAX)),
            &column(writes, |write| number16(outcome_number(&write.attempt.outcome))),
            &column(writes, |write| write.attempt.outcome.reason()),
            &column(writes, |write| write.attempt.outcome.status().map(i32::from)),
            &column(writes, body),
            &column(writes, |write| {
                write.attempt.response.as_ref().is_some_and(|response| response.truncated)
            }),
            &column(writes, |write| write.batch.map(Id::from)),
        ];
        self.session.execute(INSERT_ATTEMPTS, values).await.map(|_| ())
    }

    fn count(&mut self, write: &OutcomeWrite, counts: bool) {
        let attempt = &write.attempt;
        let ended = attempt.started_at.plus(attempt.duration);
        let counted = self.state.counted.of(write.tenant, write.webhook, ended);
        if counts {
            counted.attempt(attempt);
        }
        if let Step::Final(state) = write.step {
            counted.finished(state, write.now);
        }
    }

    /// What follows from an outcome beside its delivery. Most have nothing: health is written on transitions only.
    async fn follow(&mut self, write: &OutcomeWrite) -> StoreResult<(Option<u64>, Option<Box<NewDelivery>>)> {
        match write.health {
            HealthChange::Unchanged => {}
            HealthChange::StartedFailing => {
                let sql = "INSERT INTO webhook_health (webhook, tenant, failing_since) VALUES ($1, $2, $3)
                     ON CONFLICT (webhook) DO NOTHING";
                let values: &Values<'_> =
                    &[&Id::from(write.webhook), &Id::from(write.tenant), &micros(write.now)];
                self.session.execute(sql, values).await?;
            }
            HealthChange::Recovered => webhooks::clear_health(self.session, write.webhook).await?,
        }
        let disabled_version = match write.disable {
            Some(reason) => self.disable(write, reason).await?,
            None => None,
        };
        let fallback = match (&write.fallback, write.step) {
            (Some(fallback), Step::Final(FinalState::Dead(_))) => self.fall_back(write, fallback).await?,
            _ => None,
        };
        Ok((disabled_version, fallback))
    }

    /// Disables the webhook if it is active. Answers the tenant's new configuration version.
    async fn disable(&mut self, write: &OutcomeWrite, why: DisableReason) -> StoreResult<Option<u64>> {
        let (tenant, webhook) = (write.tenant, Id::from(write.webhook));
        let sql = "SELECT 1 FROM webhooks WHERE id = $1 AND tenant = $2 AND status = 1 FOR UPDATE";
        if self.session.first(sql, &[&webhook, &Id::from(tenant)]).await?.is_none() {
            return Ok(None);
        }
        let Some(version) = tenants::next_version(self.session, tenant).await? else { return Ok(None) };
        self.state.versions.insert(tenant, Some(version));
        let (number, reason) = status_columns(WebhookStatus::Disabled(why));
        let sql = "UPDATE webhooks SET status = $2, disable_reason = $3, version = $4, updated_at = $5 WHERE id = $1";
        let values: &Values<'_> =
            &[&webhook, &number16(number), &reason, &integer(version), &micros(write.now)];
        self.session.execute(sql, values).await?;
        webhooks::keep_revision(self.session, write.webhook).await?;
        operational::note_disabling(self.session, write, version, why).await?;
        Ok(Some(version))
    }
}

fn ending(write: &OutcomeWrite) -> Ending {
    Ending {
        delivery: write.attempt.delivery,
        tenant: write.tenant,
        event: write.event,
        webhook: write.webhook,
        shard: write.shard,
        attempts: write.attempt.number,
    }
}
