//! Recording attempts and what follows from them.

use rusqlite::params;
use stentor_core::delivery::FinalState;
use stentor_core::id::{BatchId, DeliveryId, EventId, TenantId, WebhookId};
use stentor_core::retry::{HealthChange, Step};
use stentor_core::shard::Shard;
use stentor_core::time::Time;
use stentor_core::webhook::{DisableReason, WebhookStatus};

use super::{Batch, ItemResult};
use crate::journal::{OutcomeWrite, Written};
use crate::sqlite::row::{final_number, integer, micros, outcome_number, status_columns};
use crate::sqlite::{operational, tenants, webhooks};

// OR FAIL spares SQLite a journal per statement; a batch or savepoint is rolled back as a whole when one fails.
/// Takes the row out of the queue if it is there with the expected number of attempts. What is appended comes from whoever
/// finishes it, who knows the row: RETURNING would build a temporary tree.
pub(super) const TAKE_PENDING: &str = "DELETE FROM pending WHERE id = ?1 AND tenant = ?2 AND attempts = ?3";
pub(super) const INSERT_FINISHED: &str = "INSERT OR FAIL INTO deliveries (id, tenant, event, webhook, shard, state, reason, \
     attempts, finished_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub(super) const DELAY_PENDING: &str = "UPDATE OR FAIL pending SET attempts = ?3, due_at = ?4, claims = 0, batch = ?5 WHERE id = ?1 AND tenant = ?2 AND attempts = ?3 - 1";
pub(super) const INSERT_ATTEMPT: &str = "INSERT INTO attempts (delivery, tenant, number, started_at, duration_us, \
     outcome, reason, status, response, truncated, batch) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// The columns of a pending row that a finished one keeps.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    pub delivery: DeliveryId,
    pub tenant: TenantId,
    pub event: EventId,
    pub webhook: WebhookId,
    pub shard: Shard,
}

impl Batch<'_> {
    /// One attempt of several deliveries.
    pub(super) fn outcomes(&mut self, writes: &[OutcomeWrite]) -> ItemResult<Written> {
        // One request counts once.
        let written: ItemResult<Vec<_>> =
            writes.iter().enumerate().map(|(n, write)| self.outcome(write, n == 0)).collect();
        written.map(Written::Outcomes)
    }

    /// `counts` is whether it counts as an attempt of the webhook.
    pub(super) fn outcome(&mut self, write: &OutcomeWrite, counts: bool) -> ItemResult<Written> {
        let attempt = &write.attempt;
        let number = i64::from(attempt.number);
        let applied = match write.step {
            Step::Final(state) => {
                let ending = Ending {
                    delivery: attempt.delivery,
                    tenant: write.tenant,
                    event: write.event,
                    webhook: write.webhook,
                    shard: write.shard,
                };
                self.finish_one(&ending, state, (number - 1, number), write.now)?
            }
            Step::RetryAt(due) => {
                let batch = write.batch.as_ref().map(BatchId::as_bytes);
                let id = attempt.delivery.as_bytes();
                let row = params![id, write.tenant.as_bytes(), number, micros(due), batch];
                self.delay_pending.execute(row)? == 1
            }
        };
        if !applied {
            return Ok(Written::Recorded { applied: false, disabled_version: None, fallback: None });
        }
        let response = attempt.response.as_ref();
        self.insert_attempt.execute(params![
            attempt.delivery.as_bytes(),
            write.tenant.as_bytes(),
            number,
            micros(attempt.started_at),
            i64::try_from(attempt.duration.as_micros()).unwrap_or(i64::MAX),
            outcome_number(&attempt.outcome),
            attempt.outcome.reason(),
            attempt.outcome.status(),
            response.map(|response| &*response.body),
            response.is_some_and(|response| response.truncated),
            write.batch.as_ref().map(BatchId::as_bytes),
        ])?;
        let ended = attempt.started_at.plus(attempt.duration);
        let counted = self.counted.of(write.tenant, write.webhook, ended);
        if counts {
            counted.attempt(attempt);
        }
        if let Step::Final(state) = write.step {
            counted.finished(state, write.now);
        }
        if let Step::Final(state @ FinalState::Dead(_)) = write.step {
            operational::note_death(self.connection, write, state.reason().unwrap_or_default())?;
        }
        self.health(write)?;
        let disabled_version = match write.disable {
            Some(reason) => self.disable(write, reason)?,
            None => None,
        };
        let fallback = match (&write.fallback, write.step) {
            (Some(fallback), Step::Final(FinalState::Dead(_))) => self.fall_back(write, fallback)?,
            _ => None,
        };
        Ok(Written::Recorded { applied: true, disabled_version, fallback })
    }

    /// Moves a pending row that has `attempts.0` attempts to the finished ones, with `attempts.1`.
    pub(super) fn finish_one(
        &mut self,
        ending: &Ending,
        state: FinalState,
        (before, after): (i64, i64),
        now: Time,
    ) -> ItemResult<bool> {
        let Ending { delivery, tenant, event, webhook, shard } = ending;
        let taken = self.take_pending.execute(params![delivery.as_bytes(), tenant.as_bytes(), before])?;
        if taken == 0 {
            return Ok(false);
        }
        self.insert_finished.execute(params![
            delivery.as_bytes(),
            tenant.as_bytes(),
            event.as_bytes(),
            webhook.as_bytes(),
            shard.0,
            final_number(state),
            state.reason(),
            after,
            micros(now),
        ])?;
        self.note_pending(*tenant, -1);
        if self.is_closed(delivery.as_bytes()) {
            self.changes.of(*tenant).finished(final_number(state), 1);
        }
        Ok(true)
    }

    fn health(&mut self, write: &OutcomeWrite) -> ItemResult<()> {
        match write.health {
            HealthChange::Unchanged => {}
            HealthChange::StartedFailing => {
                self.connection
                    .prepare_cached(
                        "INSERT INTO webhook_health (webhook, tenant, failing_since) VALUES (?1, ?2, ?3)
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![write.webhook.as_bytes(), write.tenant.as_bytes(), micros(write.now)])?;
            }
            HealthChange::Recovered => webhooks::clear_health(self.connection, write.webhook)?,
        }
        Ok(())
    }

    /// Disables the webhook if it is active. Answers the tenant's new configuration version.
    fn disable(&mut self, write: &OutcomeWrite, why: DisableReason) -> ItemResult<Option<u64>> {
        let (tenant, webhook): (TenantId, WebhookId) = (write.tenant, write.webhook);
        let mut is_active = self
            .connection
            .prepare_cached("SELECT 1 FROM webhooks WHERE id = ?1 AND tenant = ?2 AND status = 1")?;
        if !is_active.exists([webhook.as_bytes(), tenant.as_bytes()])? {
            return Ok(None);
        }
        let Some(version) = tenants::next_version(self.connection, tenant)? else { return Ok(None) };
        self.versions.insert(tenant, Some(version));
        let (number, reason) = status_columns(WebhookStatus::Disabled(why));
        self.connection
            .prepare_cached(
                "UPDATE webhooks SET status = ?2, disable_reason = ?3, version = ?4, updated_at = ?5 WHERE id = ?1",
            )?
            .execute(params![webhook.as_bytes(), number, reason, integer(version), micros(write.now)])?;
        webhooks::keep_revision(self.connection, webhook)?;
        operational::note_disabling(self.connection, write, version, why)?;
        Ok(Some(version))
    }
}
