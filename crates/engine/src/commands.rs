//! What people ask of single deliveries: retry, cancel, a test send.

use bytes::Bytes;
use stentor_core::attempt::Attempt;
use stentor_core::delivery::{CancelReason, FinalState};
use stentor_core::event::EventType;
use stentor_core::id::{DeliveryId, TenantId, WebhookId};
use stentor_store::StoreError;
use stentor_store::deliveries::DeliveryRow;
use stentor_store::journal::{Write, Written};
use stentor_store::lanes::LaneKey;

use crate::engine::Engine;
use crate::event_types::{Sample, SampleOrigin};
use crate::feed::{Fact, Finished};
use crate::places::Places;
use crate::sender::{AttemptInput, NotStarted};
use crate::shard::Withdrew;

/// Test sends under way in this process.
pub(crate) static TEST_SENDS: Places = Places::new(32, 8);

/// What became of a command on one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It is done and stored.
    Done,
    /// An attempt is in flight: the wish is noted and takes effect when the attempt ends without success.
    Noted,
    /// There is no such delivery, or it has ended already.
    NotPending,
    /// It was attempted, or is, together with others, and stays with them until it is final.
    InBatch,
    /// There is no such delivery.
    NotFound,
}

/// Why a command did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The command could not be stored now.
    #[error("the command could not be stored: {0}")]
    Unavailable(String),
    /// As many backtests as may be are running.
    #[error("too many backtests are running")]
    TooManyBacktests,
    /// As many test sends as may be are on their way.
    #[error("too many test sends are on their way")]
    TooManyTests,
}

impl Engine {
    /// Makes a delivery due now, a finished one included; its attempts continue at n+1 (engine rule E16).
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn retry(
        &self,
        tenant: TenantId,
        delivery: DeliveryId,
    ) -> Result<CommandOutcome, CommandError> {
        let now = self.clock().now();
        match self.journal().write(Write::Retry { tenant, delivery, now }).await? {
            Written::Retried(Some(_)) => Ok(CommandOutcome::Done),
            Written::Retried(None) => Ok(CommandOutcome::NotFound),
            other => Err(CommandError::Unavailable(format!("unexpected answer {other:?}"))),
        }
    }

    /// Withdraws a pending delivery. After `Done` no attempt starts.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn cancel(
        &self,
        tenant: TenantId,
        delivery: DeliveryId,
    ) -> Result<CommandOutcome, CommandError> {
        // Whoever asked may stop waiting; a withdrawal must be carried to its end.
        let engine = self.clone();
        let cancelling = tokio::spawn(async move { engine.cancel_to_the_end(tenant, delivery).await });
        cancelling.await.unwrap_or_else(|error| Err(CommandError::Unavailable(error.to_string())))
    }

    async fn cancel_to_the_end(
        &self,
        tenant: TenantId,
        delivery: DeliveryId,
    ) -> Result<CommandOutcome, CommandError> {
        let Some(row) = self.store().delivery(tenant, delivery).await? else {
            return Ok(CommandOutcome::NotFound);
        };
        if row.finished_at.is_some() {
            return Ok(CommandOutcome::NotPending);
        }
        if row.batch.is_some() {
            return Ok(CommandOutcome::InBatch);
        }
        match self.shards().withdraw(row.shard, row.webhook, delivery).await {
            Withdrew::Waiting => {}
            Withdrew::InFlight => return Ok(CommandOutcome::Noted),
            Withdrew::InBatch => return Ok(CommandOutcome::InBatch),
        }
        let state = FinalState::Cancelled(CancelReason::Requested);
        let write = Write::Finish { deliveries: vec![delivery], state, now: self.clock().now() };
        let finished = self.journal().write(write).await;
        let lane = LaneKey { shard: row.shard, webhook: row.webhook };
        self.shards().withdrawn(row.shard, row.webhook, delivery).await;
        match finished {
            Ok(Written::Finished(ids)) if ids.contains(&delivery) => {
                self.tell_cancelled(tenant, &row, state);
                Ok(CommandOutcome::Done)
            }
            Ok(_) => {
                // Pending still: it was attempted in a batch since it was looked at, and its lane no longer knows of it.
                let now = self.store().delivery(tenant, delivery).await?;
                if now.is_none_or(|row| row.batch.is_none()) {
                    return Ok(CommandOutcome::NotPending);
                }
                self.shards().reread_lane(lane, tenant).await;
                Ok(CommandOutcome::InBatch)
            }
            Err(error) => {
                // It may still be pending, and its lane no longer knows of it.
                self.shards().reread_lane(lane, tenant).await;
                Err(error)
            }
        }
    }

    fn tell_cancelled(&self, tenant: TenantId, row: &DeliveryRow, state: FinalState) {
        let Some(mut teller) = self.feed().teller() else { return };
        let finished = Finished {
            event: row.event,
            delivery: row.id,
            webhook: row.webhook,
            state,
            attempts: row.attempts,
        };
        teller.tell(Some(tenant), self.clock().now(), || Fact::Finished(finished));
    }

    /// Sends one event to a webhook right now and returns the attempt: with this data, or else with the sample of its type.
    /// It is not stored, not retried and does not count in the webhook's health (readings 004). None when there is no such
    /// webhook.
    ///
    /// # Errors
    /// When too many are on their way, or the database does not answer.
    pub async fn test_webhook(
        &self,
        tenant: TenantId,
        webhook: WebhookId,
        event_type: EventType,
        data: Option<Bytes>,
    ) -> Result<Option<Attempt>, CommandError> {
        let _place = TEST_SENDS.enter(tenant).ok_or(CommandError::TooManyTests)?;
        let Some(webhook) = self.store().webhook(tenant, webhook).await? else { return Ok(None) };
        let sample = match data {
            Some(data) => Sample { data, previous_data: None, origin: SampleOrigin::Given },
            None => self.sample(tenant, &event_type, webhook.config.profile).await?,
        };
        let input = AttemptInput::test(webhook, event_type, sample, self.clock().now());
        let attempt = self.sender().attempt(input).await;
        attempt.map(Some).map_err(|NotStarted| CommandError::Unavailable("the event cannot be read".into()))
    }
}
